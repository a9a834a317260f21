"""What workers and the machine of a run exchange lies below ``state.prefix``, whatever it is. Real botocore over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.work import CLAIMS_PREFIX, WORK_PREFIX, WorkStore
from orchestrator.config.catalogue import Account, Catalogue
from orchestrator.run.executor.records import StepKind, UnitTask, WorkPlace
from orchestrator.run.executor.worker_run import account_at, only_account
from tests.support.aws import FakeAws, World, catalogue, give_keys, standard_chain, with_account

BUCKET = "/ams-111111111111-tfstate"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def aws(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(world, tmp_path, monkeypatch) as fake:
        give_keys(monkeypatch)
        yield fake


def sent(live: Catalogue, account: Account, file: Path, prefix: str) -> UnitTask:
    """A task as its machine sends it, with an object that it stored, after the trip through the scheduler."""
    stored = WorkStore(Identities(live, None)).put(account, Role.PLAN, f"{WORK_PREFIX}r/repository.tar.gz", file)
    place = WorkPlace(
        account.name, account.id, account.region, account.state_bucket, account.roles, account.profile, prefix
    )
    return UnitTask.parse(UnitTask("0", "r", StepKind.APPLY, "prod/api", False, place, stored).text())


@pytest.mark.parametrize("prefix", ["", "a/", "team/platform/"])
def test_every_key_of_a_task_starts_with_the_prefix(aws: FakeAws, world: World, tmp_path: Path, prefix: str) -> None:
    live = catalogue(tmp_path)
    live = with_account(live, replace(live.accounts["production"], state_prefix=prefix))
    account = live.accounts["production"]
    file = tmp_path / "file"
    file.write_text("content")
    task = sent(live, account, file, prefix)

    there = account_at(task.place)
    worker = WorkStore(Identities(only_account(there), None))
    worker.get(there, Role.PLAN, task.snapshot, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_text() == "content"
    result = worker.put(there, Role.PLAN, f"{WORK_PREFIX}r/prod/api/apply.tar.gz", file)
    assert worker.claim(there, Role.APPLY, f"{CLAIMS_PREFIX}r/prod/api.json", {"worker": "w"}) == {"worker": "w"}

    here = WorkStore(Identities(live, None))
    here.get(account, Role.PLAN, result, tmp_path / "result")
    here.remove(account, Role.PLAN, f"{WORK_PREFIX}r/")

    assert set(world.objects) >= {
        f"{BUCKET}/{prefix}claims/r/prod/api.json",
        f"{BUCKET}/{prefix}work/r/repository.tar.gz",
    }
    keys = [call.path.removeprefix(f"{BUCKET}/") for call in aws.calls if call.path.startswith(f"{BUCKET}/")]
    assert [
        key for key in keys if key and not key.startswith(f"{prefix}work/") and not key.startswith(f"{prefix}claims/")
    ] == []
    listed = [call.fields["prefix"] for call in aws.calls if "list-type" in call.fields]
    assert listed == [f"{prefix}work/r/"]
    deleted = [call.body for call in aws.calls if "delete" in call.fields]
    assert len(deleted) == 1
    assert deleted[0].count(f"<Key>{prefix}work/r/") == deleted[0].count("<Key>") == 2
