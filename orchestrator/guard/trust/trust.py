"""Determines which policies, waivers and owners apply to a run, and how the change weakens them.

A change must not choose its own policies. In CI they come from the protected commit. Waivers and owners always come
from a commit, never from the working tree. What the change weakens is reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from orchestrator.errors import CatalogueError, Location, Problem, UsageError
from orchestrator.guard.policies.load import (
    POLICIES_FOLDER,
    Policies,
    is_ignored,
    judges,
    read_policy_files,
    with_builtin,
)
from orchestrator.guard.trust.base_commit import BaseCommit, Source, find_base
from orchestrator.guard.trust.owners import OWNERS_FILE, Owners
from orchestrator.guard.trust.waiver_policy import DeclaredWaiver, WaiverPolicy
from orchestrator.guard.trust.waivers import WAIVERS_FILE, Waiver, Waivers, parse_waivers, utc_today, waiver_problems
from orchestrator.guard.trust.weakening import ORCH_FILE, PINS, Weakening, weakenings
from orchestrator.util.git import Blob, Repository

_WAIVERS = f"{POLICIES_FOLDER}/{WAIVERS_FILE}"
_OWNERS = f"{POLICIES_FOLDER}/{OWNERS_FILE}"
_ALLOWING = frozenset({_WAIVERS, _OWNERS})
_LINK = "120000"
_SUBMODULE = "160000"

_NO_REMOTE = (
    "this repository has no remote, so nobody but its author can have agreed to it; in a restricted account it does "
    'not count (docs/break-glass.md, "Alone")'
)
_UNKNOWN_BRANCH = (
    "this clone does not know the default branch of its remote, so nobody can tell whether it is merged: "
    "git remote set-head origin --auto"
)
NO_REPOSITORY = "this is not a git repository, and a waiver is valid only after it is merged"


@dataclass(frozen=True, slots=True)
class Trust:
    """What a run is judged by.

    Attributes:
        base: the commit that policies, waivers and owners come from; None outside a git repository.
        policies: the policies that judge.
        waiver_policy: what waivers allow.
        weakened: how the change weakens the policies.
    """

    base: BaseCommit | None
    policies: Policies
    waiver_policy: WaiverPolicy
    weakened: tuple[Weakening, ...]

    @property
    def notices(self) -> tuple[str, ...]:
        """Return lines to show at the beginning of a run."""
        protected = self.base.description if self.base is not None and self.base.protected else ""
        if self.policies.builtin:
            more = f"; waivers and owners come from {protected}" if protected else ""
            return (f"policies: {self.policies.source}{more}",)
        return (f"Policies, waivers and owners come from {protected}.",) if protected else ()


def restricted_everywhere(unit: str) -> bool:  # noqa: ARG001 - of every unit
    """Return that a unit can change a restricted account."""
    return True


def load_trust(
    root: Path,
    repository: Repository | None,
    env: Mapping[str, str],
    today: Callable[[], date] = utc_today,
    *,
    restricted: Callable[[str], bool] = restricted_everywhere,
) -> Trust:
    """Load the policies, waivers and owners that apply.

    Args:
        root: the folder that contains ``live/``.
        repository: the repository that contains it; None if there is none.
        env: the environment; it identifies CI systems and the target branch.
        today: returns the current date.
        restricted: returns whether what a waiver names as its unit can change a restricted account.

    Raises:
        CatalogueError: policies, waivers or owners are invalid; expired and overly broad waivers are.
        SetupError: in CI, if the target of the change cannot be determined.
    """
    base = find_base(repository, env)
    tree = read_policy_files(root)
    written, _ = read_declared_waivers(tree, today())
    if repository is None or base is None:
        waiver_policy = WaiverPolicy(Waivers(today=today), [DeclaredWaiver(each, NO_REPOSITORY) for each in written])
        return Trust(None, Policies.of(root, tree), waiver_policy, ())
    weakened = weakened_since(repository, base.forked, tree)
    judging, allowing = _trusted(repository, base, tree)
    owners, merged = _merged(allowing)
    waivers = Waivers(entries=merged, owners=owners, today=today)
    waiver_policy = _waiver_policy(repository, base, written, waivers, restricted)
    policies = Policies.of(root, {**judging, **_short(allowing)})
    return Trust(base, policies, waiver_policy, weakened)


def read_declared_waivers(tree: Mapping[str, bytes], today: date) -> tuple[tuple[Waiver, ...], Owners]:
    """Parse the waivers and owners of the working tree.

    Args:
        tree: the files of ``policies/``, by name below it.
        today: the current date.

    Raises:
        CatalogueError: with every problem of both files.
    """
    problems: list[Problem] = []
    owners = Owners()
    waivers: tuple[Waiver, ...] = ()
    try:
        owners = Owners.parse(tree.get(OWNERS_FILE, b""), shown_as=_OWNERS)
    except CatalogueError as error:
        problems += error.problems
    try:
        waivers = parse_waivers(tree.get(WAIVERS_FILE, b""), shown_as=_WAIVERS)
    except CatalogueError as error:
        problems += error.problems
    if not problems:
        problems += waiver_problems(waivers, owners, today)
    if problems:
        raise CatalogueError(problems)
    return waivers, owners


def weakened_since(repository: Repository, commit: str, tree: Mapping[str, bytes]) -> tuple[Weakening, ...]:
    """Return how the working tree weakens the policies of a commit.

    A commit without policies is judged by the built-in ones, so policies that the change adds are compared with those.
    Policies that the change removes count as removed, although the built-in ones would apply after the merge.

    Args:
        repository: the repository that contains the configuration.
        commit: the commit to compare with.
        tree: the files of ``policies/`` in the working tree, by name below it.
    """
    after = {f"{POLICIES_FOLDER}/{name}": data for name, data in tree.items()}
    after |= {name: (repository.root / name).read_bytes() for name in PINS if (repository.root / name).is_file()}
    blobs = _blobs(repository, commit, POLICIES_FOLDER, *PINS)
    blobs = {name: blob for name, blob in blobs.items() if blob.mode != _SUBMODULE}
    differing = {name: blob.id for name, blob in blobs.items() if _blob_id(after.get(name), blob.id) != blob.id}
    content = repository.contents(sorted(set(differing.values())))
    # unchanged files need not be read from git: a blob id is a hash of the content
    before = {name: content[differing[name]] if name in differing else after[name] for name in blobs}
    if not any(map(judges, _short(before))):
        before |= _builtin()
        if not any(map(judges, tree)):
            after |= _builtin()
        if ORCH_FILE not in blobs:  # a new platform, or a copy that git does not know: nobody's waivers count there yet
            after.pop(_OWNERS, None)
    return weakenings(before, after)


def _builtin() -> dict[str, bytes]:
    """The built-in list and checks, by name relative to the repository."""
    return {f"{POLICIES_FOLDER}/{name}": data for name, data in with_builtin({}).items()}


def weakened_against(root: Path, revision: str) -> tuple[Weakening, ...]:
    """Return how the working tree weakens the policies since it forked from a revision; for ``orch check --base``.

    Raises:
        UsageError: the revision does not exist here, or has no common commit with HEAD.
        CatalogueError: a file of ``policies/`` cannot be read.
    """
    repository = Repository.find(root)
    commit = repository.commit(revision) if repository is not None else None
    forked = repository.merge_base(commit) if repository is not None and commit is not None else None
    if repository is None or forked is None:
        message = f"no revision {revision!r} that has a common commit with HEAD"
        raise UsageError(message, hint="`git fetch` it, or choose another one, e.g. --base origin/main")
    return weakened_since(repository, forked, read_policy_files(root))


def _blob_id(data: bytes | None, like: str) -> str:
    """Return git's blob id of this content, with the hash function of the repository."""
    if data is None:
        return ""
    make = hashlib.sha1 if len(like) == 40 else hashlib.sha256
    return make(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _trusted(
    repository: Repository, base: BaseCommit, tree: Mapping[str, bytes]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the policy files, by name below ``policies/``; and waivers and owners, by name below the root."""
    blobs = _blobs(repository, base.commit, POLICIES_FOLDER)
    allowing = [name for name in (_WAIVERS, _OWNERS) if name in blobs]
    wanted = sorted(blobs) if base.protected else allowing
    links = [name for name in wanted if blobs[name].mode in {_LINK, _SUBMODULE}]
    if links:
        what = "symbolic links and submodules are not allowed here"
        raise CatalogueError([Problem(Location(name), what, "copy the files instead") for name in links])
    content = repository.contents(sorted({blobs[name].id for name in wanted}))
    found = {name: content[blobs[name].id] for name in wanted}
    judging = (
        _short(found)
        if base.protected
        else {k: v for k, v in tree.items() if f"{POLICIES_FOLDER}/{k}" not in _ALLOWING}
    )
    return judging, {name: found[name] for name in allowing}


def _blobs(repository: Repository, commit: str, *names: str) -> dict[str, Blob]:
    """Return the files of a commit at or below the given names, without those that ``read_policy_files`` ignores."""
    found = repository.files(commit, names)
    return {name: blob for name, blob in found.items() if not is_ignored(name)}


def _short(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of ``policies/``, by name below it."""
    prefix = f"{POLICIES_FOLDER}/"
    return {name.removeprefix(prefix): data for name, data in files.items() if name.startswith(prefix)}


def _merged(allowing: Mapping[str, bytes]) -> tuple[Owners, tuple[Waiver, ...]]:
    """Return owners and waivers of the protected commit; none if they are invalid, so that nothing is allowed."""
    try:
        owners = Owners.parse(allowing.get(_OWNERS, b""), shown_as=_OWNERS)
        return owners, parse_waivers(allowing.get(_WAIVERS, b""), shown_as=_WAIVERS)
    except CatalogueError:
        return Owners(), ()


def _waiver_policy(
    repository: Repository,
    base: BaseCommit,
    written: tuple[Waiver, ...],
    waivers: Waivers,
    restricted: Callable[[str], bool],
) -> WaiverPolicy:
    """Select the valid waivers: merged, and granted by an owner who wrote neither the waiver nor the change.

    Args:
        repository: the repository.
        base: the commit that waivers and owners come from.
        written: the waivers of the working tree.
        waivers: the waivers and owners of that commit.
        restricted: returns whether what a waiver names as its unit can change a restricted account.
    """
    if not written:
        return WaiverPolicy(replace(waivers, entries=()))
    by_target = {each.target: each for each in waivers.entries}
    authors = _Authors(repository, base)
    found: list[DeclaredWaiver] = []
    valid: list[Waiver] = []
    for each in written:
        waiver = by_target.get(each.target)
        if waiver is None:
            why = _unmerged(base)
        else:
            why = _unproven(base, waiver, restricted) or _rejection(waivers, waiver, authors)
        found.append(DeclaredWaiver(each, why))
        if waiver is not None and not why:
            valid.append(waiver)
    return WaiverPolicy(replace(waivers, entries=tuple(valid)), found)


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


def _rejection(waivers: Waivers, waiver: Waiver, authors: _Authors) -> str:
    """Return why a merged waiver is not valid; empty if it is."""
    if waiver.owner not in waivers.owners.emails:
        return f"{waiver.owner} is not in the merged {_OWNERS}"
    if not waivers.is_valid(waiver):
        return f"the merged version expires on {waiver.expires}"
    if authors.repository.shallow:
        return "its author is unknown in a shallow clone (GitHub: fetch-depth: 0; GitLab: GIT_DEPTH: 0)"
    own = waivers.owners.wrote(waiver.owner, authors.of_change())
    if own:
        return f"its owner {waiver.owner} also wrote the change ({own})"
    writers = authors.of_lines(waiver)
    if not writers:
        return "git does not know who wrote its lines"
    own = waivers.owners.wrote(waiver.owner, writers)
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
            self._lines = self.repository.writers(self._base.commit, _WAIVERS)
        lines = range(waiver.at.line, waiver.end + 1)
        return self.repository.authors(self._lines[number] for number in lines if number in self._lines)


def check_waivers(root: Path, today: Callable[[], date] = utc_today) -> Iterator[Problem]:
    """Yield the problems of the waivers and owners in the working tree; for ``orch check``."""
    try:
        read_declared_waivers(read_policy_files(root), today())
    except CatalogueError as error:
        yield from error.problems
