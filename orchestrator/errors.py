"""Every error that a user can meet, and the exit code that it ends with.

The tree::

    OrchError                    1   base: what, where, hint
    ├── UsageError               2   the command line
    ├── CatalogueError           2   live/ or modules/: carries every problem that was found, not only the first
    ├── SetupError               2   this machine or account: terraform, provider, credentials, bucket, disk
    ├── UnitError                1   one unit failed: Terraform, a time limit, an upstream
    │   ├── NotAppliedError      1   an upstream has no state yet
    │   ├── DeniedError          1   AWS refused
    │   └── ThrottledError       1   AWS asked to slow down, after retries
    ├── BlockedError             3   the guard said no
    ├── ApprovalError            4   what would be done is no longer what was approved
    └── InterruptedRunError    130   Ctrl-C or SIGTERM

Exit codes are those of the design: 0 done, 1 a unit failed, 2 wrong command line or catalogue, 3 blocked by policy,
4 the approval no longer covers what would be done, 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file: path relative to the repository, line and column counted from 1 (0: the whole file)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """``live/stages/prod.yaml:4:7``, as editors and terminals make it a link."""
        parts = [self.file, *(str(n) for n in (self.line, self.column) if n)]
        return ":".join(parts)


class OrchError(Exception):
    """An expected failure: shown as one line and a hint, never as a traceback.

    Args:
        what: what is wrong, one sentence without a full stop.
        where: the file and line it comes from, if there is one.
        hint: what to do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: Location | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """One line: where, then what, then what to do."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} — {self.hint}" if self.hint else text


class UsageError(OrchError):
    """The command line asks for something that cannot be."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong in ``live/``, ``modules/`` or ``policies/``."""

    where: Location
    what: str
    hint: str | None = None

    def __str__(self) -> str:
        """One line, in the shape of a compiler's message."""
        return f"{self.where}: {self.what}" + (f" — {self.hint}" if self.hint else "")


class CatalogueError(OrchError):
    """The catalogue is wrong.

    Args:
        problems: all that was found, at least one; kept sorted by place.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.where, p.what)))
        first = self.problems[0]
        super().__init__(first.what, where=first.where, hint=first.hint)

    def __str__(self) -> str:
        """Every problem on a line of its own."""
        return "\n".join(str(p) for p in self.problems)


class SetupError(OrchError):
    """Something that the run needs on this machine or in the account is missing or wrong."""

    exit_code = 2


class UnitError(OrchError):
    """One unit could not be planned or applied; others go on."""


class NotAppliedError(UnitError):
    """An upstream has not been applied yet, so it has no outputs."""


class DeniedError(UnitError):
    """AWS refused a call that this unit needs."""


class ThrottledError(UnitError):
    """AWS asked to slow down and did not relent."""


class BlockedError(OrchError):
    """The guard stopped a plan."""

    exit_code = 3


class ApprovalError(OrchError):
    """The plan does something that was not approved."""

    exit_code = 4


class InterruptedRunError(OrchError):
    """The run was interrupted; what had started was brought to its end."""

    exit_code = 130
