"""The small rules of a run: approval, exit codes, durations, old runs."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.catalogue import Catalogue, ProviderConfig
from orchestrator.errors import UsageError
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.apply_rules import ApprovalContext, check_apply_allowed, in_ci
from orchestrator.run.exit_codes import detailed_exit_code, exit_code
from orchestrator.run.history.paths import new_run
from orchestrator.run.history.prune import RUNS_TO_KEEP, remove_old
from orchestrator.run.request import RunOptions, parse_duration
from tests.support.aws import catalogue

HERE = ApprovalContext(yes=False, terminal=True, emulated=False, ci=False)


def report(status: Status) -> UnitReport:
    return UnitReport(unit="prod/a", account="production", region="eu-west-1", status=status)


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([], 0),
        ([Status.APPLIED, Status.UNCHANGED, Status.AFTER_UPSTREAMS, Status.PLANNED], 0),
        ([Status.APPLIED, Status.FAILED, Status.SKIPPED], 1),
        ([Status.APPLIED, Status.UNKNOWN, Status.SKIPPED], 1),
        ([Status.UNKNOWN, Status.INTERRUPTED], 130),
        ([Status.BLOCKED, Status.FAILED, Status.SKIPPED, Status.STALE], 3),
        ([Status.STALE, Status.FAILED], 4),
        ([Status.DECLINED], 4),
        ([Status.INTERRUPTED, Status.BLOCKED], 130),
        ([Status.SKIPPED], 1),
    ],
)
def test_exit_codes(statuses: list[Status], code: int) -> None:
    assert exit_code([report(status) for status in statuses]) == code


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([Status.UNCHANGED], 0),
        ([Status.UNCHANGED, Status.PLANNED], 2),
        ([Status.AFTER_UPSTREAMS], 2),
        ([Status.PLANNED, Status.FAILED], 1),
        ([Status.PLANNED, Status.BLOCKED], 3),
        ([Status.STALE], 1),
    ],
)
def test_detailed_exit_codes(statuses: list[Status], code: int) -> None:
    assert detailed_exit_code([report(status) for status in statuses]) == code


@given(st.lists(st.sampled_from(list(Status)), max_size=5))
def test_success_means_that_every_unit_succeeded(statuses: list[Status]) -> None:
    good = {
        Status.UNCHANGED,
        Status.PLANNED,
        Status.APPLIED,
        Status.DESTROYED,
        Status.AFTER_UPSTREAMS,
        Status.MOVED,
        Status.ADOPTED,
        Status.DRIFTED,  # Drift was found, as requested: not a failure.
    }
    assert (exit_code([report(status) for status in statuses]) == 0) is (set(statuses) <= good)


def test_ci_is_detected_from_the_environment() -> None:
    assert in_ci({"CI": "true"})
    assert not in_ci({"CI": ""})
    assert not in_ci({"CI": "false"})
    assert not in_ci({})


def test_without_yes_a_terminal_is_required(tmp_path: Path) -> None:
    nobody = ApprovalContext(yes=False, terminal=False, emulated=False, ci=True)
    with pytest.raises(UsageError, match="stdin is not a terminal"):
        check_apply_allowed(catalogue(tmp_path), list(catalogue(tmp_path).units.values()), nobody)


def test_break_glass_is_refused_in_ci_and_asks_like_any_apply(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    accounts = {name: replace(each, restricted=name == "production") for name, each in found.accounts.items()}
    found = replace(found, accounts=accounts)
    units = list(found.units.values())
    glass = replace(HERE, break_glass=True)
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    assert check_apply_allowed(found, units, glass) == check_apply_allowed(found, units, HERE) != ()
    with pytest.raises(UsageError, match="--yes does not work for the restricted account production") as caught:
        check_apply_allowed(found, units, replace(glass, yes=True))
    assert "CI" not in str(caught.value)
    for yes in (True, False):
        with pytest.raises(UsageError, match="--break-glass does not work in CI"):
            check_apply_allowed(found, units, replace(glass, ci=True, yes=yes))
    assert check_apply_allowed(found, units, replace(glass, ci=True, emulated=True)) == ()
    (tmp_path / "new.yaml").write_text("")
    with pytest.raises(UsageError, match="uncommitted changes"):
        check_apply_allowed(found, units, glass)


@pytest.mark.parametrize("reason", ["", "  ", "-- !"])
def test_break_glass_requires_a_reason(reason: str) -> None:
    with pytest.raises(UsageError, match="requires a reason"):
        RunOptions.parse(["prod"], break_glass=reason)


def test_unrestricted_accounts_ask_for_yes_only(tmp_path: Path) -> None:
    given_catalogue = catalogue(tmp_path)
    assert check_apply_allowed(given_catalogue, list(given_catalogue.units.values()), HERE) == ()


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_a_restricted_account_requires_the_typed_stage_and_a_clean_tree(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    accounts = {name: replace(each, restricted=name == "production") for name, each in found.accounts.items()}
    found = replace(found, accounts=accounts)
    units = list(found.units.values())
    restricted = tuple(dict.fromkeys(unit.stage for unit in units if unit.account == "production"))
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    assert check_apply_allowed(found, units, HERE) == restricted
    (tmp_path / "new.yaml").write_text("")
    with pytest.raises(UsageError, match=r"uncommitted changes \(new.yaml\)"):
        check_apply_allowed(found, units, HERE)
    assert check_apply_allowed(found, units, replace(HERE, emulated=True)) == ()
    with pytest.raises(UsageError, match="--yes does not work for the restricted account production"):
        check_apply_allowed(found, units, replace(HERE, yes=True))
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "all")
    assert check_apply_allowed(found, units, replace(HERE, yes=True, ci=True)) == restricted


def restricted_production(root: Path) -> Catalogue:
    found = catalogue(root)
    accounts = {name: replace(each, restricted=name == "production") for name, each in found.accounts.items()}
    git(root, "init", "-q")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    return replace(found, accounts=accounts)


def test_a_provider_alias_into_a_restricted_account_makes_a_unit_restricted(tmp_path: Path) -> None:
    found = restricted_production(tmp_path)
    tasks = found.units["bpm-prod/tasks"]
    assert check_apply_allowed(found, [tasks], HERE) == ()
    alias = ProviderConfig("aws", "dns", "production", "eu-west-1", tasks.at)
    reaching = replace(tasks, providers=(alias,))
    assert check_apply_allowed(found, [reaching], HERE) == ("bpm-prod",)
    with pytest.raises(UsageError, match="--yes does not work for the restricted account production"):
        check_apply_allowed(found, [reaching], replace(HERE, yes=True))
    (tmp_path / "new.yaml").write_text("")
    with pytest.raises(UsageError, match=r"uncommitted changes \(new.yaml\), and production is restricted"):
        check_apply_allowed(found, [reaching], HERE)
    check_apply_allowed(found, [tasks], HERE)


HIDING = {
    "ignored by name": lambda root: (root / ".git/info/exclude").write_text("*_override.tf\n"),
    "ignored by this clone": lambda root: (root / ".git/info/exclude").write_text("modules/\n"),
    "ignored by the user": lambda root: git(root, "config", "core.excludesFile", ignore_all(root)),
    "untracked files are not shown": lambda root: git(root, "config", "status.showUntrackedFiles", "no"),
}


def ignore_all(root: Path) -> str:
    file = root / ".git" / "everything"
    file.write_text("*\n")
    return str(file)


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")


@pytest.mark.parametrize("hide", HIDING.values(), ids=HIDING)
@pytest.mark.parametrize("name", ["modules/pool/pool_override.tf", "modules/pool/x.auto.tfvars.json"])
def test_configuration_that_git_ignores_is_not_committed(
    tmp_path: Path, hide: Callable[[Path], object], name: str
) -> None:
    found = restricted_production(tmp_path)
    (tmp_path / "modules/pool").mkdir(parents=True)
    (tmp_path / "modules/pool/main.tf").write_text("")
    (tmp_path / ".gitignore").write_text("*.auto.tfvars.json\n")
    commit(tmp_path)
    hide(tmp_path)
    (tmp_path / ".orch/runs").mkdir(parents=True)
    (tmp_path / ".orch/.gitignore").write_text("*\n")
    (tmp_path / ".orch/runs/main.tf").write_text("")
    (tmp_path / "modules/pool/.terraform").mkdir()
    (tmp_path / "modules/pool/.terraform/main.tf").write_text("")
    (tmp_path / ".git/info/exclude").open("a").write(".terraform/\n*.zip\n*.pyc\n")
    (tmp_path / "modules/pool/built.zip").write_text("made before the plan")
    (tmp_path / "policies/x/__pycache__").mkdir(parents=True)
    (tmp_path / "policies/x/__pycache__/check.pyc").write_text("")
    check_apply_allowed(found, list(found.units.values()), HERE)
    (tmp_path / name).write_text("")
    with pytest.raises(UsageError, match=rf"uncommitted changes \({name}"):
        check_apply_allowed(found, list(found.units.values()), HERE)


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_git_is_told_not_to_look_at_is_not_clean(tmp_path: Path, flag: str) -> None:
    found = restricted_production(tmp_path)
    (tmp_path / "live").mkdir()
    file = tmp_path / "live/orch.yaml"
    file.write_text("name: ams\n")
    commit(tmp_path)
    check_apply_allowed(found, list(found.units.values()), HERE)
    git(tmp_path, "update-index", flag, "live/orch.yaml")
    file.write_text("name: other\n")
    with pytest.raises(UsageError, match=r"uncommitted changes \(live/orch.yaml\)"):
        check_apply_allowed(found, list(found.units.values()), HERE)


@pytest.mark.parametrize(
    ("text", "value"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400), ("2h5m10s", 7510)]
)
def test_durations(text: str, value: float) -> None:
    assert parse_duration(text, "--timeout") == value


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "-5m", "10x", "5m!"])
def test_invalid_durations(text: str) -> None:
    with pytest.raises(UsageError, match="invalid duration"):
        parse_duration(text, "--timeout")


def test_old_runs_are_removed_and_a_run_is_private(tmp_path: Path) -> None:
    for number in range(RUNS_TO_KEEP + 3):
        (tmp_path / ".orch" / "runs" / f"20200101-0000{number:02d}-aaaa").mkdir(parents=True)
    made = new_run(tmp_path)
    remove_old(made.of_run.parent)
    kept = sorted(path.name for path in (tmp_path / ".orch" / "runs").iterdir())
    assert len(kept) == RUNS_TO_KEEP
    assert made.run in kept
    assert stat.S_IMODE(made.of_run.stat().st_mode) == 0o700
    assert (tmp_path / ".orch" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    "address", ["tls://scheduler.example.com:8786", "tcp://127.0.0.1:8786", "tcp://localhost:1", "tcp://[::1]:8786"]
)
def test_a_scheduler_uses_tls_or_is_on_this_machine(address: str) -> None:
    assert RunOptions.parse(["prod"], executor="dask", scheduler=address).scheduler == address


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://scheduler.example.com:8786", "does not use TLS"),
        ("tcp://10.0.0.7:8786", "does not use TLS"),
        ("tcp://127.0.0.1.example.com:8786", "does not use TLS"),
        ("tcp://localhost.example.com:8786", "does not use TLS"),
        ("ws://127.0.0.1:8786", "invalid scheduler"),
        ("127.0.0.1:8786", "invalid scheduler"),
        ("inproc://x", "invalid scheduler"),
        ("tls://", "invalid scheduler"),
        ("", "requires the address"),
    ],
)
def test_any_other_scheduler_is_refused(monkeypatch: pytest.MonkeyPatch, address: str, message: str) -> None:
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    with pytest.raises(UsageError, match=message):
        RunOptions.parse(["prod"], executor="dask", scheduler=address)


def test_dasks_own_variable_names_the_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tls://x:1")
    assert RunOptions.parse(["prod"], executor="dask").scheduler == "tls://x:1"
    assert RunOptions.parse(["prod"]).scheduler is None, "a run is on threads unless it is asked for"


@pytest.mark.parametrize("given", [{"executor": "ray"}, {"scheduler": "tls://x:1"}])
def test_executors_are_named(given: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--executor"):
        RunOptions.parse(["prod"], **given)  # type: ignore[arg-type]
