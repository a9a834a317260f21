"""The ledger matches the state despite concurrent writes, never contains a value, and rejects unknown formats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.ledger_entry import (
    LedgerEntry,
    LedgerProvider,
    entry_bytes,
    entry_key,
    folder_of,
    parse_entry,
)
from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import SetupError, UnitError
from orchestrator.terraform.model import StateResource
from tests.support.aws import PRODUCTION, Answer, Call, FakeAws, World, catalogue, give_keys, s3_refused, standard_chain

BUCKET = f"/ams-{PRODUCTION}-tfstate/"
STATE = BUCKET + "prod/data/eu-west-1/terraform.tfstate"
ENTRY = BUCKET + "ledger/prod/data/eu-west-1.json"


def state(serial: int = 1, **resources: dict[str, Any]) -> str:
    """Return a state with one instance of each given type, in module.this."""
    return json.dumps(
        {
            "version": 4,
            "serial": serial,
            "lineage": "line",
            "outputs": {},
            "resources": [
                {
                    "mode": "managed",
                    "module": "module.this",
                    "type": type_,
                    "name": "this",
                    "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
                    "instances": [{"attributes": attributes}],
                }
                for type_, attributes in resources.items()
            ],
        }
    )


POOL = {"id": "eu-west-1_a", "arn": "arn:pool", "name": "users", "lambda_config": "hush", "creation_date": "hush"}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def aws(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(world, tmp_path, monkeypatch) as fake:
        give_keys(monkeypatch)
        yield fake


@pytest.fixture
def live(tmp_path: Path) -> Catalogue:
    return catalogue(tmp_path)


@pytest.fixture
def data(live: Catalogue) -> Unit:
    return live.units["prod/data"]


@pytest.fixture
def ledger(live: Catalogue, aws: FakeAws) -> Ledger:
    identities = Identities(live, None)
    return Ledger(live, identities, StateStore(live, identities, {"aws_cognito_user_pool"}))


def test_an_entry_says_which_objects_must_not_be_lost_and_nothing_that_they_hold(
    aws: FakeAws, world: World, data: Unit, ledger: Ledger, live: Catalogue
) -> None:
    world.objects[STATE] = state(7, aws_cognito_user_pool=POOL, aws_db_instance={"id": "db", "password": "hush"})
    ledger.record(data)
    text = world.objects[ENTRY]
    assert "hush" not in text
    entry = ledger.read(live.accounts["production"], Role.PLAN, data.folder)
    assert entry is not None
    pool = StateResource(
        "module.this.aws_cognito_user_pool.this", "aws_cognito_user_pool", "eu-west-1_a", "arn:pool", "users"
    )
    assert entry.protected == (pool,)
    assert (entry.unit, entry.lineage, entry.serial, entry.resources) == ("prod/data", "line", 7, 2)
    assert (entry.account, entry.account_id, entry.catalogue) == ("production", PRODUCTION, "ams")
    assert json.loads(text)["format"] == 1
    writes = {world.role_of(c) for c in aws.calls if c.method == "PUT"}
    assert writes == {f"{PRODUCTION}/orch-apply"}


def test_after_a_destroy_the_entry_is_empty_and_of_what_never_was_there_is_none(
    world: World, data: Unit, ledger: Ledger
) -> None:
    assert ledger.record(data) is None
    assert not world.objects
    world.objects[STATE] = state(1, aws_cognito_user_pool=POOL)
    ledger.record(data)
    world.objects[STATE] = state(2)
    entry = ledger.record(data)
    assert entry is not None
    assert entry.empty
    assert (entry.serial, entry.protected) == (2, ())
    del world.objects[STATE]  # moved away
    entry = ledger.record(data)
    assert entry is not None
    assert (entry.empty, entry.lineage) == (True, "")


def test_the_last_word_is_about_the_state_that_is_there(aws: FakeAws, world: World, data: Unit, ledger: Ledger) -> None:
    """Another apply ends right after the state was read. The older entry must not replace its newer one."""
    world.objects[STATE] = state(1, aws_cognito_user_pool=POOL)
    plain = aws.answer
    raced: list[Call] = []

    def answer(call: Call) -> Answer:
        if call.method == "PUT" and not raced:
            raced.append(call)
            world.objects[STATE] = state(2)
        return plain(call)

    aws.answer = answer
    ledger.record(data)
    assert json.loads(world.objects[ENTRY])["serial"] == 2


def test_a_state_that_never_rests_is_told(aws: FakeAws, world: World, data: Unit, ledger: Ledger) -> None:
    world.objects[STATE] = state(1)
    plain = aws.answer

    def answer(call: Call) -> Answer:
        if call.method == "PUT":
            world.objects[STATE] = state(json.loads(world.objects[STATE])["serial"] + 1)
        return plain(call)

    aws.answer = answer
    with pytest.raises(UnitError, match="keeps changing while its ledger entry"):
        ledger.record(data)


def test_a_listing_tells_entries_and_states_from_everything_else(
    world: World, data: Unit, ledger: Ledger, live: Catalogue
) -> None:
    account = live.accounts["production"]
    world.objects |= {STATE: state(1), STATE + ".tflock": "{}", BUCKET + "outputs/prod/data/eu-west-1.json": "{}"}
    world.objects[BUCKET + "ledger/stack/eu-west-1/terraform.tfstate"] = "a stage that is named ledger"
    ledger.record(data)
    world.times[ENTRY] = "2026-11-26T12:00:05"
    assert ledger.entries(account, Role.PLAN) == {data.folder: datetime(2026, 11, 26, 12, 0, 5, tzinfo=UTC)}
    found = ledger.states(account, Role.PLAN, "prod")
    assert set(found.written) == found.locked == {data.folder}
    del world.objects[STATE + ".tflock"]
    assert ledger.states(account, Role.PLAN, "prod").locked == frozenset()


def test_what_is_no_entry_or_of_another_format_is_refused(
    world: World, data: Unit, ledger: Ledger, live: Catalogue
) -> None:
    account = live.accounts["production"]
    world.objects[STATE] = state(1)
    ledger.record(data)
    right = world.objects[ENTRY]
    world.objects[ENTRY] = right.replace('"format": 1', '"format": 2')
    with pytest.raises(UnitError, match="has the format 2") as caught:
        ledger.read(account, Role.PLAN, data.folder)
    assert "use the version of orch that wrote it" in (caught.value.hint or "")
    for broken in ("", "null", "[]", right[:40], right.replace('"protected": []', '"protected": 1')):
        world.objects[ENTRY] = broken
        with pytest.raises(UnitError, match="is not a ledger entry"):
            ledger.read(account, Role.PLAN, data.folder)
    del world.objects[ENTRY]
    assert ledger.read(account, Role.PLAN, data.folder) is None


def test_what_cannot_be_listed_is_an_error(world: World, ledger: Ledger, live: Catalogue) -> None:
    world.refuse[f"GET {BUCKET.rstrip('/')}"] = s3_refused("NoSuchBucket", "no", 404)
    with pytest.raises(SetupError, match="tfstate"):
        ledger.entries(live.accounts["production"], Role.PLAN)


_words = st.text(alphabet="abcz019-_./[]\"'$ü", max_size=12)
_resources = st.builds(StateResource, _words, _words, _words, _words, _words, _words)
_entries = st.builds(
    LedgerEntry,
    unit=_words,
    stage=_words,
    stack=_words,
    region=_words,
    account=_words,
    account_id=_words,
    state_key=_words,
    module=_words,
    catalogue=_words,
    lineage=_words,
    serial=st.integers(0, 10**9),
    resources=st.integers(0, 10**6),
    protected=st.lists(_resources, max_size=3).map(tuple),
    upstreams=st.lists(_words, max_size=3).map(tuple),
    providers=st.lists(st.builds(LedgerProvider, _words, st.none() | _words, _words, _words), max_size=2).map(tuple),
    of_account=st.booleans(),
    orch=_words,
    time=_words,
)


@given(_entries)
def test_an_entry_survives_being_written(entry: LedgerEntry) -> None:
    assert parse_entry(entry_bytes(entry), "here") == entry


@given(st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True), st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True))
def test_a_key_says_whose_it_is(stage: str, stack: str) -> None:
    folder = f"{stage}/{stack}/eu-west-1"
    assert folder_of(entry_key(folder)) == folder
    assert folder_of(f"{folder}/terraform.tfstate") is None


def test_two_units_in_two_regions_have_two_entries(data: Unit) -> None:
    assert entry_key(data.folder) != entry_key(replace(data, region="us-east-1").folder)
