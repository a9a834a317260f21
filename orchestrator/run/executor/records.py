"""What the scheduler of a cluster passes on between the machine of a run and its workers, as JSON.

These records name objects in a state bucket by key and hash. They hold no value of a plan, no variable, no credential.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Self, TypeVar

from pydantic import TypeAdapter

from orchestrator.aws.state.work import StoredObject
from orchestrator.config.catalogue import Roles

CLAIMED = "claimed"
"""Text of the notice that an apply begins. The machine of the run records it, and does not show it."""

_T = TypeVar("_T")


def topic_of(run: str) -> str:
    """Return the topic of Dask's events that a run's progress is logged to."""
    return f"orch-{run}"


class StepKind(StrEnum):
    """What a worker does with a unit."""

    PLAN = "plan"
    DRIFT = "drift"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class WorkPlace:
    """The account whose state bucket holds the objects of a task: enough to assume its roles before ``live/`` is there.

    Attributes:
        account: name of the account; ``id``: its AWS id.
        region: region of the bucket.
        profile: AWS profile that role assumption starts from; None for the worker's own identity.
        prefix: prefix of all keys in the bucket.
    """

    account: str
    id: str
    region: str
    bucket: str
    roles: Roles
    profile: str | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class UnitTask:
    """One step of one unit.

    Attributes:
        orch: the version of orch that asks; a worker of another version refuses.
        run: id of the run.
        unit: id of the unit.
        baseline: the unit creates the roles of its account, so it runs under the bootstrap role.
        place: where its objects are.
        snapshot: the repository as the run uses it, with everything that is the same for all units.
        inputs: the outputs of its upstreams and what to switch off (plan), or its judged plan (apply); None when there
            is nothing to read.
        pending: ids of upstreams that have changes to apply or cannot be planned yet.
        claim: key of the object whose creation begins an apply; empty for what only reads.
        destroy: the plan destroys.
        emulator: folder with ``emulator.json`` of an emulator on this machine; empty for AWS.
    """

    orch: str
    run: str
    kind: StepKind
    unit: str
    baseline: bool
    place: WorkPlace
    snapshot: StoredObject
    inputs: StoredObject | None = None
    pending: tuple[str, ...] = ()
    claim: str = ""
    destroy: bool = False
    emulator: str = ""

    def text(self) -> str:
        """Return the task as JSON."""
        return _text(UnitTask, self)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the task of a JSON text.

        Raises:
            ValueError: it is not a task of this format.
        """
        return _parse(cls, text)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who began an apply. The object is created only if it does not exist, so an apply is begun at most once.

    Attributes:
        id: unique.
        worker: name of the worker; the machine of the run, when it withdrew an apply that had not begun.
        at: when, ISO 8601, UTC.
    """

    id: str
    worker: str
    at: str

    def form(self) -> dict[str, str]:
        """Return the claim as plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class UnitResult:
    """How a task ended on its worker.

    Attributes:
        worker: name of the worker, and its host.
        bundle: the report, the records for the journal and the files; None when there is an error or a claim.
        error: why there is no bundle, in one line; ``hint``: what to do.
        begun: this task claimed the apply and began it.
        claim: who had begun this apply before, when the worker found its claim taken.
    """

    worker: str
    bundle: StoredObject | None = None
    error: str = ""
    hint: str = ""
    begun: bool = False
    claim: Claim | None = None

    def text(self) -> str:
        """Return the result as JSON."""
        return _text(UnitResult, self)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the result of a JSON text.

        Raises:
            ValueError: it is not a result of this format.
        """
        return _parse(cls, text)


def _text(kind: Any, value: Any) -> str:
    return _adapter(kind).dump_json(value).decode()


def _parse(kind: type[_T], text: str) -> _T:
    codec: Any = kind  # A class is hashable, which its type does not say.
    found: _T = _adapter(codec).validate_json(text)
    return found


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Return the codec of a record; making one takes milliseconds."""
    return TypeAdapter(kind)
