"""What the checks before a run ask AWS, how often, and what waits for what."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.ledger_entry import entry_bytes, entry_key, make_entry
from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.catalogue import Catalogue, Roles
from orchestrator.errors import SetupError
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
    states = StateStore(live, identities)
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
    return sorted(call.fields["prefix"] for call in aws.calls if "prefix" in call.fields)


def test_a_plan_waits_for_three_answers_one_after_the_other(aws: FakeAws, world: World, live: Catalogue) -> None:
    """Who the user is, the role, and then everything else: the id, the bucket, the listings, the state."""

    def group(call: Call) -> str | None:
        return "rest" if call.action != "AssumeRole" and call.key_id in world.roles else None

    apply(world, live, "prod/data")
    aws.answer = AtOnce(world, {"rest": 5}, group)
    assert checked(live, "prod/data") == BlockedUnits()
    assert listings(aws) == ["ledger/", "prod/"]
    assert aws.count("GetCallerIdentity") == 2, "the user and the role, each once"
    assert len(aws.calls) == 7, "none twice"


def test_every_account_and_stage_is_listed_once_and_at_the_same_time(
    aws: FakeAws, world: World, live: Catalogue
) -> None:
    apply(world, live, "prod/data", "bpm-prod/tasks")
    aws.answer = AtOnce(world, {"list": 4}, lambda call: "list" if "prefix" in call.fields else None)
    checked(live, "prod/data", "bpm-prod/tasks", command="destroy")
    assert listings(aws) == ["bpm-prod/", "ledger/", "ledger/", "prod/"]


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
