"""Determines which policies, waivers and owners apply to a run, and how the change weakens them.

A change must not choose its own policies. In CI they come from the protected commit. Waivers and owners always come
from a commit, never from the working tree. What the change weakens is reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestrator.config.live.privileged import ORCH_FILE
from orchestrator.errors import CatalogueError, Location, Problem, UsageError
from orchestrator.guard.policies.load import (
    POLICIES_FOLDER,
    Policies,
    is_ignored,
    judges,
    read_policy_files,
    with_builtin,
)
from orchestrator.guard.trust.base_commit import BaseCommit, find_base
from orchestrator.guard.trust.live_files import live_weakenings
from orchestrator.guard.trust.own_source import own_source_weakenings
from orchestrator.guard.trust.owners import OWNERS_FILE, Owners
from orchestrator.guard.trust.pins import PINS
from orchestrator.guard.trust.valid_waivers import OWNERS_PATH, WAIVERS_PATH, valid_waivers
from orchestrator.guard.trust.waiver_policy import DeclaredWaiver, WaiverPolicy
from orchestrator.guard.trust.waivers import WAIVERS_FILE, Waiver, Waivers, parse_waivers, utc_today, waiver_problems
from orchestrator.guard.trust.weakening import Weakening, weakenings
from orchestrator.util.git import LINK, SUBMODULE, Blob, Repository

_ALLOWING = frozenset({WAIVERS_PATH, OWNERS_PATH})

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
    weakened = weakened_since(repository, base.forked, tree, rights=base.protected)
    judging, allowing = _trusted(repository, base, tree)
    owners, merged = _merged(allowing)
    policies = Policies.of(root, {**judging, **_short(allowing)})
    waivers = Waivers(entries=merged, owners=owners, today=today)
    waiver_policy = valid_waivers(repository, base, policies.protected, written, waivers, restricted=restricted)
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
        owners = Owners.parse(tree.get(OWNERS_FILE, b""), shown_as=OWNERS_PATH)
    except CatalogueError as error:
        problems += error.problems
    try:
        waivers = parse_waivers(tree.get(WAIVERS_FILE, b""), shown_as=WAIVERS_PATH)
    except CatalogueError as error:
        problems += error.problems
    if not problems:
        problems += waiver_problems(waivers, owners, today)
    if problems:
        raise CatalogueError(problems)
    return waivers, owners


def weakened_since(
    repository: Repository, commit: str, tree: Mapping[str, bytes], *, rights: bool
) -> tuple[Weakening, ...]:
    """Return how the working tree weakens the policies of a commit.

    A commit without policies is judged by the built-in ones, so policies that the change adds are compared with those.
    Policies that the change removes count as removed, although the built-in ones would apply after the merge.

    Args:
        repository: the repository that contains the configuration.
        commit: the commit to compare with.
        tree: the files of ``policies/`` in the working tree, by name below it.
        rights: what runs code or grants a right counts as well: new checks, the privileged keys of ``live/``, and orch
            itself if it runs from this repository. False outside CI, where people may try all of it.
    """
    found = _policies_weakened(repository, commit, tree, code=rights)
    if rights:
        found = (*found, *live_weakenings(repository, commit), *own_source_weakenings(repository, commit))
    return tuple(sorted(found))


def _policies_weakened(
    repository: Repository, commit: str, tree: Mapping[str, bytes], *, code: bool
) -> tuple[Weakening, ...]:
    after = {f"{POLICIES_FOLDER}/{name}": data for name, data in tree.items()}
    after |= {name: (repository.root / name).read_bytes() for name in PINS if (repository.root / name).is_file()}
    blobs = _blobs(repository, commit, POLICIES_FOLDER, *PINS)
    blobs = {name: blob for name, blob in blobs.items() if blob.mode != SUBMODULE}
    differing = {name: blob.id for name, blob in blobs.items() if _blob_id(after.get(name), blob.id) != blob.id}
    content = repository.contents(sorted(set(differing.values())))
    # unchanged files need not be read from git: a blob id is a hash of the content
    before = {name: content[differing[name]] if name in differing else after[name] for name in blobs}
    if not any(map(judges, _short(before))):
        before |= _builtin()
        if not any(map(judges, tree)):
            after |= _builtin()
        if ORCH_FILE not in blobs:  # a new platform, or a copy that git does not know: nobody's waivers count there yet
            after.pop(OWNERS_PATH, None)
    return weakenings(before, after, code=code)


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
    return weakened_since(repository, forked, read_policy_files(root), rights=True)


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
    allowing = [name for name in (WAIVERS_PATH, OWNERS_PATH) if name in blobs]
    wanted = sorted(blobs) if base.protected else allowing
    links = [name for name in wanted if blobs[name].mode in {LINK, SUBMODULE}]
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
        owners = Owners.parse(allowing.get(OWNERS_PATH, b""), shown_as=OWNERS_PATH)
        return owners, parse_waivers(allowing.get(WAIVERS_PATH, b""), shown_as=WAIVERS_PATH)
    except CatalogueError:
        return Owners(), ()


def check_waivers(root: Path, today: Callable[[], date] = utc_today) -> Iterator[Problem]:
    """Yield the problems of the waivers and owners in the working tree; for ``orch check``."""
    try:
        read_declared_waivers(read_policy_files(root), today())
    except CatalogueError as error:
        yield from error.problems
