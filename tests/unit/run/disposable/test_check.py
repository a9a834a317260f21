"""Which stages are disposable in a run: by the key, the protected commit, the ledger and what exists."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.aws.state.ledger import ListedStates
from orchestrator.aws.state.stage_records import StageRecord
from orchestrator.config.catalogue import Catalogue
from orchestrator.config.load import load
from orchestrator.errors import UsageError
from orchestrator.guard.trust.base_commit import find_base
from orchestrator.guard.trust.disposable import DisposableStages
from orchestrator.run.disposable.check import DisposableCheck
from orchestrator.util.git import Repository
from tests.support.catalogue import write
from tests.support.git import Git

LIVE = (
    '== accounts/dev\nid: "222222222222"\naccess: open\n== stacks/app\nmodule: any\n'
    "== stages/feat\naccount: dev\ndisposable: true\nstacks: {app: }\n"
    "== stages/test\naccount: dev\nstacks: {app: }\n"
)
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@dataclass
class Bucket:
    """The ledger and the records of a state bucket. ``resources``: folder -> how many its state has."""

    resources: dict[str, int] = field(default_factory=dict)
    entries_: dict[str, int] = field(default_factory=dict)
    recorded: dict[str, bool] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def states(self, _account: object, _role: object, stage: str) -> ListedStates:
        written = {folder: NOW for folder in self.resources if folder.startswith(f"{stage}/")}
        return ListedStates(written=written, locked=frozenset())

    def state_at(self, _account: object, _role: object, key: str) -> Any:
        return SimpleNamespace(addresses=("x",) * self.resources[key.removesuffix("/terraform.tfstate")])

    def entries(self, _account: object, _role: object, *, prefix: str) -> dict[str, datetime]:
        return {folder: NOW for folder in self.entries_ if f"ledger/{folder}".startswith(prefix)}

    def read_entry(self, folder: str) -> Any:
        return SimpleNamespace(empty=not self.entries_[folder])

    def listed(self, account: Any) -> frozenset[str]:
        self.asked.append(account.name)
        return frozenset(self.recorded)

    def read(self, account: Any, role_or_stage: Any, folder: str | None = None) -> Any:
        if folder is not None:
            return self.read_entry(folder)
        disposable = self.recorded[role_or_stage]
        return StageRecord(role_or_stage, account.id, disposable, commit="", run="", time="")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git = Git(tmp_path)
    write(tmp_path, LIVE)
    git.commit()
    return tmp_path


def check(root: Path, bucket: Bucket, command: str, *stages: str) -> tuple[DisposableStages, tuple[str, ...]]:
    catalogue: Catalogue = load(root)
    repository = Repository.find(root)
    made = DisposableCheck(
        catalogue,
        repository,
        find_base(repository, {}),
        bucket,  # type: ignore[arg-type]  # what it asks of a ledger
        bucket,  # type: ignore[arg-type]  # and of the records
    )
    return made.check([catalogue.units[f"{stage}/app"] for stage in stages or ("feat", "test")], command)


def test_a_new_stage_is_disposable_and_recorded(root: Path) -> None:
    stages, notes = check(root, Bucket(resources={"feat/app/eu-west-1": 0}), "apply")
    assert stages.permissions == {"feat": "feat is disposable (live/stages/feat.yaml:2:13)"}
    assert (set(stages.new), set(stages.lasting), notes) == ({"feat"}, set(), ())


def test_a_recorded_stage_is_disposable_to_its_end(root: Path) -> None:
    bucket = Bucket(resources={"feat/app/eu-west-1": 3}, recorded={"feat": True})
    for command in ("plan", "apply", "destroy"):
        stages, _ = check(root, bucket, command)
        assert (set(stages.permissions), stages.new) == ({"feat"}, frozenset())


@pytest.mark.parametrize("recorded", [{}, {"feat": False}])
@pytest.mark.parametrize(
    "bucket",
    [
        Bucket(resources={"feat/app/eu-west-1": 1}),
        Bucket(resources={"feat/gone-from-live/eu-west-1": 1}),
        Bucket(entries_={"feat/app/eu-west-1": 1}),  # The state is lost.
    ],
    ids=["state", "another unit", "ledger"],
)
@pytest.mark.parametrize("command", ["plan", "apply", "destroy"])
def test_a_stage_that_exists_cannot_be_made_disposable(
    root: Path, bucket: Bucket, recorded: dict[str, bool], command: str
) -> None:
    with pytest.raises(UsageError, match="feat exists, and was not disposable when it was created") as error:
        check(root, replace(bucket, recorded=recorded), command)
    assert str(error.value.where) == "live/stages/feat.yaml:2:13"


def test_a_destroyed_stage_can_come_again_as_a_disposable_one(root: Path) -> None:
    bucket = Bucket({"feat/app/eu-west-1": 0}, {"feat/app/eu-west-1": 0}, {"feat": False})
    assert check(root, bucket, "apply")[0].new == {"feat"}


@pytest.mark.parametrize("command", ["apply", "move", "adopt"])
def test_whatever_fills_a_stage_without_the_key_makes_it_last(root: Path, command: str) -> None:
    stages, _ = check(root, Bucket(recorded={"feat": True, "test": True}), command)
    assert stages.lasting == {"test"}
    for reading in ("plan", "destroy", "drift"):
        assert check(root, Bucket(recorded={"feat": True, "test": True}), reading)[0].lasting == frozenset()


def test_before_it_is_merged_it_is_not_created_and_gets_the_full_guard(root: Path) -> None:
    write(root, LIVE.replace("disposable: true\n", ""))
    Git(root).commit()
    write(root, LIVE)
    with pytest.raises(UsageError, match="feat would be created as a lasting stage: it is not disposable in HEAD"):
        check(root, Bucket(), "apply")
    for bucket, command in ((Bucket(), "plan"), (Bucket(recorded={"feat": True}), "destroy")):
        stages, notes = check(root, bucket, command)
        assert stages.permissions == {}
        assert notes == (
            "feat is judged as a lasting stage: it is not disposable in HEAD, the last commit, in an open account",
        )


def test_a_run_without_such_stages_asks_nothing(root: Path) -> None:
    bucket = Bucket()
    assert check(root, bucket, "plan", "test") == (DisposableStages(), ())
    assert check(root, bucket, "destroy", "test") == (DisposableStages(), ())
    assert bucket.asked == []
