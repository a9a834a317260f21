"""What orch knows of a plan and of a state, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Action(StrEnum):
    """What a plan does to one resource: a name for each list of actions in Terraform's plan JSON."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    """Delete then create, or create then delete: both lose the old object."""
    DELETE = "delete"
    FORGET = "forget"
    READ = "read"
    NOOP = "no-op"

    @property
    def sign(self) -> str:
        """The sign in tables: + create, ~ update, ± replace, - delete, . forget, as in Terraform."""
        return _SIGNS[self]

    @property
    def destructive(self) -> bool:
        """Whether an existing object is lost or no longer managed."""
        return self in {Action.REPLACE, Action.DELETE, Action.FORGET}


_SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "±",
    Action.DELETE: "-",
    Action.FORGET: ".",
    Action.READ: "<",
    Action.NOOP: " ",
}


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One entry of ``resource_changes``.

    Attributes:
        address: absolute address as Terraform writes it: ``module.this.aws_cognito_user_pool.this``.
        mode: ``managed`` or ``data``.
        before: the current object, None if it does not exist; ``after``: the planned object, None if it is removed.
        after_unknown: mirrors ``after``; True where the value is not yet known.
        replace_paths: attribute paths that force a replacement.
        reason: Terraform's ``action_reason``, or None.
        deposed: key of the deposed object, or None.
        previous_address: address before a ``moved`` block, or None.
        importing: id of the object that the plan imports, or None.
        forgets_old: a replacement does not delete the old object, but only forgets it.
    """

    address: str
    type: str
    name: str
    provider: str
    mode: str
    action: Action
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    after_unknown: Any = None
    before_sensitive: Any = None
    after_sensitive: Any = None
    replace_paths: tuple[tuple[str | int, ...], ...] = ()
    reason: str | None = None
    deposed: str | None = None
    previous_address: str | None = None
    importing: str | None = None
    index: str | int | None = None
    module_address: str | None = None
    forgets_old: bool = False


@dataclass(frozen=True, slots=True)
class OutputChange:
    """One planned root output. ``after_unknown`` mirrors ``after``: True where the value is not yet known."""

    name: str
    action: Action
    after: Any
    after_unknown: Any
    sensitive: bool


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A saved plan.

    Attributes:
        file: Terraform's plan file.
        json_file: the plan as JSON (``terraform show -json``), mode 0600; None if Terraform itself reported the plan as
            empty (``-detailed-exitcode`` 0), so that nothing needs to be read.
        changes: every resource change except no-ops, in Terraform's order; includes moves and imports.
        drift: changes made outside Terraform since the last apply, found by its refresh; the plan does not make them.
        outputs: every output change.
        errored: Terraform saved the plan and then found an error in it.
        sha256: hash of the plan file (``sha256:…``), taken before its JSON was made; empty if not taken.
    """

    file: Path
    json_file: Path | None
    changes: tuple[ResourceChange, ...] = ()
    drift: tuple[ResourceChange, ...] = ()
    outputs: Mapping[str, OutputChange] = field(default_factory=dict)
    errored: bool = False
    sha256: str = ""

    @property
    def empty(self) -> bool:
        """Whether the plan changes neither a resource nor an output."""
        return not self.changes and not any(o.action is not Action.NOOP for o in self.outputs.values())

    def count(self, action: Action) -> int:
        """Return the number of managed resources with this action."""
        return sum(1 for c in self.changes if c.action is action and c.mode == "managed")


@dataclass(frozen=True, slots=True)
class StateOutput:
    """One output of a state."""

    value: Any
    sensitive: bool


@dataclass(frozen=True, slots=True, order=True)
class StateResource:
    """One protected object of a state: its identity, not its contents.

    Attributes:
        id, arn, name: its attributes of these names if they are text, else empty: enough to find it in AWS.
        deposed: the key of a deposed object, or empty.
    """

    address: str
    type: str
    id: str = ""
    arn: str = ""
    name: str = ""
    deposed: str = ""


@dataclass(frozen=True, slots=True)
class StateRecord:
    """What orch reads from a state file. Of attributes, only those that identify a protected resource.

    Attributes:
        addresses: of managed resources, sorted.
        protected: the objects of the requested types, sorted.
        providers: addresses of the managed resources' providers, sorted: ``registry.terraform.io/hashicorp/aws``.
        types: types of all resources, those of data sources included.
    """

    lineage: str
    serial: int
    outputs: Mapping[str, StateOutput]
    addresses: tuple[str, ...]
    protected: tuple[StateResource, ...] = ()
    providers: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
