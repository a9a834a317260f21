"""The rules for who may apply what: confirmation, restricted accounts, clean working trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import UsageError
from orchestrator.guard.policies.load import is_ignored
from orchestrator.util.git import Repository

_CONFIGURATION = (
    "*.tf",
    "*.tf.json",
    "*.tofu",
    "*.tofu.json",
    "*.tfvars",
    "*.tfvars.json",
    "live/*.yaml",
    "live/*.yml",
    "policies/*",
)
"""Pathspecs of git for the files that say what is applied, and how it is judged."""


@dataclass(frozen=True, slots=True)
class ApprovalContext:
    """The conditions under which an apply is asked for.

    Attributes:
        yes: ``--yes`` was given.
        terminal: a user can be asked.
        emulated: the run acts on the emulator.
        ci: the run is in CI (the environment variable ``CI``).
        break_glass: ``--break-glass`` was given.
    """

    yes: bool
    terminal: bool
    emulated: bool
    ci: bool
    break_glass: bool = False


def in_ci(env: Mapping[str, str]) -> bool:
    """Return whether this is CI. GitHub, GitLab, CircleCI and others set ``CI``."""
    return env.get("CI", "").lower() in {"1", "true", "yes"}


def check_apply_allowed(catalogue: Catalogue, units: Sequence[Unit], given: ApprovalContext) -> tuple[str, ...]:
    """Check that an apply or destroy of these units is allowed at all.

    Returns:
        The words that the user must type: the names of restricted stages; empty when yes or no is enough.

    Raises:
        UsageError: no user can be asked and ``--yes`` is missing; ``--yes`` for a restricted account outside CI;
            ``--break-glass`` in CI; uncommitted changes, for a restricted account.
    """
    if given.break_glass and given.ci and not given.emulated:
        message = "--break-glass does not work in CI: it is for a user at a terminal while CI is down"
        raise UsageError(message, hint="in CI, a merged waiver allows a blocked change: orch waive FINDING")
    if not given.yes and not given.terminal:
        message = "cannot ask for approval: stdin is not a terminal"
        raise UsageError(message, hint="use --yes to apply without a question")
    restricted = [unit for unit in units if catalogue.restricted_accounts(unit)]
    if not restricted or given.emulated:
        return ()
    accounts = _restricted(catalogue, restricted)
    if given.yes and not given.ci:
        message = f"--yes does not work for the restricted account {accounts}"
        also = "" if given.break_glass else ", or apply from CI"
        raise UsageError(message, hint=f"run without --yes and type the stage name{also}")
    check_clean(catalogue, restricted, emulated=given.emulated)
    return tuple(dict.fromkeys(unit.stage for unit in restricted))


def check_clean(catalogue: Catalogue, units: Sequence[Unit], *, emulated: bool) -> None:
    """Check that nothing is applied to a restricted account from uncommitted files.

    Raises:
        UsageError: a unit can change a restricted account, and the working tree has uncommitted changes.
    """
    accounts = _restricted(catalogue, units)
    if emulated or not accounts:
        return
    dirty = dirty_files(catalogue.root)
    if dirty:
        more = f" and {len(dirty) - 1} more" if len(dirty) > 1 else ""
        message = f"uncommitted changes ({dirty[0]}{more}), and {accounts} is restricted"
        raise UsageError(
            message, hint="commit or stash them: restricted accounts are applied from committed files only"
        )


def _restricted(catalogue: Catalogue, units: Sequence[Unit]) -> str:
    return ", ".join(sorted({name for unit in units for name in catalogue.restricted_accounts(unit)}))


def dirty_files(root: Path) -> tuple[str, ...]:
    """Return the files that differ from the last commit or are untracked, also where git is told not to look.

    Ignored files count if they are configuration: an ignored ``*_override.tf`` is applied like any other. Other ignored
    files, for example packages that are built before, do not count.

    Raises:
        UsageError: the folder is not in a git repository, or git is not installed.
    """
    repository = Repository.find(root)
    if repository is None:
        message = "cannot check for uncommitted changes: this is not a git repository"
        raise UsageError(message, hint="an apply to a restricted account requires a git repository")
    ignored = [name for name in repository.ignored(_CONFIGURATION) if not _is_left_out(name)]
    return (*repository.changed(), *repository.unwatched(), *ignored)


def _is_left_out(name: str) -> bool:
    """Return whether orch does not read a file: hidden files and folders are in no root, nor are caches of Python."""
    return is_ignored(name) or any(part.startswith(".") for part in name.split("/"))
