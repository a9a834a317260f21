"""Loads ``policies/``: the list of protected types, and a folder for each policy with its check and test cases."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.policies.protected import PROTECTED_FILE, Protected

POLICIES_FOLDER = "policies"
CHECK_FILE = "check.py"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_IGNORED = frozenset({"__pycache__"})


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: a checkov check, and plans that it must pass or block.

    Attributes:
        folder: ``policies/NAME``.
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
    """The content of ``policies/``.

    Attributes:
        root: the folder that contains ``policies/``.
        digest: SHA-256 over the name and content of every file.
        files: name below ``policies/`` -> content, from the working tree or the protected commit.
    """

    root: Path
    protected: Protected
    policies: tuple[Policy, ...]
    digest: str
    files: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path) -> Self:
        """Read ``policies/`` in a folder. Imports neither checkov nor the checks.

        Raises:
            CatalogueError: the folder or the list is missing, or a policy has no check or lacks a case.
        """
        return cls.of(root, read_policy_files(root))

    @classmethod
    def of(cls, root: Path, files: Mapping[str, bytes]) -> Self:
        """Parse policies from the content of their files.

        Args:
            root: the folder that contains ``policies/``.
            files: name below ``policies/`` -> content.

        Raises:
            CatalogueError: as for ``load``.
        """
        folder = root / POLICIES_FOLDER
        if not files:
            what = "the policies/ folder is missing; no plan can be judged without policies"
            hint = f"copy {POLICIES_FOLDER}/{PROTECTED_FILE} and {POLICIES_FOLDER}/protected/ from orch's repository"
            raise CatalogueError([Problem(Location(POLICIES_FOLDER), what, hint)])
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
            problems.append(Problem(Location(shown), what, "no resource would be protected without it"))
        policies = _policies(folder, files, problems)
        if problems or protected is None:
            raise CatalogueError(problems)
        return cls(root=root, protected=protected, policies=policies, digest=_digest(files), files=files)


def read_policy_files(root: Path) -> dict[str, bytes]:
    """Return the content of every file below ``policies/``, by path; empty if there is no such folder.

    Raises:
        CatalogueError: a file cannot be read, or is a symbolic link: the digest would not cover its target.
    """
    folder = root / POLICIES_FOLDER
    files: dict[str, bytes] = {}
    for parent, folders, names in os.walk(folder):
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
