"""Which stages have expired, which of them are destroyed, and why each other one stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orchestrator.config.catalogue import Stage
from orchestrator.errors import DeniedError, Location, UsageError
from orchestrator.guard.trust.disposable import DisposableStages
from orchestrator.run.assemble import Access
from orchestrator.run.disposable.check import DisposableCheck
from orchestrator.run.disposable.stages import (
    StageStatus,
    days_left,
    expired,
    reap_decisions,
    stage_statuses,
)
from tests.support.aws import catalogue

TODAY = date(2026, 11, 29)
GONE = "2026-11-28"


def stage(expires: str | None, *, disposable: bool = True) -> Stage:
    return Stage("feat", "bpm", "eu-west-1", ("feat", "dev"), Location("x"), expires=expires, disposable=disposable)


class Check:
    """Decides as it is told; ``answer`` is an error, a note, or empty."""

    def __init__(self, answer: Any = "") -> None:
        self._answer = answer

    def check(self, _units: object, command: str) -> tuple[DisposableStages, tuple[str, ...]]:
        assert command == "destroy"
        if isinstance(self._answer, Exception):
            raise self._answer
        return DisposableStages({} if self._answer else {"feat": "yes"}), (self._answer,) if self._answer else ()


@pytest.mark.parametrize(
    ("status", "answer", "reap", "why"),
    [
        (StageStatus(stage(None), ()), "", False, "it has no `expires`"),
        (StageStatus(stage("2026-11-29"), (), 1), "", False, "its last day is 2026-11-29"),
        (StageStatus(stage(GONE), (), 1), "", True, "it expired on 2026-11-28"),
        (StageStatus(stage(GONE), (), None, error="denied"), "", False, "but cannot be read: denied"),
        (StageStatus(stage(GONE), (), 0), "", False, "and nothing of it exists: delete live/stages/feat.yaml"),
        (StageStatus(stage(GONE), (), 0, others=1), "", False, "`orch destroy --orphans feat`"),
        (StageStatus(stage(GONE, disposable=False), (), 1), "", False, "but it is not disposable: `orch destroy feat`"),
        (StageStatus(stage(GONE), (), 1), "it is not merged", False, "it expired on 2026-11-28, but it is not merged"),
        (
            StageStatus(stage(GONE), (), 1),
            UsageError("feat exists"),
            False,
            "it expired on 2026-11-28, but: feat exists",
        ),
        (StageStatus(stage(GONE), (), 1), DeniedError("no ledger"), False, "it expired on 2026-11-28, but: no ledger"),
    ],
)
def test_only_what_has_expired_and_may_lose_everything_goes(
    status: StageStatus, answer: Any, reap: bool, why: str
) -> None:
    (found,) = reap_decisions([status], cast("DisposableCheck", Check(answer)), TODAY)
    assert found.reap is reap
    assert why in found.why


def test_the_last_day_belongs_to_the_stage() -> None:
    assert [days_left(stage(each), TODAY) for each in (None, GONE, "2026-11-29", "2026-12-06")] == [None, -1, 0, 7]
    assert [expired(stage(each), TODAY) for each in (None, GONE, "2026-11-29")] == [False, True, False]


class Bucket:
    """A ledger, and the history of a bucket, in which two units were applied and one was destroyed again."""

    def __init__(self, entries: dict[str, int], versions: int = 3) -> None:
        self._entries = entries
        self._versions = versions

    def entries(self, _account: object, _role: object, *, prefix: str) -> dict[str, object]:
        return {folder: None for folder in self._entries if f"ledger/{folder}".startswith(prefix)}

    def read(self, _account: object, _role: object, folder: str) -> Any:
        return SimpleNamespace(empty=not self._entries[folder])


def test_applied_units_are_counted_and_the_age_is_that_of_the_first_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = catalogue(tmp_path)
    first = datetime(2026, 11, 1, tzinfo=UTC)
    prefixes: list[str] = []

    def versions(_self: object, _account: object, _role: object, prefix: str) -> list[Any]:
        prefixes.append(prefix)
        return [SimpleNamespace(time=first + timedelta(days=day)) for day in (5, 0, 9)]

    monkeypatch.setattr("orchestrator.run.disposable.stages.History.versions", versions)
    bucket = Bucket(
        {"prod/data/eu-west-1": 3, "prod/api/eu-west-1": 0, "prod/gone/eu-west-1": 1, "prod-2/x/eu-west-1": 1}
    )
    access = cast("Access", SimpleNamespace(catalogue=loaded, identities=None, ledger=bucket))
    production, bpm = stage_statuses(access, loaded.stages.values())
    assert (production.applied, production.others, len(production.units)) == (1, 1, 2)
    assert production.age(first + timedelta(days=20, hours=3)) == 20
    assert (bpm.applied, bpm.since, bpm.age(first)) == (0, None, None)
    assert prefixes == ["ledger/prod/"]


def test_an_account_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    class Denied(Bucket):
        def entries(self, account: Any, role: object, *, prefix: str) -> dict[str, object]:
            if account.name == "bpm":
                raise DeniedError("not you")
            return super().entries(account, role, prefix=prefix)

    loaded = catalogue(tmp_path)
    access = cast("Access", SimpleNamespace(catalogue=loaded, identities=None, ledger=Denied({})))
    found = stage_statuses(access, loaded.stages.values())
    assert [(each.applied, each.error) for each in found] == [(0, ""), (None, "not you")]
