"""Every error that a user can see, and its exit code.

The tree::

    OrchError                    1   base class: what, where, hint
    ├── UsageError               2   the command line
    ├── CatalogueError           2   live/, modules/ or policies/ are not valid: has every problem that was found
    ├── SetupError               2   machine or account not ready: terraform, provider, credentials, bucket, disk
    ├── UnitError                1   one unit failed: Terraform, a timeout, an upstream
    │   ├── NotAppliedError      1   an upstream has no state yet
    │   ├── DeniedError          1   AWS denied access
    │   └── ThrottledError       1   AWS throttled a call, after retries
    ├── BlockedError             3   the guard blocked a plan
    ├── ApprovalError            4   the approval does not cover what would be done
    └── InterruptedRunError    130   Ctrl-C or SIGTERM

Exit codes: 0 done, 1 a unit failed, 2 invalid command line or configuration, 3 blocked by policy, 4 the approval does
not cover what would be done, 130 interrupted. With ``--detailed-exitcode`` 2 means changes: see `detailed_code`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

_KEPT = frozenset({3, 130})


def detailed_code(code: int) -> int:
    """Return the exit code of an error with ``--detailed-exitcode``, where 2 means changes.

    1 for every error, but 3 for blocked and 130 for interrupted.
    """
    return code if code in _KEPT else 1


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A location in a file: path relative to the repository, line and column counted from 1 (0: the whole file)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return ``live/stages/prod.yaml:4:7``, which editors and terminals turn into a link."""
        parts = [self.file, *(str(n) for n in (self.line, self.column) if n)]
        return ":".join(parts)


class OrchError(Exception):
    """An expected failure, shown as one line and a hint, never as a traceback.

    Args:
        what: what is wrong, in one sentence without a trailing period.
        where: the file and line that it is about, if any.
        hint: what to do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: Location | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """Return one line: where, what, and what to do."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} — {self.hint}" if self.hint else text


class UsageError(OrchError):
    """The command line is not valid."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem in ``live/``, ``modules/`` or ``policies/``."""

    where: Location
    what: str
    hint: str | None = None

    def __str__(self) -> str:
        """Return one line in the form of a compiler message."""
        return f"{self.where}: {self.what}" + (f" — {self.hint}" if self.hint else "")


class CatalogueError(OrchError):
    """The configuration is not valid.

    Args:
        problems: every problem that was found, at least one. They are sorted by location.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.where, p.what)))
        first = self.problems[0]
        super().__init__(first.what, where=first.where, hint=first.hint)

    def __str__(self) -> str:
        """Return every problem, one per line."""
        return "\n".join(str(p) for p in self.problems)


class SetupError(OrchError):
    """Something that the run requires on this machine or in the account is missing or not valid."""

    exit_code = 2


class UnitError(OrchError):
    """One unit could not be planned or applied; other units continue."""


class NotAppliedError(UnitError):
    """An upstream is not applied yet, so it has no outputs."""


class DeniedError(UnitError):
    """AWS denied a call that this unit requires."""


class ThrottledError(UnitError):
    """AWS throttled a call, and retries did not help."""


class BlockedError(OrchError):
    """The guard stopped a plan."""

    exit_code = 3


class ApprovalError(OrchError):
    """The approval does not cover what the plan would do."""

    exit_code = 4


class InterruptedRunError(OrchError):
    """The run was interrupted. Units that had started were finished."""

    exit_code = 130
