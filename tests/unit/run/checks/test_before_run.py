"""What the checks before a run ask AWS, how often, and what waits for what."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.ledger_entry import entry_bytes, entry_key, make_entry
from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.catalogue import Catalogue, Roles
from orchestrator.errors import SetupError, UnitError
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from orchestrator.run.checks.before_run import check_before_run
from orchestrator.run.checks.blocked import BlockedUnits
from orchestrator.terraform.model import StateRecord
from tests.support.aws import (
    BPM,
    PRODUCTION,
    Answer,
    AtOnce,
    Call,
    FakeAws,
    World,
    catalogue,
    give_keys,
    refused,
    standard_chain,
)
from tests.support.project import REPOSITORY

BUCKET = f"/ams-{PRODUCTION}-tfstate"
ROLES = Roles()
LOCK = f"{BUCKET}/prod/data/eu-west-1/terraform.tfstate.tflock"
STATE = '{"version": 4, "serial": 1, "lineage": "line", "outputs": {}, "resources": []}'


@pytest.fixture
def world() -> World:
    made = World()
    for number in (PRODUCTION, BPM):
        made.refuse[f"HEAD /ams-{number}-tfstate"] = Answer(200)
    return made


@pytest.fixture
def aws(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(world, tmp_path, monkeypatch) as fake:
        give_keys(monkeypatch)
        yield fake


@pytest.fixture
def live(tmp_path: Path) -> Catalogue:
    shutil.copytree(REPOSITORY / "policies", tmp_path / "policies")
    return catalogue(tmp_path)


def checked(live: Catalogue, *ids: str, command: str = "plan", compare: bool = True, read: bool = True) -> BlockedUnits:
    """Run the checks, and read the states of the units as the run does next."""
    identities = Identities(live, None)
    states = StateStore(live, identities, {"aws_cognito_user_pool"})
    try:
        found = check_before_run(
            live,
            identities,
            states,
            Ledger(live, identities, states),
            [live.units[id_] for id_ in ids],
            judge=Judge(Checks(Policies.load(live.root))),
            lock={},
            command=command,
            compare=compare,
        )
        for id_ in ids if read else ():
            states.read(live.units[id_])
        return found
    finally:
        states.close()


def apply(world: World, live: Catalogue, *ids: str) -> None:
    """Give units a state and a ledger entry."""
    for id_ in ids:
        unit = live.units[id_]
        bucket = f"/{live.account_of(unit).state_bucket}"
        world.objects[f"{bucket}/{unit.state_key}"] = STATE
        entry = make_entry(live, unit, StateRecord("line", 1, {}, ()))
        world.objects[f"{bucket}/{entry_key(unit.folder)}"] = entry_bytes(entry).decode()


def listings(aws: FakeAws) -> list[str]:
    """What was listed: prefixes, and ``*`` for the stages of a bucket."""
    asked = [call.fields for call in aws.calls if "list-type" in call.fields]
    return sorted(fields["prefix"] if fields.get("prefix") else "*" for fields in asked)


def test_a_plan_waits_for_three_answers_one_after_the_other(aws: FakeAws, world: World, live: Catalogue) -> None:
    """Who the user is, the role, and then everything else: the id, the bucket, the listings, the state."""

    def group(call: Call) -> str | None:
        return "rest" if call.action != "AssumeRole" and call.key_id in world.roles else None

    apply(world, live, "prod/data")
    aws.answer = AtOnce(world, {"rest": 6}, group)
    assert checked(live, "prod/data") == BlockedUnits()
    assert listings(aws) == ["*", "ledger/", "prod/"]
    assert aws.count("GetCallerIdentity") == 2, "the user and the role, each once"
    assert len(aws.calls) == 8, "none twice"


def test_every_account_and_stage_is_listed_once_and_at_the_same_time(
    aws: FakeAws, world: World, live: Catalogue
) -> None:
    apply(world, live, "prod/data", "bpm-prod/tasks")
    aws.answer = AtOnce(world, {"list": 6}, lambda call: "list" if "list-type" in call.fields else None)
    checked(live, "prod/data", "bpm-prod/tasks", command="destroy")
    assert listings(aws) == ["*", "*", "bpm-prod/", "ledger/", "ledger/", "prod/"]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("compare", [True, False])
def test_locks_are_seen_in_the_listing_of_the_states(world: World, live: Catalogue, compare: bool) -> None:
    apply(world, live, "prod/data")
    world.objects[LOCK] = "{}"
    assert checked(live, "prod/data", command="destroy", compare=compare).locked == {"prod/data"}
    del world.objects[LOCK]
    assert checked(live, "prod/data", command="destroy", compare=compare).locked == frozenset()


def test_nothing_is_read_under_a_role_that_is_refused(aws: FakeAws, world: World, live: Catalogue) -> None:
    world.refuse["AssumeRole"] = refused("AccessDenied", "not authorized")
    with pytest.raises(SetupError, match="cannot assume the plan role"):
        checked(live, "prod/data")
    assert (aws.count("AssumeRole"), listings(aws)) == (1, [])
    assert {call.method for call in aws.calls} == {"POST"}


def test_before_the_baseline_is_applied_nothing_is_read_under_the_roles_that_it_makes(
    aws: FakeAws, world: World, live: Catalogue
) -> None:
    apply(world, live, "production/baseline", "prod/data")
    ids = ("production/baseline", "prod/data")
    assert live.units[ids[0]].baseline
    checked(live, *ids, command="apply", read=False)
    assert {world.role_of(call) for call in aws.calls if call.method == "GET"} == {f"{PRODUCTION}/{ROLES.bootstrap}"}


POOL = json.dumps(
    {
        "version": 4,
        "serial": 3,
        "lineage": "line",
        "outputs": {},
        "resources": [
            {
                "mode": "managed",
                "module": "module.this",
                "type": "aws_cognito_user_pool",
                "name": "this",
                "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
                "instances": [{"attributes": {"id": "eu-west-1_a", "name": "users"}}],
            }
        ],
    }
)
UNKNOWN = f"{BUCKET}/old/users/eu-west-1/terraform.tfstate"


def entry_of(live: Catalogue, stage: str, stack: str, state: StateRecord) -> str:
    unit = replace(live.units["prod/data"], id=f"{stage}/{stack}", stage=stage, stack=stack)
    return entry_bytes(make_entry(live, unit, state)).decode()


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("stage", ["old", "prod", "production"], ids=["a stage", "a stack", "a stack of the account"])
def test_a_state_that_no_ledger_lists_is_there(world: World, live: Catalogue, stage: str) -> None:
    """The first apply of a unit made its pool, and was killed before it could write the entry."""
    apply(world, live, "prod/data")
    world.objects[f"{BUCKET}/{stage}/users/eu-west-1/terraform.tfstate"] = POOL
    found = checked(live, "prod/data", read=False)
    (report,) = found.reports
    assert report.unit == f"{stage}/users"
    (finding,) = report.findings
    assert (finding.rule, finding.address) == ("ORCH_ORPHANED", f"{stage}/users/eu-west-1/terraform.tfstate")
    assert "no ledger entry lists it" in finding.cause
    assert "aws_cognito_user_pool.this (eu-west-1_a)" in finding.message
    assert set(found.accounts) == {"production"}


@pytest.mark.usefixtures("aws")
def test_a_unit_under_a_new_name_is_not_created_beside_a_state_that_no_ledger_lists(
    world: World, live: Catalogue
) -> None:
    apply(world, live, "production/baseline")
    world.objects[f"{BUCKET}/old/data/eu-west-1/terraform.tfstate"] = POOL
    found = checked(live, "prod/data", read=False)
    assert [each.unit for each in found.reports] == ["old/data"]
    duplicate = found.duplicates["prod/data"]
    assert (duplicate.rule, "orch move old prod" in (duplicate.hint or "")) == ("ORCH_DUPLICATE", True)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("newer", [True, False])
def test_an_entry_that_is_older_than_the_state_does_not_hide_what_is_in_it(
    world: World, live: Catalogue, newer: bool
) -> None:
    """A destroy emptied the unit and its entry; the next apply was killed."""
    apply(world, live, "prod/data")
    key = f"{BUCKET}/{entry_key('old/users/eu-west-1')}"
    world.objects |= {UNKNOWN: POOL, key: entry_of(live, "old", "users", StateRecord("line", 2, {}, ()))}
    world.times |= {UNKNOWN: "2026-11-26T12:00:05", key: f"2026-11-26T12:00:0{4 if newer else 6}"}
    found = checked(live, "prod/data", read=False)
    assert [each.unit for each in found.reports] == (["old/users"] if newer else [])


def test_an_emptied_state_is_not_read_again_in_every_run(aws: FakeAws, world: World, live: Catalogue) -> None:
    apply(world, live, "prod/data")
    key = f"{BUCKET}/{entry_key('old/users/eu-west-1')}"
    world.objects |= {UNKNOWN: STATE, key: entry_of(live, "old", "users", StateRecord("line", 2, {}, ()))}
    assert checked(live, "prod/data", read=False) == BlockedUnits()
    assert UNKNOWN not in {call.path for call in aws.calls}


@pytest.mark.usefixtures("aws")
def test_what_is_no_state_is_told_with_its_place(world: World, live: Catalogue) -> None:
    apply(world, live, "prod/data")
    world.objects[UNKNOWN] = "{}"
    with pytest.raises(UnitError, match=r"s3://ams-\d+-tfstate/old/users/eu-west-1/terraform.tfstate"):
        checked(live, "prod/data", read=False)
