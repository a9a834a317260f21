"""States are read once; each failure has its own error; states of other accounts are never read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import DeniedError, OrchError, SetupError, ThrottledError, UnitError
from orchestrator.terraform.state.header import StateHeader
from tests.support.aws import (
    BPM,
    PRODUCTION,
    Answer,
    Call,
    FakeAws,
    World,
    catalogue,
    give_keys,
    s3_refused,
    standard_chain,
    unit,
)


def state(serial: int = 1, **outputs: object) -> str:
    return json.dumps(
        {
            "version": 4,
            "terraform_version": "1.11.4",
            "serial": serial,
            "lineage": "line",
            "outputs": {
                name: {"value": value, "type": "dynamic", **({"sensitive": True} if name == "secret" else {})}
                for name, value in outputs.items()
            },
            "resources": [],
        }
    )


def path(unit: Unit, key: str) -> str:
    number = {"production": PRODUCTION, "bpm": BPM}[unit.account]
    return f"/ams-{number}-tfstate/{key}"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def aws(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(world, tmp_path, monkeypatch) as fake:
        give_keys(monkeypatch)
        monkeypatch.setattr("time.sleep", lambda _: None)
        yield fake


@pytest.fixture
def live(tmp_path: Path) -> Catalogue:
    return catalogue(tmp_path)


@pytest.fixture
def data(live: Catalogue) -> Unit:
    return live.units["prod/data"]


@pytest.fixture
def tasks(live: Catalogue) -> Unit:
    return live.units["bpm-prod/tasks"]


@pytest.fixture
def store(live: Catalogue) -> StateStore:
    return StateStore(live, Identities(live, None))


def test_a_state_is_read_once_under_the_plan_role(aws: FakeAws, world: World, data: Unit, store: StateStore) -> None:
    world.objects[path(data, data.state_key)] = state(3, tables={"users": 1}, secret="x")
    with ThreadPoolExecutor(8) as pool:
        found = [f.result() for f in [pool.submit(store.read, data) for _ in range(8)]]
    assert found == [found[0]] * 8
    assert found[0] is not None
    assert (found[0].serial, found[0].outputs["tables"].value) == (3, {"users": 1})
    (get,) = [c for c in aws.calls if c.method == "GET"]
    assert world.role_of(get) == f"{PRODUCTION}/orch-plan"
    world.objects[path(data, data.state_key)] = state(4)
    renewed = store.refresh(data)
    assert renewed is not None
    assert renewed.serial == 4


def test_a_baselines_state_is_read_under_the_bootstrap_role(
    aws: FakeAws, world: World, live: Catalogue, store: StateStore
) -> None:
    baseline = live.units["production/baseline"]
    world.objects[path(baseline, baseline.state_key)] = state()
    store.read(baseline)
    store.publish(baseline)
    assert {world.role_of(c) for c in aws.calls if c.method in ("GET", "PUT")} == {
        f"{PRODUCTION}/OrganizationAccountAccessRole"
    }


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (s3_refused("AccessDenied", "orch-plan may not s3:GetObject", 403), (DeniedError, "orch-plan may not")),
        (s3_refused("SlowDown", "Reduce your request rate.", 503), (ThrottledError, "AWS throttled")),
        (s3_refused("NoSuchBucket", "The bucket does not exist", 404), (SetupError, "orch bootstrap production")),
        (s3_refused("InternalError", "We are sorry", 500), (UnitError, "InternalError: We are sorry")),
        (Answer(200, "not a state", {"ETag": '"x"'}), (UnitError, "state")),
    ],
)
@pytest.mark.usefixtures("aws")
def test_every_failure_is_its_own(
    world: World, data: Unit, store: StateStore, answer: Answer, wanted: tuple[type[OrchError], str]
) -> None:
    place = f"GET {path(data, data.state_key)}"
    world.refuse[place] = answer
    with pytest.raises(wanted[0], match=wanted[1]) as caught:
        store.read(data)
    assert "prod/data" in caught.value.what
    world.refuse.clear()
    assert store.read(data) is None, "a failure is not kept: the next one may be luckier"


@pytest.mark.usefixtures("aws")
def test_what_is_not_applied_or_destroyed_has_no_outputs(world: World, tasks: Unit, store: StateStore) -> None:
    assert store.read(tasks) is None
    assert store.published(tasks) is None
    store.publish(tasks)
    assert not world.objects, "there is nothing to publish"
    world.objects[path(tasks, tasks.state_key)] = state(9)
    store.publish(tasks)
    assert store.published(tasks) is None, "after a destroy the state is there and empty"


def test_another_accounts_state_is_never_read(
    aws: FakeAws, world: World, live: Catalogue, tasks: Unit, store: StateStore
) -> None:
    world.objects[path(tasks, tasks.state_key)] = state(5, queue_arn="arn:q", secret="hush")
    store.publish(tasks)
    published = world.objects[path(tasks, tasks.outputs_key)]
    assert "hush" not in published
    assert json.loads(published)["serial"] == 5
    writes = {world.role_of(c) for c in aws.calls if c.method == "PUT"}
    assert writes == {f"{BPM}/orch-apply"}
    aws.calls.clear()
    reader = StateStore(live, Identities(live, None))
    for _ in range(3):
        assert dict(reader.published(tasks) or {}) == {"queue_arn": "arn:q"}
    reads = [c for c in aws.calls if c.method == "GET"]
    assert len(reads) == 2, "one listing, one published file, once in the run"
    assert not [c for c in reads if c.path.endswith(".tfstate")]
    assert {world.role_of(c) for c in reads} == {f"{BPM}/orch-plan"}


@pytest.mark.usefixtures("aws")
def test_outputs_that_are_not_of_this_state_are_refused_until_published_again(
    world: World, tasks: Unit, store: StateStore
) -> None:
    world.objects[path(tasks, tasks.state_key)] = state(5, queue_arn="arn:old")
    with pytest.raises(UnitError, match="never published") as caught:
        store.published(tasks)
    assert caught.value.hint == "`orch apply bpm-prod/tasks`"
    store.publish(tasks)
    assert (store.published(tasks) or {})["queue_arn"] == "arn:old"
    world.objects[path(tasks, tasks.state_key)] = state(6, queue_arn="arn:new")
    store.forget(tasks.id)
    with pytest.raises(UnitError, match="do not match its state"):
        store.published(tasks)
    store.publish(tasks)
    assert (store.published(tasks) or {})["queue_arn"] == "arn:new"


def test_publishing_what_is_published_writes_nothing(
    aws: FakeAws, world: World, tasks: Unit, store: StateStore
) -> None:
    world.objects[path(tasks, tasks.state_key)] = state(5, queue_arn="arn:q")
    for _ in range(3):
        store.publish(tasks)
    assert len([c for c in aws.calls if c.method == "PUT"]) == 1
    world.objects[path(tasks, tasks.outputs_key)] = "garbage"
    store.publish(tasks)
    assert json.loads(world.objects[path(tasks, tasks.outputs_key)])["outputs"] == {"queue_arn": "arn:q"}


@pytest.mark.usefixtures("aws")
def test_a_published_file_of_another_format_is_not_guessed_at(world: World, tasks: Unit, store: StateStore) -> None:
    world.objects[path(tasks, tasks.state_key)] = state(5, queue_arn="arn:q")
    store.publish(tasks)
    place = path(tasks, tasks.outputs_key)
    world.objects[place] = world.objects[place].replace('"format": 1', '"format": 2')
    store.forget(tasks.id)
    with pytest.raises(UnitError, match="was not published for"):
        store.published(tasks)


def test_every_call_says_whose_the_bucket_must_be(aws: FakeAws, world: World, tasks: Unit, store: StateStore) -> None:
    world.objects[path(tasks, tasks.state_key)] = state(5, queue_arn="arn:q")
    store.publish(tasks)
    store.published(tasks)
    s3 = [c for c in aws.calls if c.path.startswith("/ams-")]
    assert len(s3) == 5
    assert {c.headers["x-amz-expected-bucket-owner"] for c in s3} == {BPM}


def test_states_that_are_read_ahead_are_not_read_again(
    aws: FakeAws, world: World, data: Unit, tasks: Unit, store: StateStore
) -> None:
    world.objects[path(data, data.state_key)] = state(serial=3)
    store.read_ahead([data, tasks])
    found = store.read(data)
    assert found is not None
    assert found.serial == 3
    assert store.read(tasks) is None
    store.close()
    assert sum(call.method == "GET" for call in aws.calls) == 2
    store.forget(data.id)
    world.objects[path(data, data.state_key)] = state(serial=4)
    again = store.read(data)
    assert again is not None
    assert again.serial == 4


@pytest.mark.usefixtures("aws")
def test_a_failure_while_reading_ahead_is_that_of_the_read(world: World, data: Unit, store: StateStore) -> None:
    place = f"GET {path(data, data.state_key)}"
    world.refuse[place] = s3_refused("AccessDenied", "no", 403)
    store.read_ahead([data])
    with pytest.raises(DeniedError):
        store.read(data)
    del world.refuse[place]
    assert store.read(data) is None


def test_nothing_is_read_ahead_after_the_end(aws: FakeAws, live: Catalogue) -> None:
    held = threading.Event()
    plain = aws.answer

    def answer(call: Call) -> Answer:
        if call.method == "GET":
            held.wait(timeout=20)
        return plain(call)

    aws.answer = answer
    units = [unit(f"prod/unit-{number}", "production") for number in range(20)]
    large = replace(live, units={each.id: each for each in units})
    ahead = StateStore(large, Identities(large, None))
    ahead.read_ahead(units)
    ahead.close()
    held.set()
    ahead.read(units[0])
    assert sum(call.method == "GET" for call in aws.calls) <= 9, "those that had begun, and one now"


def test_only_the_state_that_a_plan_was_made_from_stays(
    aws: FakeAws, world: World, data: Unit, tasks: Unit, store: StateStore
) -> None:
    world.objects[path(data, data.state_key)] = state(serial=3)
    store.read(data)
    store.read(tasks)
    asked = len(aws.calls)
    store.forget_unless(data, StateHeader("line", 3))
    store.forget_unless(tasks, StateHeader())
    store.read(data)
    store.read(tasks)
    assert len(aws.calls) == asked
    for other in (StateHeader("line", 4), StateHeader("other", 3), StateHeader()):
        store.forget_unless(data, other)
        store.read(data)
        asked += 1
        assert len(aws.calls) == asked


@pytest.mark.usefixtures("aws")
def test_outputs_that_were_evaluated_and_are_not_in_the_state_are_null(
    world: World, live: Catalogue, tasks: Unit, store: StateStore
) -> None:
    """Terraform keeps no null output in its state."""
    world.objects[path(tasks, tasks.state_key)] = state(5, queue_arn="arn:q", secret="hush")
    store.publish(tasks)
    assert store.null_outputs(tasks) == frozenset(), "nobody knows"
    store.publish(tasks, evaluated={"queue_arn", "secret", "domain"})
    assert store.null_outputs(tasks) == {"domain"}
    assert dict(store.published(tasks) or {}) == {"queue_arn": "arn:q", "domain": None}
    store.publish(tasks)
    assert store.null_outputs(tasks) == {"domain"}, "the state is the same, so it is still true"
    assert "hush" not in world.objects[path(tasks, tasks.outputs_key)]

    world.objects[path(tasks, tasks.state_key)] = state(6, queue_arn="arn:q")
    again = StateStore(live, Identities(live, None))
    assert again.null_outputs(tasks) == frozenset(), "it was another state"
    again.publish(tasks)
    assert dict(again.published(tasks) or {}) == {"queue_arn": "arn:q"}


@pytest.mark.usefixtures("aws")
def test_a_unit_of_null_outputs_only_is_applied(world: World, tasks: Unit, store: StateStore) -> None:
    world.objects[path(tasks, tasks.state_key)] = state(5)
    store.publish(tasks, evaluated={"domain"})
    assert dict(store.published(tasks) or {}) == {"domain": None}
