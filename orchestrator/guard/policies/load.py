"""Loads policies: the list of protected types, and a folder for each policy with its check and test cases.

A repository without policies is judged by the built-in ones, which ship with orch.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from orchestrator import __version__
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.policies.protected import PROTECTED_FILE, Protected
from orchestrator.util.package_data import data_folder

POLICIES_FOLDER = "policies"
CHECK_FILE = "check.py"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_IGNORED = frozenset({"__pycache__"})
_ALLOWING = frozenset({"owners.yaml", "waivers.yaml"})
"""Files in ``policies/`` that never judge. ``guard.trust`` reads them."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: a checkov check, and plans that it must pass or block.

    Attributes:
        folder: ``policies/NAME``, in the repository or in orch itself.
        source: the content of ``check.py``: what runs, and what the digest covers.
        passing, failing: plan JSON files, sorted; at least one of each.
        at: the location for error messages.
    """

    name: str
    folder: Path
    source: bytes
    passing: tuple[Path, ...]
    failing: tuple[Path, ...]
    at: Location


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies in force.

    Attributes:
        root: the repository; findings name files relative to it.
        digest: SHA-256 over the name and content of every file.
        files: name below ``policies/`` -> content, from the working tree, from the protected commit, or built in.
        builtin: the list and the checks are those that ship with orch.
    """

    root: Path
    protected: Protected
    policies: tuple[Policy, ...]
    digest: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    builtin: bool = False

    @property
    def source(self) -> str:
        """Where the list and the checks come from, for people."""
        return f"built-in (orch {__version__})" if self.builtin else f"{POLICIES_FOLDER}/"

    @classmethod
    def load(cls, root: Path) -> Self:
        """Read the policies of a repository. Imports neither checkov nor the checks.

        Args:
            root: the repository, which may have ``policies/``.

        Raises:
            CatalogueError: the list is missing or wrong, or a policy has no check or lacks a case.
        """
        return cls.of(root, read_policy_files(root))

    @classmethod
    def of(cls, root: Path, files: Mapping[str, bytes]) -> Self:
        """Parse policies from the content of their files.

        Args:
            root: the repository.
            files: name below ``policies/`` -> content, of the repository. When none of them judges, the built-in ones
                do; owners and waivers stay those of the repository.

        Raises:
            CatalogueError: as for ``load``.
        """
        builtin = not any(map(judges, files))
        folder = data_folder(POLICIES_FOLDER) if builtin else root / POLICIES_FOLDER
        files = with_builtin(files)
        problems: list[Problem] = []
        protected: Protected | None = None
        shown = f"{POLICIES_FOLDER}/{PROTECTED_FILE}"
        if PROTECTED_FILE in files:
            try:
                protected = Protected.parse(files[PROTECTED_FILE], shown_as=shown)
            except CatalogueError as error:
                problems.extend(error.problems)
        else:
            what = "the list of protected resources is missing"
            hint = f"add it, or remove every check from {POLICIES_FOLDER}/ to use the built-in policies"
            problems.append(Problem(Location(shown), what, hint))
        policies = _policies(folder, files, problems)
        if problems or protected is None:
            raise CatalogueError(problems)
        return cls(
            root=root, protected=protected, policies=policies, digest=_digest(files), files=files, builtin=builtin
        )


def judges(name: str) -> bool:
    """Return whether a file below ``policies/`` is the list or part of a check: owners and waivers only allow."""
    return name == PROTECTED_FILE or "/" in name


def is_ignored(name: str) -> bool:
    """Return whether a file is in a folder that is no part of the policies, such as ``__pycache__``."""
    return not _IGNORED.isdisjoint(name.split("/")[:-1])


def with_builtin(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return the files with the built-in list and checks added when none of them judges.

    Args:
        files: by name below ``policies/``.
    """
    if any(map(judges, files)):
        return files
    shipped = _files_in(data_folder(POLICIES_FOLDER))
    return {**files, **{name: data for name, data in shipped.items() if judges(name)}}


def read_policy_files(root: Path) -> dict[str, bytes]:
    """Return the content of every file below ``policies/``, by path; empty if there is no such folder.

    Args:
        root: the repository.

    Raises:
        CatalogueError: a file cannot be read, or is a symbolic link: the digest would not cover its target. Or nothing
            judges, and there is an unknown file, which can be a mistyped list.
    """
    files = _files_in(root / POLICIES_FOLDER)
    if not any(map(judges, files)):
        unknown = [name for name in files if not (name in _ALLOWING or name.endswith(".md") or name.startswith("."))]
        if unknown:
            what = "unknown file: without a list and checks, the built-in policies would judge"
            hint = (
                f"rename it to {POLICIES_FOLDER}/{PROTECTED_FILE} or {POLICIES_FOLDER}/NAME/{CHECK_FILE}, or delete it"
            )
            raise CatalogueError([Problem(Location(f"{POLICIES_FOLDER}/{name}"), what, hint) for name in unknown])
    return files


def _files_in(folder: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for parent, folders, names in os.walk(folder, onerror=_unreadable(folder)):
        folders[:] = sorted(set(folders) - _IGNORED)
        for name in sorted([*names, *folders]):
            path = Path(parent, name)
            key = path.relative_to(folder).as_posix()
            if path.is_symlink():
                problem = Problem(
                    Location(f"{POLICIES_FOLDER}/{key}"), "symbolic links are not allowed here", "copy the file instead"
                )
                raise CatalogueError([problem])
            if path.is_dir():
                continue
            try:
                files[key] = path.read_bytes()
            except OSError as error:
                problem = Problem(Location(f"{POLICIES_FOLDER}/{key}"), f"cannot read the file: {error.strerror}")
                raise CatalogueError([problem]) from error
    return files


def _unreadable(folder: Path) -> Callable[[OSError], None]:
    """Only a missing ``policies/`` counts as none: what cannot be read must not be replaced by the built-in ones."""

    def refuse(error: OSError) -> None:
        path = Path(error.filename)
        if path == folder and isinstance(error, FileNotFoundError) and not folder.is_symlink():
            return
        key = Path(POLICIES_FOLDER) / path.relative_to(folder)
        problem = Problem(Location(key.as_posix()), f"the folder cannot be read: {error.strerror}")
        raise CatalogueError([problem]) from error

    return refuse


def _policies(folder: Path, files: Mapping[str, bytes], problems: list[Problem]) -> tuple[Policy, ...]:
    names = sorted({key.split("/", 1)[0] for key in files if "/" in key})
    if not names:
        what = "no policy found: a policy is a folder with check.py, pass.json and fail.json"
        problems.append(Problem(Location(POLICIES_FOLDER), what))
    found = [_policy(folder / name, files, problems) for name in names]
    return tuple(policy for policy in found if policy is not None)


def _policy(folder: Path, files: Mapping[str, bytes], problems: list[Problem]) -> Policy | None:
    name = folder.name
    at = Location(f"{POLICIES_FOLDER}/{name}")
    own = [key.split("/", 1)[1] for key in files if key.startswith(f"{name}/")]
    passing = tuple(folder / each for each in sorted(own) if re.fullmatch(r"pass[^/]*\.json", each))
    failing = tuple(folder / each for each in sorted(own) if re.fullmatch(r"fail[^/]*\.json", each))
    before = len(problems)
    if not _NAME.fullmatch(name):
        problems.append(
            Problem(at, f"{name!r} is not a valid policy name", "use a-z, 0-9 and _, and start with a letter")
        )
    if CHECK_FILE not in own:
        problems.append(Problem(at, f"the policy has no {CHECK_FILE}"))
    for cases, which, does in ((passing, "pass", "passes"), (failing, "fail", "blocks")):
        if not cases:
            what = f"the policy has no test case {which}*.json"
            problems.append(Problem(at, what, f"add a plan (terraform show -json) that the policy {does}"))
    check = Location(f"{POLICIES_FOLDER}/{name}/{CHECK_FILE}")
    source = files.get(f"{name}/{CHECK_FILE}", b"")
    problems.extend(_syntax(source, check))
    if len(problems) > before:
        return None
    return Policy(name=name, folder=folder, source=source, passing=passing, failing=failing, at=check)


def _syntax(source: bytes, at: Location) -> Iterator[Problem]:
    """Report syntax errors early; every other error shows when checkov loads the check."""
    try:
        compile(source, at.file, "exec")
    except SyntaxError as error:
        yield Problem(Location(at.file, error.lineno or 0, error.offset or 0), f"not valid Python: {error.msg}")
    except ValueError as error:
        yield Problem(at, f"not valid Python: {error}")


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for key in sorted(files):
        digest.update(f"{hashlib.sha256(files[key]).hexdigest()}  {key}\n".encode())
    return digest.hexdigest()
