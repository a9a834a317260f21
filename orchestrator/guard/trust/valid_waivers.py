"""Selects the valid waivers: merged, and granted by an owner who wrote neither the waiver nor the change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from orchestrator.guard.findings import LOSS_RULES
from orchestrator.guard.policies.load import POLICIES_FOLDER
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import Loss
from orchestrator.guard.trust.base_commit import BaseCommit, Source
from orchestrator.guard.trust.owners import OWNERS_FILE, Owners
from orchestrator.guard.trust.waiver_policy import DeclaredWaiver, WaiverPolicy
from orchestrator.guard.trust.waivers import WAIVERS_FILE, Waiver, Waivers
from orchestrator.util.git import Repository

WAIVERS_PATH = f"{POLICIES_FOLDER}/{WAIVERS_FILE}"
OWNERS_PATH = f"{POLICIES_FOLDER}/{OWNERS_FILE}"

_NO_REMOTE = (
    "this repository has no remote, so nobody but its author can have agreed to it; in a restricted account it does "
    'not count (docs/break-glass.md, "Alone")'
)
_UNKNOWN_BRANCH = (
    "this clone does not know the default branch of its remote, so nobody can tell whether it is merged: "
    "git remote set-head origin --auto"
)


def valid_waivers(
    repository: Repository,
    base: BaseCommit,
    protected: Protected,
    written: tuple[Waiver, ...],
    waivers: Waivers,
    *,
    restricted: Callable[[str], bool],
) -> WaiverPolicy:
    """Select the valid waivers: merged, and granted by an owner who wrote neither the waiver nor the change.

    For what comes and goes, such as logs and messages, an owner may grant a waiver for their own change. Merged it must
    be all the same.

    Args:
        repository: the repository that contains the configuration.
        base: the commit that waivers and owners come from.
        protected: says what comes and goes.
        written: the waivers of the working tree.
        waivers: the waivers and owners of the base commit.
        restricted: returns whether what a waiver names as its unit can change a restricted account.
    """
    if not written:
        return WaiverPolicy(replace(waivers, entries=()), user=repository.user, history=partial(is_history, protected))
    authors = _Authors(repository, base)
    by_target = {each.target: each for each in waivers.entries}
    found: list[DeclaredWaiver] = []
    valid: list[Waiver] = []
    for each in written:
        waiver = by_target.get(each.target)
        history = is_history(protected, each.rule, each.address)
        if waiver is None:
            why = _unmerged(base)
        else:
            why = _unproven(base, waiver, restricted)
            why = why or _rejection(waivers, waiver, authors if not history else None)
        found.append(DeclaredWaiver(each, why, history))
        if waiver is not None and not why:
            valid.append(waiver)
    accepted = replace(waivers, entries=tuple(valid))
    return WaiverPolicy(accepted, found, repository.user, partial(is_history, protected))


def is_history(protected: Protected, rule: str, address: str) -> bool:
    """Return whether a finding is about the loss of what comes and goes, and of nothing else.

    A log group whose block runs a program is not.
    """
    return rule in LOSS_RULES and protected.severity_at(address) is Loss.HISTORY


def _unmerged(base: BaseCommit) -> str:
    if base.protected:
        return f"it is not in {base.description} yet; it must be merged first"
    if base.source is Source.REMOTE:
        return f"it is not in {base.description} as it was fetched last; it must be merged first, then: git fetch"
    return "it is not committed yet"


def _unproven(base: BaseCommit, waiver: Waiver, restricted: Callable[[str], bool]) -> str:
    """Return why a committed waiver proves nothing; empty if it does: its author can have named any owner."""
    if base.source is Source.UNKNOWN:
        return _UNKNOWN_BRANCH
    return _NO_REMOTE if base.source is Source.NO_REMOTE and restricted(waiver.unit) else ""


def _rejection(waivers: Waivers, waiver: Waiver, authors: _Authors | None) -> str:
    """Return why a merged waiver is not valid; empty if it is. Without ``authors``, it does not matter who wrote it."""
    if waiver.owner not in waivers.owners.emails:
        return f"{waiver.owner} is not in the merged {OWNERS_PATH}"
    if not waivers.is_valid(waiver):
        return f"the merged version expires on {waiver.expires}"
    return _own(waivers.owners, waiver, authors) if authors is not None else ""


def _own(owners: Owners, waiver: Waiver, authors: _Authors) -> str:
    """Return why a waiver may be its owner's own: the owner, or nobody knows who, wrote it or the change."""
    if authors.repository.shallow:
        return "its author is unknown in a shallow clone (GitHub: fetch-depth: 0; GitLab: GIT_DEPTH: 0)"
    own = owners.wrote(waiver.owner, authors.of_change())
    if own:
        return f"its owner {waiver.owner} also wrote the change ({own})"
    writers = authors.of_lines(waiver)
    if not writers:
        return "git does not know who wrote its lines"
    own = owners.wrote(waiver.owner, writers)
    return f"its owner {waiver.owner} also wrote the waiver ({own})" if own else ""


class _Authors:
    """Finds the authors of the change and of waivers; asks git once, and only if there is a waiver."""

    def __init__(self, repository: Repository, base: BaseCommit) -> None:
        self.repository = repository
        self._base = base
        self._change: frozenset[str] | None = None
        self._lines: dict[int, str] | None = None

    def of_change(self) -> frozenset[str]:
        """Return the e-mail addresses of the authors of the change, including the user if it has uncommitted parts."""
        if self._change is None:
            commits = self.repository.commits(self._base.since)
            own = [each for each in commits if not self.repository.merged_only(each)]
            uncommitted = {self.repository.user()} if self.repository.dirty() else set()
            self._change = frozenset().union(*(each.emails for each in own), uncommitted - {""})
        return self._change

    def of_lines(self, waiver: Waiver) -> frozenset[str]:
        """Return the e-mail addresses of the authors of a merged waiver's lines."""
        if self._lines is None:
            self._lines = self.repository.writers(self._base.commit, WAIVERS_PATH)
        lines = range(waiver.at.line, waiver.end + 1)
        return self.repository.authors(self._lines[number] for number in lines if number in self._lines)
