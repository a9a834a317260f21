"""What orch knows of a plan and of a state: frozen records, read once, passed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Action(StrEnum):
    """What a plan does to one resource; the actions lists of Terraform's plan JSON, named."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    """Delete then create, or create then delete: the old object is lost either way."""
    DELETE = "delete"
    FORGET = "forget"
    READ = "read"
    NOOP = "no-op"

    @property
    def sign(self) -> str:
        """The sign that tables show: + create, ~ update, ± replace, - delete; forgetting is a ``.`` as in Terraform."""
        return _SIGNS[self]

    @property
    def destructive(self) -> bool:
        """Whether an existing object is lost or let go of."""
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
        address: absolute address, as Terraform writes it: ``module.this.aws_cognito_user_pool.this``.
        mode: ``managed`` or ``data``.
        before: the object as it is, None when it does not exist; ``after`` as it will be, None when it is gone.
        after_unknown: mirrors ``after``, True where the value is not known yet.
        replace_paths: attribute paths that force a replacement.
        reason: Terraform's ``action_reason``, or None.
        deposed: key of the deposed object, or None.
        previous_address: where the object was before a ``moved`` block, or None.
        importing: id of the object that the plan imports, or None.
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


@dataclass(frozen=True, slots=True)
class OutputChange:
    """One root output as the plan leaves it. ``after_unknown`` mirrors ``after``: True where not known yet."""

    name: str
    action: Action
    after: Any
    after_unknown: Any
    sensitive: bool


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A saved plan, read.

    Attributes:
        file: Terraform's plan file.
        json_file: the same as JSON (``terraform show -json``), mode 0600; None for a plan that Terraform itself
            reported as empty (``-detailed-exitcode`` 0), for which nothing has to be read.
        changes: every resource change that is not a no-op, in Terraform's order; moves and imports included.
        drift: what changed outside since the last apply, as Terraform found it by refreshing; not what the plan does.
        outputs: every output change.
        errored: Terraform saved the plan and then found an error in it.
        sha256: hash of the plan file (``sha256:…``) from before its JSON was made; empty when nobody took it.
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
        """Nothing would change, neither a resource nor an output."""
        return not self.changes and not any(o.action is not Action.NOOP for o in self.outputs.values())

    def count(self, action: Action) -> int:
        """Number of managed resources that the plan would treat so."""
        return sum(1 for c in self.changes if c.action is action and c.mode == "managed")


@dataclass(frozen=True, slots=True)
class StateOutput:
    """One output of a state."""

    value: Any
    sensitive: bool


@dataclass(frozen=True, slots=True, order=True)
class StateResource:
    """One protected object of a state: which it is, and nothing of what it holds.

    Attributes:
        id, arn, name: its attributes of these names where they are texts, else empty: enough to find it in AWS.
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
    """What orch reads of a state file: of the resources' attributes only what names a protected one.

    Attributes:
        addresses: of managed resources, sorted.
        protected: the objects of the types that were asked for, sorted.
        providers: addresses of the providers that the managed resources are of, sorted:
            ``registry.terraform.io/hashicorp/aws``.
    """

    lineage: str
    serial: int
    outputs: Mapping[str, StateOutput]
    addresses: tuple[str, ...]
    protected: tuple[StateResource, ...] = ()
    providers: tuple[str, ...] = ()
