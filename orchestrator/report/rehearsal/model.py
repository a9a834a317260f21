"""The records of a rehearsal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.guard.model import Finding


class Fate(StrEnum):
    """What head did to a resource of base."""

    KEPT = "kept"
    MOVED = "moved"
    """The same object, at another address."""
    REPLACED = "replaced"
    DESTROYED = "destroyed"
    FORGOTTEN = "no longer managed"
    """It stays in AWS, outside of Terraform."""


class Outcome(StrEnum):
    """How a unit came through. The worst comes first."""

    LOST = "lost"
    """Head was applied, and data or something protected is gone."""
    BLOCKED = "blocked"
    """The guard stopped head, as it would stop the real apply: nothing is lost."""
    FAILED = "failed"
    """Head could not be planned or applied."""
    NOT_REHEARSED = "not rehearsed"
    """Nobody knows: base could not be applied, or an upstream did not come through."""
    NEW = "new"
    """Base has no such unit, so there was nothing to lose."""
    REMOVED = "removed"
    """Head has no such unit. Its resources stay in AWS."""
    SURVIVED = "survived"


@dataclass(frozen=True, slots=True)
class ResourceFate:
    """A resource of base, and what became of it.

    Attributes:
        address: as it is shown, without ``module.this.``.
        type: Terraform resource type.
        fate: what head did.
        protected: the type is in ``policies/protected.yaml``.
        noun: what it was filled with: ``user``, ``item``, ``object``; empty: nothing.
        before: how many it had before head.
        after: how many of these it has now; None if they could not be counted.
        now: its address after head, if that is another one.
        note: why it was not filled or counted; empty if it was.
    """

    address: str
    type: str
    fate: Fate
    protected: bool = False
    noun: str = ""
    before: int = 0
    after: int | None = 0
    now: str = ""
    note: str = ""

    @property
    def lost(self) -> bool:
        """Whether data, or something protected, is gone. What could not be counted counts as gone."""
        gone = self.fate in {Fate.REPLACED, Fate.DESTROYED}
        return (gone and self.protected) or (self.before > 0 and (self.after is None or self.after < self.before))


@dataclass(frozen=True, slots=True)
class RehearsedUnit:
    """One unit, before and after.

    Attributes:
        unit: its id.
        outcome: how it came through.
        target: it was asked for; False: only applied because a target reads its outputs.
        cause: why it is blocked, failed or not rehearsed: one line.
        error: what Terraform printed; empty if nothing failed.
        resources: what is protected or was filled, in the order of the state of base.
        findings: what the guard found in the plan of head.
    """

    unit: str
    outcome: Outcome
    target: bool = True
    cause: str = ""
    error: str = ""
    resources: tuple[ResourceFate, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def stage(self) -> str:
        """The stage of the unit; empty for an account."""
        return "" if self.unit.startswith("account:") else self.unit.partition("/")[0]


@dataclass(frozen=True, slots=True)
class UnmodeledCall:
    """An operation of AWS that the emulator does not model.

    Attributes:
        service: botocore's name of the service.
        action: the operation.
        times: how often it was called.
        during: ``base`` or ``head``.
        failed: the emulator knows the operation, and ended it with an error of its own.
    """

    service: str
    action: str
    times: int
    during: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A whole rehearsal.

    Attributes:
        run: id of the run that applied head.
        targets: the targets as typed.
        base: the revision as typed, or how it was found.
        base_commit: its commit.
        head_commit: the commit of the working tree, with ``-dirty`` if files differ from it; empty without one.
        units: every unit of base and head, in graph order; accounts and former units that block come first.
        calls: what the emulator does not model.
        differences: how the emulator differs from AWS in the services that were used, one sentence each.
        placeholders: secrets that had a placeholder in the place of their value: ``ssm:/prod/token``.
        seconds: wall time.
    """

    run: str
    targets: tuple[str, ...]
    base: str
    base_commit: str
    head_commit: str
    units: tuple[RehearsedUnit, ...]
    calls: tuple[UnmodeledCall, ...] = ()
    differences: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0: everything survived. 3: something is lost or blocked. 1: a unit failed or could not be rehearsed."""
        outcomes = {unit.outcome for unit in self.units}
        if outcomes & {Outcome.LOST, Outcome.BLOCKED}:
            return 3
        return 1 if outcomes & {Outcome.FAILED, Outcome.NOT_REHEARSED} else 0


def outcome_counts(units: Sequence[RehearsedUnit]) -> dict[Outcome, int]:
    """Return the number of units by outcome, the worst first, without zeros."""
    counts = {outcome: sum(1 for unit in units if unit.outcome is outcome) for outcome in Outcome}
    return {outcome: number for outcome, number in counts.items() if number}


def rehearsal_headline(units: Sequence[RehearsedUnit]) -> str:
    """Return the numbers in words: ``1 blocked, 3 survived``."""
    return ", ".join(f"{number} {outcome}" for outcome, number in outcome_counts(units).items()) or "no units"
