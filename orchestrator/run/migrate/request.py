"""Requests to move or adopt, and what they plan and write once the states are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from orchestrator.aws.state.objects import StateObject
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.edit.rename import FileEdit
from orchestrator.errors import UsageError
from orchestrator.run.context import RunContext
from orchestrator.run.migrate.journal import StateEdit
from orchestrator.run.migrate.rename import Pair, Renaming, state_after
from orchestrator.terraform.state.reader import read_state

_THERE = "was already moved"


@dataclass(frozen=True, slots=True)
class PreparedMigration:
    """The trials and state writes of a migration.

    Attributes:
        trials: units with the states that they would have, to be planned.
        writes: the state edits in the order in which they are made, with the new content.
        stand_ins: unit -> the unit that currently has its state.
        notes: lines for the user.
    """

    trials: tuple[tuple[Unit, bytes], ...]
    writes: tuple[tuple[StateEdit, bytes], ...]
    stand_ins: Mapping[str, Unit] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def with_state(self, unit: Unit, data: bytes) -> PreparedMigration:
        """Return the migration with other content for a unit's state."""
        state = read_state(data)
        changed = tuple(
            (replace(write, after=StateObject(data, "").sha256, serial=state.serial), data)
            if write.unit == unit.id
            else (write, bytes_)
            for write, bytes_ in self.writes
        )
        return replace(self, writes=changed)


class MigrationRequest(Protocol):
    """A requested move or adoption."""

    @property
    def catalogue(self) -> Catalogue:
        """The configuration after the migration."""

    @property
    def edits(self) -> tuple[FileEdit, ...]:
        """The changes to ``live/``."""

    @property
    def selected(self) -> Sequence[str]:
        """Ids of the migrated units, in the configuration."""

    @property
    def locked(self) -> Sequence[Unit]:
        """Units whose states are locked."""

    @property
    def received(self) -> Sequence[tuple[str, Unit]]:
        """The units that get resources, each with the stage that these come from; "" for a state of another tool."""

    @property
    def operation(self) -> str:
        """The operation to write into the locks."""

    @property
    def takes_outputs(self) -> bool:
        """Whether outputs that the state lacks are written into it immediately."""

    def prepare(self, context: RunContext) -> PreparedMigration:
        """Read the states and return what would be written. Changes nothing.

        Raises:
            UsageError: the migration is not possible.
            OrchError: something cannot be read.
        """


@dataclass(frozen=True, slots=True)
class RenameRequest:
    """A rename of units with their states. ``source``: the old name as typed."""

    renaming: Renaming
    source: str
    operation: str = "orch move"
    takes_outputs: bool = False

    @property
    def catalogue(self) -> Catalogue:
        """The configuration after the rename."""
        return self.renaming.catalogue

    @property
    def edits(self) -> tuple[FileEdit, ...]:
        """The changes to ``live/``."""
        return self.renaming.edits

    @property
    def selected(self) -> Sequence[str]:
        """The units under their new names."""
        return tuple(pair.new.id for pair in self.renaming.pairs)

    @property
    def locked(self) -> Sequence[Unit]:
        """Each unit under both names."""
        return tuple(unit for pair in self.renaming.pairs for unit in (pair.old, pair.new))

    @property
    def received(self) -> Sequence[tuple[str, Unit]]:
        """The units under their new names, with their old stages."""
        return tuple((pair.old.stage, pair.new) for pair in self.renaming.pairs)

    def prepare(self, context: RunContext) -> PreparedMigration:
        """Move each state to its new key; skip units that have no state or were already moved.

        Raises:
            UsageError: there is nothing to do.
            UnitError: both keys have a state that is not empty.
        """
        trials: list[tuple[Unit, bytes]] = []
        writes: list[tuple[StateEdit, bytes]] = []
        stand_ins: dict[str, Unit] = {}
        notes: list[str] = []
        for pair in self.renaming.pairs:
            old, new = context.aws.objects.read(pair.old), context.aws.objects.read(pair.new)
            if old is None or not has_content(old.data):
                where = _THERE if new is not None and has_content(new.data) else "has no state yet"
                notes.append(f"{pair.new.id} {where}")
                continue
            moved, emptied_state = state_after(pair, old, new)
            trials.append((pair.new, moved))
            writes += [
                (state_edit(pair.new, pair.new, new, moved), moved),
                (state_edit(pair.old, pair.new, old, emptied_state), emptied_state),
            ]
            stand_ins[pair.new.id] = pair.old
        if not (writes or self.edits or any(line.endswith(_THERE) for line in notes)):
            bucket = _expected_location(context, self.renaming.pairs)
            message = f"{self.source} has no state to move: {'; '.join(notes)}"
            raise UsageError(
                message, hint=f"states are expected in {bucket}; they cannot move between accounts or regions"
            )
        return PreparedMigration(tuple(trials), tuple(writes), stand_ins, tuple(notes))


def refuse_disposable(request: MigrationRequest) -> None:
    """Refuse to give a disposable stage resources that were not created in it: it may be destroyed with them.

    Raises:
        UsageError: a unit of the request is in a disposable stage, and its resources come from elsewhere.
    """
    for source, unit in request.received:
        stage = None if unit.of_account else request.catalogue.stages.get(unit.stage)
        if stage is not None and stage.disposable and source != stage.name:
            message = f"{stage.name} is disposable, so {unit.id} must not take over resources of {source or 'others'}"
            hint = "choose a lasting stage; or remove `disposable`, and {stage.name} lasts from its next apply on"
            raise UsageError(message, where=stage.disposable_at, hint=hint.format(stage=stage))


def has_content(data: bytes) -> bool:
    """Return whether a state has resources or outputs.

    Raises:
        UnitError: it is not a valid state.
    """
    state = read_state(data)
    return bool(state.addresses or state.outputs)


def state_edit(unit: Unit, like: Unit, before: StateObject | None, after: bytes) -> StateEdit:
    """Return the record of one state that gets other content."""
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


def _expected_location(context: RunContext, pairs: Sequence[Pair]) -> str:
    accounts = sorted({context.catalogue.account_of(pair.old).state_bucket for pair in pairs})
    return ", ".join(f"s3://{bucket}/{pairs[0].old.state_key}" for bucket in accounts[:1]) or "no bucket"
