"""Names in AWS: what a changed name replaces is a user pool, so every one of them is held by a golden file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.config.naming import SERVICES, aws_name, aws_names, name_collisions
from tests.support.catalogue import loaded

Golden = Callable[[str, str], None]


@dataclass(frozen=True)
class Whose:
    """What a name is made of."""

    settings_name: str
    stage: str
    stack: str
    region_suffix: str = ""
    account_id: str = "111111111111"

    def named(self, service: str) -> str:
        return aws_name(service=service, **asdict(self))


LONG = "a-name-of-thirty-one-letters-xx"
EXAMPLES = {
    "plain": Whose("ams", "prod", "identity"),
    "outside the stage's region": Whose("ams", "prod", "edge", "us-east-1"),
    "forbidden words": Whose("aws", "amazon-prod", "cognito"),
    "a word made by taking one out": Whose("ams", "prod", "aawsws"),
    "just fits a bucket": Whose("ams", LONG, "fourteen-chars"),
    "one too long for a bucket": Whose("ams", LONG, "fifteen-chars-x"),
    "as long as can be": Whose(LONG, LONG, LONG, "ap-southeast-2"),
    "cut at a hyphen": Whose("ams", LONG, "abcdefghijklmnopqr-stuvwxyz-012", "us-east-1"),
}

names = st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True)
long_names = st.from_regex(r"[a-z][a-z0-9-]{26,30}", fullmatch=True)
some_name = names | long_names | st.sampled_from(["aws", "cognito", "amazon-x", "x-aws", "a-", "xcognitox"])
whose = st.builds(
    Whose,
    some_name,
    some_name,
    some_name,
    st.sampled_from(["", "us-east-1", "ap-southeast-2", "us-gov-west-1"]),
    st.from_regex(r"[0-9]{12}", fullmatch=True),
)
services = st.sampled_from(sorted(SERVICES))


def test_every_name_is_what_it_was(golden: Golden) -> None:
    """A difference here replaces resources in every account, so it is a breaking release."""
    text = ""
    for title, example in EXAMPLES.items():
        text += (
            f"# {title}\n" + "".join(f"{service:10}{example.named(service)}\n" for service in sorted(SERVICES)) + "\n"
        )
    golden("names/names.txt", text)


def test_the_usual_name_is_what_a_person_expects() -> None:
    example = EXAMPLES["plain"]
    assert example.named("pool") == "ams-prod-identity"
    assert example.named("bucket") == "ams-prod-identity-111111111111"
    assert EXAMPLES["outside the stage's region"].named("queue") == "ams-prod-edge-us-east-1"


def test_a_name_that_just_fits_is_not_cut_and_one_more_is() -> None:
    fits, longer = EXAMPLES["just fits a bucket"], EXAMPLES["one too long for a bucket"]
    assert len(fits.named("bucket")) == 63
    assert fits.named("bucket").endswith("fourteen-chars-111111111111")
    assert re.fullmatch(r"ams-.*-[0-9a-f]{8}", longer.named("bucket"))
    assert len(longer.named("bucket")) <= 63


def test_a_service_that_is_not_known_is_an_error() -> None:
    with pytest.raises(KeyError):
        EXAMPLES["plain"].named("queues")


@given(whose, services)
def test_a_name_is_what_its_service_allows(example: Whose, service: str) -> None:
    name, allowed = example.named(service), SERVICES[service]
    assert 0 < len(name) <= allowed.limit
    assert re.fullmatch(allowed.allowed, name)
    assert re.fullmatch(r"[a-z][a-z0-9-]*", name)
    assert not any(word in name for word in allowed.without)


@given(whose, whose, services)
def test_others_have_other_names(one: Whose, other: Whose, service: str) -> None:
    """What looks alike when it is written out (a-b/c and a/b-c) is refused by ``same_names``, so it is left out."""
    if not SERVICES[service].unique:
        other = replace(other, account_id=one.account_id)
    assume(_whole(one) != _whole(other))
    assert one.named(service) != other.named(service)


@given(whose, services, st.sampled_from(["stage", "stack", "region_suffix"]))
def test_the_last_letter_counts_in_a_name_that_is_cut(example: Whose, service: str, part: str) -> None:
    """Near neighbours: those that cutting alone would make the same."""
    other = replace(example, **{part: f"{getattr(example, part)}z"})
    assert example.named(service) != other.named(service)


@given(whose, services, st.from_regex(r"[0-9]{12}", fullmatch=True))
def test_only_names_that_are_unique_in_the_world_carry_the_account(example: Whose, service: str, account: str) -> None:
    assume(account != example.account_id)
    other = replace(example, account_id=account)
    assert (example.named(service) != other.named(service)) == SERVICES[service].unique


def _whole(example: Whose) -> str:
    return "-".join(part for part in asdict(example).values() if part)


TEXT = """\
== accounts/main
id: "111111111111"
region: eu-central-1
stacks:
  baseline:
    region: eu-west-1
  audit:
== stages/prod
account: main
region: eu-west-2
stacks:
  edge:
  people:
    named: identity
== stages/live
account: main
named: shop
stacks:
  edge:
  people:
== stages/trial
extends: live
== stacks/baseline
module: any
== stacks/audit
module: any
== stacks/edge
module: any
regions: [eu-west-2, us-east-1]
== stacks/people
module: any
"""


@pytest.fixture
def plain_names(tmp_path: Path) -> Mapping[str, str]:
    catalogue = loaded(tmp_path, TEXT)
    return {id_: aws_names(catalogue, unit)["name"] for id_, unit in catalogue.units.items()}


def test_units_have_names_of_their_stage_stack_and_region(plain_names: Mapping[str, str]) -> None:
    assert plain_names == {
        "main/audit": "ams-main-audit",
        "main/baseline@eu-west-1": "ams-main-baseline-eu-west-1",
        "live/edge@eu-west-2": "ams-shop-edge-eu-west-2",
        "live/edge@us-east-1": "ams-shop-edge-us-east-1",
        "live/people": "ams-shop-people",
        "prod/edge": "ams-prod-edge",
        "prod/edge@us-east-1": "ams-prod-edge-us-east-1",
        "prod/people": "ams-prod-identity",
        "trial/edge@eu-west-2": "ams-trial-edge-eu-west-2",
        "trial/edge@us-east-1": "ams-trial-edge-us-east-1",
        "trial/people": "ams-trial-people",
    }


def test_what_was_renamed_has_every_name_that_it_had(tmp_path: Path, golden: Golden) -> None:
    """A golden file, because changing one of these replaces the pool of somebody who has renamed a stage."""
    catalogue = loaded(tmp_path, TEXT)
    lines = [
        f"{id_}  {service}  {name}"
        for id_ in ("live/people", "prod/people")
        for service, name in sorted(aws_names(catalogue, catalogue.units[id_]).items())
    ]
    golden("names/renamed.txt", "\n".join(lines) + "\n")


def test_a_unit_has_a_name_for_every_service(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, TEXT)
    found = aws_names(catalogue, catalogue.units["prod/edge@us-east-1"])
    whole = Whose("ams", "prod", "edge", "us-east-1")
    assert found == {service: whole.named(service) for service in SERVICES}
    # These are the keys that modules read.
    modules_read = "name bucket pool function role queue table api domain policy log_group"
    assert " ".join(sorted(found)) == " ".join(sorted(modules_read.split()))


def test_units_that_look_alike_in_one_account_are_told(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, TEXT)
    edge = catalogue.units["prod/edge"]
    twin = replace(edge, id="prod/rim", stack="rim", named="edge")
    elsewhere = replace(twin, account="other")
    assert not list(name_collisions("ams", [edge, elsewhere]))
    (problem,) = name_collisions("ams", [edge, twin])
    assert problem.what == "prod/rim and prod/edge have the same name in AWS: ams-prod-edge in account main"
