"""Who may apply what, and what has to be typed for it: the rules for restricted accounts."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import UsageError


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the rules depend on.

    Attributes:
        yes: the person gave ``--yes``.
        terminal: somebody can be asked.
        emulated: nothing real is touched.
        ci: a CI runs this (the environment variable ``CI``).
        break_glass: it was asked for with ``--break-glass``.
    """

    yes: bool
    terminal: bool
    emulated: bool
    ci: bool
    break_glass: bool = False


def in_ci(env: Mapping[str, str]) -> bool:
    """Whether the environment says that a CI runs this; GitHub, GitLab, CircleCI and others all set ``CI``."""
    return env.get("CI", "").lower() in {"1", "true", "yes"}


def check_consent(catalogue: Catalogue, units: Sequence[Unit], given: Circumstances) -> tuple[str, ...]:
    """Check that an apply or destroy of these units may be asked for at all.

    Returns:
        The words that have to be typed: the names of restricted stages; empty when yes or no is enough.

    Raises:
        UsageError: nobody can be asked and there is no ``--yes``; ``--yes`` for a restricted account outside of CI;
            ``--break-glass`` in CI; a working tree with changes that are not committed, for a restricted account.
    """
    if given.break_glass and given.ci and not given.emulated:
        message = "--break-glass is for a person at a terminal, on the day when CI is down; this is CI"
        raise UsageError(message, hint="in CI a merged waiver allows what is blocked: orch waive FINDING")
    if not given.yes and not given.terminal:
        message = "there is no terminal to ask on"
        raise UsageError(message, hint="give --yes to apply without being asked")
    restricted = [unit for unit in units if catalogue.account_of(unit).restricted]
    if not restricted or given.emulated:
        return ()
    accounts = ", ".join(sorted({unit.account for unit in restricted}))
    if given.yes and not given.ci:
        message = f"--yes does not work for the restricted account {accounts}"
        also = "" if given.break_glass else ", or apply from CI"
        raise UsageError(message, hint=f"run without --yes and type the stage's name{also}")
    check_clean(catalogue, restricted, emulated=given.emulated)
    return tuple(dict.fromkeys(unit.stage for unit in restricted))


def check_clean(catalogue: Catalogue, units: Sequence[Unit], *, emulated: bool) -> None:
    """Check that nothing is applied to a restricted account from files that others cannot see.

    Raises:
        UsageError: a unit is in a restricted account, and the working tree has changes that are not committed.
    """
    accounts = ", ".join(sorted({unit.account for unit in units if catalogue.account_of(unit).restricted}))
    if emulated or not accounts:
        return
    dirty = dirty_files(catalogue.root)
    if dirty:
        more = f" and {len(dirty) - 1} more" if len(dirty) > 1 else ""
        message = f"the working tree has changes that are not committed ({dirty[0]}{more}); {accounts} is restricted"
        raise UsageError(message, hint="commit or stash them: what is applied there must be what everybody can see")


def dirty_files(root: Path) -> tuple[str, ...]:
    """Files that differ from the last commit or are not in git, ignored ones apart.

    Raises:
        UsageError: the folder is no git repository, or there is no git: then nobody can tell.
    """
    command = ["git", "-C", str(root), "status", "--porcelain", "--", "."]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"cannot tell whether the working tree is clean: {error}"
        raise UsageError(message, hint="git is needed to apply in a restricted account") from error
    if done.returncode:
        message = f"cannot tell whether the working tree is clean: {done.stderr.strip().splitlines()[-1:] or ['?']}"
        raise UsageError(message, hint="a restricted account is applied from a git repository")
    return tuple(line[3:] for line in done.stdout.splitlines())
