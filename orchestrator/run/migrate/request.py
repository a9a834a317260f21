"""What a move or an adoption comes to, once states are read: what is planned on copies, and what is written then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from orchestrator.aws.state.objects import StateObject
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.rename import FileEdit
from orchestrator.errors import UsageError
from orchestrator.run.context import RunContext
from orchestrator.run.migrate.journal import StateEdit
from orchestrator.run.migrate.rename import Pair, Renaming, state_after
from orchestrator.terraform.state.reader import read_state

_THERE = "is there already"


@dataclass(frozen=True, slots=True)
class PreparedMigration:
    """What would be done.

    Attributes:
        trials: units with the state that each would have: to be planned on.
        writes: states in the order in which they are written, with their bytes.
        stand_ins: unit -> the unit under which its state is now.
        said: what a person should know of it, a line each.
    """

    trials: tuple[tuple[Unit, bytes], ...]
    writes: tuple[tuple[StateEdit, bytes], ...]
    stand_ins: Mapping[str, Unit] = field(default_factory=dict)
    said: tuple[str, ...] = ()

    def with_state(self, unit: Unit, data: bytes) -> PreparedMigration:
        """The same, where another content is written as the state of a unit."""
        state = read_state(data)
        changed = tuple(
            (replace(write, after=StateObject(data, "").sha256, serial=state.serial), data)
            if write.unit == unit.id
            else (write, bytes_)
            for write, bytes_ in self.writes
        )
        return replace(self, writes=changed)


class MigrationRequest(Protocol):
    """A move or adoption that a person asked for."""

    @property
    def catalogue(self) -> Catalogue:
        """As it is afterwards."""

    @property
    def edits(self) -> tuple[FileEdit, ...]:
        """What changes in ``live/``."""

    @property
    def selected(self) -> Sequence[str]:
        """Ids of the units that it is about, in the catalogue."""

    @property
    def locked(self) -> Sequence[Unit]:
        """Units whose states' locks are held."""

    @property
    def operation(self) -> str:
        """What the locks say."""

    @property
    def takes_outputs(self) -> bool:
        """Whether a state that lacks only its outputs is to get them at once."""

    def prepare(self, context: RunContext) -> PreparedMigration:
        """Read the states, and say what would become of them. Changes nothing.

        Raises:
            UsageError: it cannot be; OrchError: something cannot be read.
        """


@dataclass(frozen=True, slots=True)
class RenameRequest:
    """Rename units with their states. ``source``: what the person called it."""

    renaming: Renaming
    source: str
    operation: str = "orch move"
    takes_outputs: bool = False

    @property
    def catalogue(self) -> Catalogue:
        """As it is after the rename."""
        return self.renaming.catalogue

    @property
    def edits(self) -> tuple[FileEdit, ...]:
        """What changes in ``live/``."""
        return self.renaming.edits

    @property
    def selected(self) -> Sequence[str]:
        """The units under their new names."""
        return tuple(pair.new.id for pair in self.renaming.pairs)

    @property
    def locked(self) -> Sequence[Unit]:
        """Each unit under both names."""
        return tuple(unit for pair in self.renaming.pairs for unit in (pair.old, pair.new))

    def prepare(self, context: RunContext) -> PreparedMigration:
        """Each state to its new place; units that have none, or have it there already, are left alone.

        Raises:
            UsageError: nothing is left to do. UnitError: both places have something.
        """
        trials: list[tuple[Unit, bytes]] = []
        writes: list[tuple[StateEdit, bytes]] = []
        stand_ins: dict[str, Unit] = {}
        said: list[str] = []
        for pair in self.renaming.pairs:
            old, new = context.aws.objects.read(pair.old), context.aws.objects.read(pair.new)
            if old is None or not has_content(old.data):
                where = _THERE if new is not None and has_content(new.data) else "has no state yet"
                said.append(f"{pair.new.id} {where}")
                continue
            moved, left = state_after(pair, old, new)
            trials.append((pair.new, moved))
            writes += [
                (state_edit(pair.new, pair.new, new, moved), moved),
                (state_edit(pair.old, pair.new, old, left), left),
            ]
            stand_ins[pair.new.id] = pair.old
        if not (writes or self.edits or any(line.endswith(_THERE) for line in said)):
            bucket = _place(context, self.renaming.pairs)
            message = f"there is no state of {self.source} to move: {'; '.join(said)}"
            raise UsageError(message, hint=f"states are looked for in {bucket}; none goes between accounts or regions")
        return PreparedMigration(tuple(trials), tuple(writes), stand_ins, tuple(said))


def has_content(data: bytes) -> bool:
    """Whether a state has something in it.

    Raises:
        UnitError: it is no state.
    """
    state = read_state(data)
    return bool(state.addresses or state.outputs)


def state_edit(unit: Unit, like: Unit, before: StateObject | None, after: bytes) -> StateEdit:
    """The record of one state that gets other content."""
    state = read_state(after)
    return StateEdit(
        unit=unit.id,
        stage=unit.stage,
        stack=unit.stack,
        like=like.id,
        before=before.sha256 if before is not None else "",
        after=StateObject(after, "").sha256,
        version=before.version if before is not None else "",
        lineage=state.lineage,
        serial=state.serial,
        resources=len(state.addresses),
    )


def _place(context: RunContext, pairs: Sequence[Pair]) -> str:
    accounts = sorted({context.catalogue.account_of(pair.old).state_bucket for pair in pairs})
    return ", ".join(f"s3://{bucket}/{pairs[0].old.state_key}" for bucket in accounts[:1]) or "no bucket"
