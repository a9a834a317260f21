"""``orch move UNIT:ADDRESS UNIT:ADDRESS``: moves a resource, or a module of resources, between two states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.edit.rename import FileEdit
from orchestrator.errors import NotAppliedError, UsageError
from orchestrator.run.context import RunContext
from orchestrator.run.migrate.request import PreparedMigration, state_edit
from orchestrator.terraform.commands import Root
from orchestrator.terraform.state.reader import read_state
from orchestrator.util.files import write_atomic
from orchestrator.util.suggest import near_miss

_THIS = "module.this."


@dataclass(frozen=True, slots=True)
class ResourceRequest:
    """A move of one address from one unit's state to another's."""

    catalogue: Catalogue
    source: Unit
    address: str
    target: Unit
    to: str
    edits: tuple[FileEdit, ...] = ()
    operation: str = "orch move"
    takes_outputs: bool = False

    @classmethod
    def of(cls, catalogue: Catalogue, source: str, target: str) -> ResourceRequest:
        """Parse two UNIT:ADDRESS arguments. Addresses are those in the module; the prefix ``module.this.`` is optional.

        Raises:
            UsageError: a unit does not exist, or the move is not possible.
        """
        (from_id, _, address), (to_id, _, to) = source.partition(":"), target.partition(":")
        from_unit, to_unit = _unit(catalogue, from_id), _unit(catalogue, to_id)
        if from_unit.id == to_unit.id:
            message = f"both addresses are in {from_unit.id}"
            raise UsageError(message, hint=f"add `moved: {{{address}: {to}}}` to the stack, then run orch apply")
        if (from_unit.account, from_unit.region) != (to_unit.account, to_unit.region):
            message = f"{from_unit.id} and {to_unit.id} are not in the same account and region"
            raise UsageError(message, hint="resources cannot move between accounts or regions")
        return cls(catalogue, from_unit, _full_address(address), to_unit, _full_address(to))

    @property
    def selected(self) -> Sequence[str]:
        """Both units."""
        return (self.source.id, self.target.id)

    @property
    def locked(self) -> Sequence[Unit]:
        """Both units."""
        return (self.source, self.target)

    @property
    def received(self) -> Sequence[tuple[str, Unit]]:
        """The target."""
        return ((self.source.stage, self.target),)

    def prepare(self, context: RunContext) -> PreparedMigration:
        """Run ``terraform state mv`` on copies of both states. The target's state is written first.

        Raises:
            NotAppliedError: the source has no state.
            UsageError: the address does not exist, or both states have it.
            TerraformError: Terraform refuses the move.
        """
        source, target = context.aws.objects.read(self.source), context.aws.objects.read(self.target)
        if source is None:
            message = f"{self.source.id} has no state"
            raise NotAppliedError(message, hint=f"orch apply {self.source.id}")
        target_addresses = read_state(target.data).addresses if target is not None else ()
        if self._is_moved(read_state(source.data).addresses, target_addresses):
            return PreparedMigration((), (), notes=(f"{self.to.removeprefix(_THIS)} is already in {self.target.id}",))
        folder = context.run.folders.of_run / "states"
        paths = folder / "source.tfstate", folder / "target.tfstate"
        write_atomic(paths[0], source.data)
        if target is not None:
            write_atomic(paths[1], target.data)
        context.terraform.cli.state_move(
            scratch_root(context, self.source), paths[0], self.address, self.to, to=paths[1]
        )
        after = [path.read_bytes() for path in paths]
        return PreparedMigration(
            trials=((self.target, after[1]), (self.source, after[0])),
            writes=(
                (state_edit(self.target, self.target, target, after[1]), after[1]),
                (state_edit(self.source, self.source, source, after[0]), after[0]),
            ),
        )

    def _is_moved(self, source: Sequence[str], target: Sequence[str]) -> bool:
        """Return whether the resource was already moved.

        Raises:
            UsageError: it cannot be moved.
        """
        in_source, in_target = matching_addresses(source, self.address), matching_addresses(target, self.to)
        if bool(in_source) != bool(in_target):
            return bool(in_target)
        if in_source:
            message = f"{self.target.id} already has {self.to.removeprefix(_THIS)}"
            raise UsageError(
                message, hint="if a move was cut off on another machine, run it there again to continue it"
            )
        message = f"{self.source.id} has no {self.address.removeprefix(_THIS)}"
        known = [each.removeprefix(_THIS) for each in source]
        hint = near_miss(self.address.removeprefix(_THIS), known) or f"orch terraform {self.source.id} -- state list"
        raise UsageError(message, hint=hint)


def matching_addresses(addresses: Sequence[str], wanted: str) -> list[str]:
    """Return the addresses that are the wanted resource, one of its instances, or inside the wanted module."""
    return [each for each in addresses if each == wanted or each.startswith((f"{wanted}[", f"{wanted}."))]


def scratch_root(context: RunContext, unit: Unit) -> Root:
    """Return an empty root in which Terraform works on copies of states."""
    folder = context.run.folders.of_run / "states" / "work"
    folder.mkdir(parents=True, exist_ok=True)
    return Root(
        unit=unit.id,
        folder=folder,
        data_dir=folder / ".terraform",
        env=context.plan_environment(unit),
        log=context.run.folders.log(unit),
    )


def _full_address(address: str) -> str:
    return address if address.startswith(_THIS) else f"{_THIS}{address}"


def _unit(catalogue: Catalogue, id_: str) -> Unit:
    unit = catalogue.units.get(id_)
    if unit is None:
        message = f"no unit matches {id_!r}"
        raise UsageError(message, hint=near_miss(id_, catalogue.units) or "orch list shows all units")
    return unit
