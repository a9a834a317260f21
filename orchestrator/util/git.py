"""Reads git's objects: what a commit says, whatever is checked out. Nothing is ever checked out or written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from orchestrator.errors import SetupError

_SECONDS = 60
_FULL = "--format=%H%x00%P%x00%ae%x00%(trailers:key=Co-authored-by,valueonly,separator=%x01)"
"""Addresses as they are written in the commit: ``.mailmap`` is a file of the change, so it has no say."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One file of a commit: git's mode and the id of its content."""

    mode: str
    id: str


@dataclass(frozen=True, slots=True)
class Commit:
    """Who wrote a commit. ``emails``: author and co-authors, in small letters."""

    id: str
    parents: tuple[str, ...]
    emails: frozenset[str]


@dataclass(frozen=True, slots=True)
class Repository:
    """The git repository around a folder.

    Attributes:
        root: the folder that contains ``live/``; names of files are relative to it.
        head: the commit that is checked out; empty before the first commit.
        shallow: whether older commits are missing, so that nobody can tell who wrote a line.
    """

    root: Path
    head: str
    shallow: bool

    @classmethod
    def find(cls, root: Path) -> Self | None:
        """The repository that a folder lies in; None when there is none, or no git.

        Raises:
            SetupError: git does not trust the folder, or does not answer.
        """
        try:
            said = _git(root, "rev-parse", "--is-inside-work-tree", "--is-shallow-repository")
        except FileNotFoundError:
            return None
        if said.returncode and b"dubious ownership" in said.stderr:
            message = f"git does not trust the folder {root}: it belongs to another user"
            raise SetupError(message, hint=f"git config --global --add safe.directory {root}")
        words = said.stdout.split()
        if said.returncode or words[:1] != [b"true"]:
            return None
        head = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return cls(root=root, head=head.stdout.decode().strip(), shallow=words[1:] == [b"true"])

    def commit(self, revision: str) -> str | None:
        """The id of the commit that a revision names; None when this clone does not have it."""
        if not revision or revision.startswith("-"):
            return None
        said = _git(self.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return said.stdout.decode().strip() or None if said.returncode == 0 else None

    def merge_base(self, commit: str) -> str | None:
        """The commit that HEAD has in common with another; None when this clone knows of none."""
        said = _git(self.root, "merge-base", commit, "HEAD")
        return said.stdout.decode().strip() or None if said.returncode == 0 else None

    def default_branch(self) -> str | None:
        """The default branch of ``origin`` as a revision; None when the clone does not know it."""
        said = _git(self.root, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
        return said.stdout.decode().strip() or None if said.returncode == 0 else None

    def files(self, commit: str, names: Sequence[str]) -> dict[str, Blob]:
        """Files, links and submodules of a commit at or below these names, by name."""
        listed = _must(self.root, "ls-tree", "-r", "-z", commit, "--", *names)
        found: dict[str, Blob] = {}
        for line in listed.split(b"\0"):
            if line:
                about, _, name = line.partition(b"\t")
                mode, _, id_ = about.decode().split(" ")
                found[os.fsdecode(name)] = Blob(mode=mode, id=id_)
        return found

    def tracked(self, folder: str) -> tuple[str, ...]:
        """Files at or below a name that git has in its index: what a checkout of this commit brings along."""
        listed = _must(self.root, "ls-files", "-z", "--", folder)
        return tuple(os.fsdecode(name) for name in listed.split(b"\0") if name)

    def contents(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The bytes of blobs, by id."""
        if not ids:
            return {}
        said = _must(self.root, "cat-file", "--batch", stdin="".join(f"{each}\n" for each in ids).encode())
        found: dict[str, bytes] = {}
        at = 0
        for _ in ids:
            end = said.index(b"\n", at)
            words = said[at:end].decode().split(" ")
            if len(words) != 3 or words[1] != "blob":
                message = f"git has no file {words[0]} where a commit has one"
                raise SetupError(message, hint="git fsck tells whether this clone is whole")
            id_, _, size = words
            found[id_] = said[end + 1 : end + 1 + int(size)]
            at = end + 1 + int(size) + 1
        return found

    def commits(self, after: str) -> tuple[Commit, ...]:
        """Every commit of HEAD that another one does not have, merges included; of an empty one: HEAD alone."""
        which = ("--max-count=1", "HEAD") if not after else (f"{after}..HEAD",)
        said = _must(self.root, "log", "-z", _FULL, *which, "--")
        return _commits(said)

    def merged_only(self, commit: Commit) -> bool:
        """Whether a merge brings nothing of its own: every file of it is as in one of its parents."""
        return (
            len(commit.parents) > 1
            and not _must(self.root, "diff-tree", "--cc", "--name-only", "-r", commit.id)[len(commit.id) :].strip()
        )

    def authors(self, ids: Iterable[str]) -> frozenset[str]:
        """The addresses of those who wrote some commits."""
        wanted = sorted(set(ids))
        if not wanted:
            return frozenset()
        said = _must(self.root, "log", "-z", "--no-walk", _FULL, *wanted, "--")
        return frozenset().union(*(each.emails for each in _commits(said)))

    def writers(self, commit: str, file: str) -> dict[int, str]:
        """For each line of a file (counted from 1): the id of the commit that brought it as it is.

        Only ids are taken from here: the names that blame shows go through ``.mailmap``.
        """
        arguments = ("-c", "blame.ignoreRevsFile=", "blame", "--porcelain", "--root", commit, "--", file)
        found: dict[int, str] = {}
        for line in _must(self.root, *arguments).split(b"\n"):
            words = line.split(b" ")
            if len(words) in {3, 4} and len(words[0]) in {40, 64} and not line.startswith(b"\t"):
                found[int(words[2])] = words[0].decode()
        return found

    def dirty(self) -> bool:
        """Whether the working tree differs from HEAD, ignored files apart."""
        return bool(_must(self.root, "status", "--porcelain", "--", "."))

    def user(self) -> str:
        """The e-mail address that this clone's next commit would have, in small letters; empty when none is set."""
        return _git(self.root, "config", "user.email").stdout.decode("utf-8", "replace").strip().casefold()


def _commits(said: bytes) -> tuple[Commit, ...]:
    fields = said.decode("utf-8", "replace").split("\0")  # -z ends each commit with a zero too
    return tuple(_commit(fields[at : at + 4]) for at in range(0, len(fields) - 3, 4))


def _commit(fields: Sequence[str]) -> Commit:
    id_, parents, author, together = fields
    addresses = {author, *(each.rpartition("<")[2].rstrip("> ") for each in together.split("\x01"))}
    emails = frozenset(each.strip().casefold() for each in addresses if each.strip())
    return Commit(id=id_.strip(), parents=tuple(parents.split()), emails=emails)


def _must(root: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """The output of a command that cannot fail in a sound clone.

    Raises:
        SetupError: it did.
    """
    said = _git(root, *arguments, stdin=stdin)
    if said.returncode:
        why = (said.stderr.decode("utf-8", "replace").strip().splitlines() or ["it gave no reason"])[-1]
        name = next(each for each in arguments if not each.startswith("-") and "=" not in each)
        message = f"git {name} failed: {why}"
        raise SetupError(message, hint="run it by hand to see why; a shallow clone may lack the commit")
    return said.stdout


def _git(root: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    # GIT_DIR and its like would lead to another repository: a hook of git sets them, and so could a change's script
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env=env,
        )
    except FileNotFoundError:
        raise
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"git did not answer: {error}"
        raise SetupError(message, hint="policies, waivers and owners are read from git") from error
