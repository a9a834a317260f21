"""Reads git objects without checking out or writing anything."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from orchestrator.errors import SetupError
from orchestrator.util.environment import USUAL, selected

_SECONDS = 60
_ID = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")
_FULL = "--format=%H%x00%P%x00%ae%x00%(trailers:key=Co-authored-by,valueonly,separator=%x01)"
"""Addresses as written in the commit: a change could edit ``.mailmap``, so it does not count."""

_PART = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")

LINK = "120000"
SUBMODULE = "160000"
"""Modes of a `Blob`."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a commit: git's mode and the id of its content."""

    mode: str
    id: str


@dataclass(frozen=True, slots=True)
class Commit:
    """The authors of a commit. ``emails``: author and co-authors, in lower case."""

    id: str
    parents: tuple[str, ...]
    emails: frozenset[str]


@dataclass(frozen=True, slots=True)
class RemoteRef:
    """A remote-tracking branch, e.g. ``refs/remotes/origin/main``. ``target``: the branch behind a ``HEAD``."""

    name: str
    commit: str
    target: str = ""

    @property
    def remote(self) -> str:
        """The name of the remote."""
        return self.name.split("/")[2]


@dataclass(frozen=True, slots=True)
class Repository:
    """The git repository around a folder.

    Attributes:
        root: the folder that contains ``live/``; file names are relative to it.
        head: id of the checked-out commit; empty before the first commit.
        shallow: whether the clone lacks older commits, so that the author of a line may be unknown.
    """

    root: Path
    head: str
    shallow: bool

    @classmethod
    def find(cls, root: Path) -> Self | None:
        """Return the repository that contains a folder, or None if there is none or git is not installed.

        Raises:
            SetupError: git does not trust the folder, or does not respond.
        """
        try:
            result = _git(root, "rev-parse", "--is-inside-work-tree", "--is-shallow-repository", "HEAD^{commit}")
        except FileNotFoundError:
            return None
        if result.returncode and b"dubious ownership" in result.stderr:
            message = f"git does not trust the folder {root}: another user owns it"
            raise SetupError(message, hint=f"git config --global --add safe.directory {root}")
        words = result.stdout.split()
        if words[:1] != [b"true"]:
            return None
        # Before the first commit there is no HEAD, and git repeats the question as if it were a file.
        head = "" if result.returncode or not _ID.fullmatch(words[2]) else words[2].decode()
        return cls(root=root, head=head, shallow=words[1:2] == [b"true"])

    def commit(self, revision: str) -> str | None:
        """Return the id of the commit that a revision names, or None if this clone does not have it."""
        if not revision or revision.startswith("-"):
            return None
        result = _git(self.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return result.stdout.decode().strip() or None if result.returncode == 0 else None

    def merge_base(self, commit: str) -> str | None:
        """Return the merge base of HEAD and another commit, or None if this clone has none."""
        result = _git(self.root, "merge-base", commit, "HEAD")
        return result.stdout.decode().strip() or None if result.returncode == 0 else None

    def contains(self, commit: str, other: str) -> bool:
        """Return whether a commit has another one in its history; False if this clone lacks one of them."""
        return _git(self.root, "merge-base", "--is-ancestor", "--", other, commit).returncode == 0

    def has_remote(self) -> bool:
        """Return whether a remote is configured."""
        return bool(_must(self.root, "remote").strip())

    def remote_refs(self) -> tuple[RemoteRef, ...]:
        """Return what this clone fetched from its remotes last."""
        listed = _must(self.root, "for-each-ref", "--format=%(refname)%00%(objectname)%00%(symref)", "refs/remotes")
        lines = (line.decode("utf-8", "replace").split("\0") for line in listed.splitlines())
        return tuple(RemoteRef(name, commit, target) for name, commit, target in lines)

    def default_branch(self) -> str | None:
        """Return the default branch of ``origin`` as a revision, or None if the clone does not know it."""
        result = _git(self.root, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
        return result.stdout.decode().strip() or None if result.returncode == 0 else None

    def files(self, commit: str, names: Sequence[str]) -> dict[str, Blob]:
        """Return files, links and submodules of a commit at or below the given names: name -> blob."""
        listed = _must(self.root, "ls-tree", "-r", "-z", commit, "--", *names)
        found: dict[str, Blob] = {}
        for line in listed.split(b"\0"):
            if line:
                about, _, name = line.partition(b"\t")
                mode, _, id_ = about.decode().split(" ")
                found[os.fsdecode(name)] = Blob(mode=mode, id=id_)
        return found

    def tracked(self, folder: str) -> tuple[str, ...]:
        """Return the files at or below a folder that are in git's index, which a checkout of this commit contains."""
        listed = _must(self.root, "ls-files", "-z", "--", folder)
        return tuple(os.fsdecode(name) for name in listed.split(b"\0") if name)

    def top(self) -> Path:
        """Return the top folder of the working tree, without links."""
        return Path(os.fsdecode(_must(self.root, "rev-parse", "--show-toplevel")[:-1])).resolve()

    def contents(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the bytes of blobs: id -> content."""
        if not ids:
            return {}
        result = _must(self.root, "cat-file", "--batch", stdin="".join(f"{each}\n" for each in ids).encode())
        found: dict[str, bytes] = {}
        at = 0
        for _ in ids:
            end = result.index(b"\n", at)
            words = result[at:end].decode().split(" ")
            if len(words) != 3 or words[1] != "blob":
                message = f"git has no object {words[0]}, which a commit refers to"
                raise SetupError(message, hint="run `git fsck` to check this clone")
            id_, _, size = words
            found[id_] = result[end + 1 : end + 1 + int(size)]
            at = end + 1 + int(size) + 1
        return found

    def commits(self, after: str) -> tuple[Commit, ...]:
        """Return the commits of HEAD that ``after`` does not have, merges included; only HEAD if ``after`` is empty."""
        which = ("--max-count=1", "HEAD") if not after else (f"{after}..HEAD",)
        result = _must(self.root, "log", "-z", _FULL, *which, "--")
        return _commits(result)

    def merged_only(self, commit: Commit) -> bool:
        """Return whether a merge changes nothing itself: every file matches one of its parents."""
        return (
            len(commit.parents) > 1
            and not _must(self.root, "diff-tree", "--cc", "--name-only", "-r", commit.id)[len(commit.id) :].strip()
        )

    def authors(self, ids: Iterable[str]) -> frozenset[str]:
        """Return the e-mail addresses of the authors of commits."""
        wanted = sorted(set(ids))
        if not wanted:
            return frozenset()
        result = _must(self.root, "log", "-z", "--no-walk", _FULL, *wanted, "--")
        return frozenset().union(*(each.emails for each in _commits(result)))

    def writers(self, commit: str, file: str) -> dict[int, str]:
        """Return the commit that last changed each line of a file: line, counted from 1 -> id of the commit.

        Only ids are taken from ``git blame``, because the names that it prints go through ``.mailmap``.
        """
        arguments = ("-c", "blame.ignoreRevsFile=", "blame", "--porcelain", "--root", commit, "--", file)
        found: dict[int, str] = {}
        for line in _must(self.root, *arguments).split(b"\n"):
            words = line.split(b" ")
            if len(words) in {3, 4} and len(words[0]) in {40, 64} and not line.startswith(b"\t"):
                found[int(words[2])] = words[0].decode()
        return found

    def differing(self, commit: str, names: Sequence[str]) -> tuple[str, ...]:
        """Return the files at or below the given names that differ between a commit and the working tree, sorted.

        Untracked files count, ignored ones do not.
        """
        if not names:
            return ()
        diff = ("diff", "--name-only", "--no-renames", "-z", "--relative", commit, "--", *names)
        untracked = ("ls-files", "--others", "--exclude-standard", "-z", "--", *names)
        listed = b"".join(_must(self.root, "--literal-pathspecs", *each) for each in (diff, untracked))
        return tuple(sorted({os.fsdecode(name) for name in listed.split(b"\0") if name}))

    def changed_lines(self, commit: str, names: Sequence[str]) -> dict[str, tuple[tuple[int, int], ...]]:
        """Return the lines of tracked files that differ from a commit: file -> first and last line of each part.

        Lines are those of the working tree; a part that only lost lines has none. Files whose names git must quote
        are left out.

        Args:
            commit: the commit.
            names: files and folders.
        """
        options = ("--unified=0", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--relative")
        prefixes = ("--src-prefix=a/", "--dst-prefix=b/")
        command = ("-c", "core.quotePath=off", "diff", *options, *prefixes, commit, "--", *names)
        return _changed_lines(_must(self.root, *command))

    def dirty(self) -> bool:
        """Return whether the working tree differs from HEAD; ignored files do not count."""
        return bool(self.changed() or self.unwatched())

    def changed(self) -> tuple[str, ...]:
        """Return the files that differ from HEAD or are untracked, whatever settings hide; no ignored ones."""
        shown = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal", "--ignore-submodules=none")
        listed = _must(self.root, "-c", "core.fsmonitor=false", *shown, "--", ".")
        return tuple(os.fsdecode(line[3:]) for line in listed.split(b"\0") if line)

    def unwatched(self) -> tuple[str, ...]:
        """Return the tracked files whose changes git does not report: ``assume-unchanged`` and ``skip-worktree``."""
        listed = _must(self.root, "ls-files", "-v", "-z", "--", ".")
        marked = (line for line in listed.split(b"\0") if line[:1].islower() or line[:1] == b"S")
        return tuple(os.fsdecode(line[2:]) for line in marked)

    def ignored(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the untracked files that git ignores and that match one of these pathspecs."""
        options = ("--others", "--ignored", "--exclude-standard", "-z")
        listed = _must(self.root, "ls-files", *options, "--", *names)
        return tuple(os.fsdecode(name) for name in listed.split(b"\0") if name)

    def add_worktree(self, commit: str, path: Path) -> None:
        """Check a commit out into a new folder, which shares the objects and branches of this clone. Runs no hook.

        Raises:
            SetupError: git failed.
        """
        no_hooks = ("-c", f"core.hooksPath={os.devnull}")
        _must(self.root, *no_hooks, "worktree", "add", "--quiet", "--detach", "--force", str(path), commit)

    def remove_worktree(self, path: Path) -> None:
        """Remove a folder that `add_worktree` made, with whatever is in it. Never fails."""
        _git(self.root, "worktree", "remove", "--force", "--force", str(path))
        _git(self.root, "worktree", "prune")

    def user(self) -> str:
        """Return the e-mail address for this clone's next commit, in lower case; empty if none is set."""
        return _git(self.root, "config", "user.email").stdout.decode("utf-8", "replace").strip().casefold()


def git_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for git, without the tokens of a CI job.

    It is also without GIT_DIR and the like, which select another repository: git hooks set them, and a script of a
    change could. A partial clone fetches what it lacks, so it gets what that needs.
    """
    names = USUAL | {"HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK"}
    return selected(env, names) | {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def _changed_lines(diff: bytes) -> dict[str, tuple[tuple[int, int], ...]]:
    """Parse a diff without context lines. What is in a part is skipped by its length: it may look like a header."""
    found: dict[str, list[tuple[int, int]]] = {}
    file, skip = "", 0
    for line in diff.split(b"\n"):
        if skip and line[:1] in {b"+", b"-"}:
            skip -= 1
        elif line.startswith(b"+++ "):
            file = os.fsdecode(line[6:]).removesuffix("\t") if line.startswith(b"+++ b/") else ""
        elif part := _PART.match(line):
            removed, first, added = int(part[1] or 1), int(part[2]), int(part[3] or 1)
            skip = removed + added
            if added and file:
                found.setdefault(file, []).append((first, first + added - 1))
    return {name: tuple(parts) for name, parts in found.items()}


def _commits(result: bytes) -> tuple[Commit, ...]:
    fields = result.decode("utf-8", "replace").split("\0")  # -z also ends each commit with a NUL
    return tuple(_commit(fields[at : at + 4]) for at in range(0, len(fields) - 3, 4))


def _commit(fields: Sequence[str]) -> Commit:
    id_, parents, author, together = fields
    addresses = {author, *(each.rpartition("<")[2].rstrip("> ") for each in together.split("\x01"))}
    emails = frozenset(each.strip().casefold() for each in addresses if each.strip())
    return Commit(id=id_.strip(), parents=tuple(parents.split()), emails=emails)


def _must(root: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Return the output of a command that cannot fail in an intact clone.

    Raises:
        SetupError: it failed.
    """
    result = _git(root, *arguments, stdin=stdin)
    if result.returncode:
        why = (result.stderr.decode("utf-8", "replace").strip().splitlines() or ["no error message"])[-1]
        name = next(each for each in arguments if not each.startswith("-") and "=" not in each)
        message = f"git {name} failed: {why}"
        raise SetupError(message, hint="run it manually to see why; a shallow clone may lack the commit")
    return result.stdout


def _git(root: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env=git_environment(os.environ),
        )
    except FileNotFoundError:
        raise
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"git did not respond: {error}"
        raise SetupError(message, hint="orch reads policies, waivers and owners from git") from error
