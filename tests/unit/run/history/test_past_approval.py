"""What a resumed run continues, and when an approval is no longer valid, read from journals alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.errors import ApprovalError, UsageError
from orchestrator.run.history.journal import Journal, hold_journal
from orchestrator.run.history.past_approval import ApplyState, Approval, approval_of, check_units, find_chain
from orchestrator.run.resume import plan_difference
from tests.support.journals import APPROVED, END, PLANNED, ended, make_run, planned

NAMES = [f"20261126-00000{number}-aaaa" for number in range(5)]
HALF = (*PLANNED, APPROVED, ended("prod/a", "applied"))


def approval(runs: Path, run: str | None = None, *, later: timedelta = timedelta()) -> Approval:
    return approval_of(find_chain(runs, run), datetime.now(UTC) + later)


def test_the_newest_unfinished_apply_is_selected(tmp_path: Path) -> None:
    make_run(tmp_path, NAMES[0], *HALF)
    make_run(tmp_path, NAMES[1], *HALF)
    make_run(tmp_path, NAMES[2], *PLANNED, verb="plan")
    make_run(tmp_path, NAMES[3], ended("prod/a", "applied"), ended("prod/b", "applied"), END)
    assert approval(tmp_path).first.run == NAMES[1]
    assert approval(tmp_path, NAMES[0]).first.run == NAMES[0]


def test_a_run_whose_worker_was_lost_is_selected(tmp_path: Path) -> None:
    started: tuple[str, dict[str, object]] = ("apply-started", {"unit": "prod/a", "plan": "11"})
    make_run(tmp_path, NAMES[0], *PLANNED, APPROVED, started, ended("prod/a", "unknown"), END)
    found = approval(tmp_path)
    assert (found.first.run, found.progress["prod/a"].plan) == (NAMES[0], "11")


def test_a_continued_run_selects_the_newest_run_that_continues_it(tmp_path: Path) -> None:
    make_run(tmp_path, NAMES[0], *HALF)
    make_run(tmp_path, NAMES[1], APPROVED, ("apply-started", {"unit": "prod/b", "plan": "22"}), continues=NAMES[0])
    for wanted in (None, *NAMES[:2]):
        found = approval(tmp_path, wanted)
        assert [past.run for past in found.runs] == NAMES[:2]
        assert found.progress["prod/a"].state is ApplyState.DONE
        assert (found.progress["prod/b"].state, found.progress["prod/b"].run) == (ApplyState.STARTED, NAMES[1])


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((), ApplyState.NOT_STARTED),
        ((("apply-started", {"unit": "prod/a"}),), ApplyState.STARTED),
        ((("apply-started", {"unit": "prod/a"}), ("apply-ended", {"unit": "prod/a", "ok": False})), ApplyState.STARTED),
        ((("apply-started", {"unit": "prod/a"}), ("apply-ended", {"unit": "prod/a", "ok": True})), ApplyState.DONE),
        ((("apply-started", {"unit": "prod/a"}), ended("prod/a", "unknown")), ApplyState.STARTED),
        ((ended("prod/a", "unchanged"),), ApplyState.DONE),
        ((ended("prod/a", "no longer as approved"),), ApplyState.NOT_STARTED),
    ],
)
def test_how_far_a_unit_got(
    tmp_path: Path, events: tuple[tuple[str, dict[str, object]], ...], state: ApplyState
) -> None:
    make_run(tmp_path, NAMES[0], *PLANNED, APPROVED, *events)
    assert approval(tmp_path).progress["prod/a"].state is state


def test_the_state_that_an_apply_wrote_is_known_after_its_end(tmp_path: Path) -> None:
    wrote = ("apply-ended", {"unit": "prod/a", "ok": True, "lineage": "abc", "serial": 7})
    make_run(tmp_path, NAMES[0], *PLANNED, APPROVED, wrote, ended("prod/a", "applied"))
    progress = approval(tmp_path).progress["prod/a"]
    assert (progress.lineage, progress.serial) == ("abc", 7)


def test_a_plan_made_after_the_approval_is_not_part_of_it(tmp_path: Path) -> None:
    make_run(tmp_path, NAMES[0], planned("prod/a"), APPROVED, planned("prod/b"))
    assert set(approval(tmp_path).planned) == {"prod/a"}


def test_an_approval_is_valid_for_a_day_however_often_it_is_resumed(tmp_path: Path) -> None:
    since = (datetime.now(UTC) - timedelta(hours=23)).isoformat()
    make_run(tmp_path, NAMES[0], *PLANNED, ("approved", {"how": "typed 'yes'", "since": since}))
    assert not approval(tmp_path).yes
    with pytest.raises(ApprovalError, match="was approved 25 hours ago; an approval is valid for 24") as raised:
        approval(tmp_path, later=timedelta(hours=2))
    assert raised.value.exit_code == 4
    assert "orch apply prod" in str(raised.value.hint)


def test_nothing_is_applied_without_an_approval(tmp_path: Path) -> None:
    make_run(tmp_path, NAMES[0], *PLANNED)
    with pytest.raises(ApprovalError, match="ended before it was approved"):
        approval(tmp_path, NAMES[0])
    with pytest.raises(UsageError, match="no apply on this machine was interrupted or cut off after it was approved"):
        approval(tmp_path)


@pytest.mark.parametrize(
    ("events", "start"),
    [
        ((("run-ended", {"outcome": "failed", "error": "SetupError"}),), {}),
        ((), {"dry_run": True}),
        ((*PLANNED, APPROVED, ended("prod/a", "applied"), ended("prod/b", "applied"), END), {}),
        ((*PLANNED, APPROVED, ("interrupted", {}), ended("prod/a", "applied"), ended("prod/b", "unchanged"), END), {}),
    ],
)
def test_a_run_with_nothing_to_resume_does_not_hide_one_that_has(
    tmp_path: Path, events: tuple[tuple[str, dict[str, object]], ...], start: dict[str, object]
) -> None:
    make_run(tmp_path, NAMES[0], *HALF)
    make_run(tmp_path, NAMES[1], *events, verb="apply", **start)
    (tmp_path / NAMES[2]).mkdir()
    Journal(tmp_path / NAMES[2] / "journal.jsonl").close()  # Killed before its first record.
    assert approval(tmp_path).first.run == NAMES[0]


@pytest.mark.parametrize(
    ("verb", "start", "events"),
    [
        ("plan", {"refresh": False}, PLANNED),
        ("apply", {"refresh": False}, HALF),
        ("apply", {}, (("planned", {"unit": "prod/a", "status": "planned", "refresh": False}), APPROVED)),
    ],
)
def test_a_plan_without_refresh_is_never_applied(
    tmp_path: Path, verb: str, start: dict[str, object], events: tuple[tuple[str, dict[str, object]], ...]
) -> None:
    make_run(tmp_path, NAMES[0], *events, verb=verb, **start)
    with pytest.raises(ApprovalError, match=r"planned without refresh \(--no-refresh\)") as raised:
        approval(tmp_path, NAMES[0])
    assert raised.value.exit_code == 4
    assert raised.value.hint == "plan again: orch apply prod"


def test_a_plan_with_refresh_is_not_one_without(tmp_path: Path) -> None:
    fields = {"unit": "prod/a", "status": "planned", "refresh": True}
    make_run(tmp_path, NAMES[0], ("planned", fields), APPROVED, refresh=True)
    assert set(approval(tmp_path, NAMES[0]).planned) == {"prod/a"}


def test_a_run_that_cannot_be_resumed_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no apply on this machine was interrupted"):
        find_chain(tmp_path, None)
    with pytest.raises(UsageError, match="there is no run 'nope'"):
        find_chain(tmp_path, "nope")
    make_run(tmp_path, NAMES[0], *HALF, verb="destroy")
    with pytest.raises(UsageError, match="was orch destroy; only an apply can be resumed") as raised:
        approval(tmp_path, NAMES[0])
    assert raised.value.hint == "orch destroy prod"
    journal = Journal(tmp_path / NAMES[1] / "journal.jsonl")
    journal.write("run-started", verb="apply", targets=["prod"], units=["prod/a"])
    with pytest.raises(UsageError, match="still running"):
        find_chain(tmp_path, NAMES[1])
    journal.close()
    with hold_journal(tmp_path / NAMES[1] / "journal.jsonl") as mine:
        assert mine
        with pytest.raises(UsageError, match="still running"):
            find_chain(tmp_path, NAMES[1])


def test_a_run_with_a_damaged_journal_is_not_resumed(tmp_path: Path) -> None:
    folder = make_run(tmp_path, NAMES[0], *HALF)
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(b"\0\0\0\n")
    with pytest.raises(ApprovalError, match="damaged in line 6"):
        find_chain(tmp_path, None)


def test_a_unit_that_is_no_longer_in_live_is_refused(tmp_path: Path) -> None:
    make_run(tmp_path, NAMES[0], *HALF)
    with pytest.raises(ApprovalError, match="prod/b, which is no longer in live/"):
        check_units(approval(tmp_path), {"prod/a"})


def test_a_root_is_the_same_only_with_the_same_files(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for root in (one, other):
        (root / "modules").mkdir(parents=True)
        (root / "main.tf").write_text("a")
        (root / "modules" / "x.tf").write_text("x")
    (one / ".terraform.lock.hcl").write_text("init completed it")
    (one / "errored.tfstate").write_text("{}")
    assert plan_difference(one, other) == ""
    (other / "modules" / "x.tf").write_text("y")
    assert plan_difference(one, other) == "modules/x.tf"
    (other / "added.tf").write_text("")
    assert plan_difference(one, other) == "added.tf"
