"""``policies/``: the list of protected types, and one folder for each policy with its check and its cases."""

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
    """One policy: a checkov check, and plans that show what it lets pass and what it stops.

    Attributes:
        folder: ``policies/NAME``.
        source: the bytes of ``check.py``; these run, and these are in the digest.
        passing, failing: plan JSON files, sorted; at least one of each.
        at: where problems with it are reported.
    """

    name: str
    folder: Path
    source: bytes
    passing: tuple[Path, ...]
    failing: tuple[Path, ...]
    at: Location


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything in ``policies/``, read once.

    Attributes:
        root: the folder that contains ``policies/``.
        digest: SHA-256 over the name and the bytes of every file in it.
        files: what they were made from, by name below ``policies/``: of the working tree, or of the protected commit.
    """

    root: Path
    protected: Protected
    policies: tuple[Policy, ...]
    digest: str
    files: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path) -> Self:
        """Read ``policies/`` below a folder. Imports neither checkov nor the checks.

        Raises:
            CatalogueError: the folder or the list is missing, or a policy has no check or lacks a case.
        """
        return cls.of(root, read_policy_files(root))

    @classmethod
    def of(cls, root: Path, files: Mapping[str, bytes]) -> Self:
        """Policies from files that were read already, wherever they come from.

        Args:
            root: the folder that contains ``policies/``.
            files: by name below ``policies/``.

        Raises:
            CatalogueError: as for ``load``.
        """
        folder = root / POLICIES_FOLDER
        if not files:
            what = "there is no policies/ folder, and without policies nothing can be judged"
            hint = (
                f"add {POLICIES_FOLDER}/{PROTECTED_FILE} and {POLICIES_FOLDER}/protected/ as in orch's own repository"
            )
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
            problems.append(Problem(Location(shown), what, "without it nothing would be protected"))
        policies = _policies(folder, files, problems)
        if problems or protected is None:
            raise CatalogueError(problems)
        return cls(root=root, protected=protected, policies=policies, digest=_digest(files), files=files)


def read_policy_files(root: Path) -> dict[str, bytes]:
    """Every file below ``policies/``, by its path in it; nothing when there is no such folder.

    Raises:
        CatalogueError: a file cannot be read, or a link leads elsewhere, where the digest does not reach.
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
                    Location(f"{POLICIES_FOLDER}/{key}"), "a link is not allowed here", "copy the file instead"
                )
                raise CatalogueError([problem])
            if path.is_dir():
                continue
            try:
                files[key] = path.read_bytes()
            except OSError as error:
                problem = Problem(Location(f"{POLICIES_FOLDER}/{key}"), f"the file cannot be read: {error.strerror}")
                raise CatalogueError([problem]) from error
    return files


def _policies(folder: Path, files: Mapping[str, bytes], problems: list[Problem]) -> tuple[Policy, ...]:
    names = sorted({key.split("/", 1)[0] for key in files if "/" in key})
    if not names:
        what = "there is no policy: every policy is a folder with check.py, pass.json and fail.json"
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
        problems.append(Problem(at, f"{name!r} is no name for a policy", "use a-z, 0-9 and _, and begin with a letter"))
    if CHECK_FILE not in own:
        problems.append(Problem(at, f"the policy has no {CHECK_FILE}"))
    for cases, which, does in ((passing, "pass", "lets pass"), (failing, "fail", "stops")):
        if not cases:
            what = f"the policy has no case {which}*.json"
            problems.append(Problem(at, what, f"add a plan (terraform show -json) that it {does}"))
    check = Location(f"{POLICIES_FOLDER}/{name}/{CHECK_FILE}")
    source = files.get(f"{name}/{CHECK_FILE}", b"")
    problems.extend(_syntax(source, check))
    if len(problems) > before:
        return None
    return Policy(name=name, folder=folder, source=source, passing=passing, failing=failing, at=check)


def _syntax(source: bytes, at: Location) -> Iterator[Problem]:
    """What Python cannot read is told at once; all else a check can do wrong shows when checkov is there."""
    try:
        compile(source, at.file, "exec")
    except SyntaxError as error:
        yield Problem(Location(at.file, error.lineno or 0, error.offset or 0), f"not Python: {error.msg}")
    except ValueError as error:
        yield Problem(at, f"not Python: {error}")


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for key in sorted(files):
        digest.update(f"{hashlib.sha256(files[key]).hexdigest()}  {key}\n".encode())
    return digest.hexdigest()
