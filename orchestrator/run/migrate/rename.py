"""``orch move FROM TO``: finds the units to rename, and makes their new states. Runs no Terraform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.aws.state.objects import StateObject
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.edit.rename import FileEdit, Rename, RenameKind, rename_edits
from orchestrator.config.load import load, load_edited
from orchestrator.config.naming import aws_names
from orchestrator.errors import CatalogueError, UnitError, UsageError
from orchestrator.terraform.state.edit import emptied, with_serial
from orchestrator.terraform.state.reader import read_state
from orchestrator.util.suggest import near_miss


@dataclass(frozen=True, slots=True)
class Pair:
    """One unit under its old and its new name. ``old`` is in no configuration after the rename."""

    old: Unit
    new: Unit


@dataclass(frozen=True, slots=True)
class Renaming:
    """A resolved rename.

    Attributes:
        catalogue: the configuration after the rename.
        edits: the changes to ``live/``; empty when it was renamed there by hand.
        pairs: the units, in the order of their new ids.
    """

    catalogue: Catalogue
    edits: tuple[FileEdit, ...]
    pairs: tuple[Pair, ...]


def resolve_rename(root: Path, source: str, target: str, trusted: Mapping[str, bytes] | None = None) -> Renaming:
    """Resolve ``orch move SOURCE TARGET``.

    Args:
        root: the folder that contains ``live/``.
        source: STAGE, STACK or STAGE/STACK; ``stage:NAME`` or ``stack:NAME`` when a name is both.
        target: its new name.
        trusted: as for ``load``.

    Raises:
        UsageError: neither name exists, both do, or the two do not fit together.
        CatalogueError: the configuration is invalid, or would be after the rename.
    """
    catalogue = load(root, trusted=trusted)
    rename, exists = _parse(root, catalogue, source, target)
    edits: tuple[FileEdit, ...] = ()
    if exists:
        edits = rename_edits(root, rename)
        after = _loaded_after(root, edits, trusted)
        pairs = _pairs(after, rename)
        _check_same(catalogue, after, pairs)
        return Renaming(after, edits, pairs)
    return Renaming(catalogue, edits, _pairs(catalogue, rename))


def state_after(pair: Pair, old: StateObject, new: StateObject | None) -> tuple[bytes, bytes]:
    """Return the states after a rename: the new unit's, and the emptied one of the old unit.

    The moved state gets a serial that neither state had, so that the history of both stays clear.

    Raises:
        UnitError: one of them is not a valid state, or both have content.
    """
    moved = read_state(old.data)
    serial = moved.serial
    if new is not None:
        target = read_state(new.data)
        if target.addresses or target.outputs:
            message = f"{pair.old.id} and {pair.new.id} both have a state that is not empty"
            hint = f"destroy one of them, or move single resources: orch move {pair.old.id}:ADDRESS …"
            raise UnitError(message, hint=hint)
        serial = max(serial, target.serial)
    return with_serial(old.data, serial + 1), emptied(old.data)


def _parse(root: Path, catalogue: Catalogue, source: str, target: str) -> tuple[Rename, bool]:
    """Return the rename, and whether ``live/`` still has the old name."""
    if source == target:
        message = f"{source} already has this name"
        raise UsageError(message, hint="orch move FROM TO")
    if ("/" in source) != ("/" in target):
        message = f"{source} and {target} are of different kinds"
        raise UsageError(message, hint="use two stages, two stacks, two units (STAGE/STACK) or two of UNIT:ADDRESS")
    if "/" in source:
        return _parse_unit(catalogue, source, target)
    found = list(_candidates(root, source, target))
    found = [each for each in found if each[1]] or found
    if len(found) > 1:
        message = f"{source} is both a stage and a stack"
        raise UsageError(message, hint=f"write stage:{source} stage:{target}, or stack:{source} stack:{target}")
    if not found:
        known = [*catalogue.stages, *{unit.stack for unit in catalogue.units.values()}]
        hint = near_miss(source, known) or "name a stage, a stack, or a unit (STAGE/STACK)"
        if source in catalogue.accounts:
            hint = "an account cannot be renamed: its name is in the keys of all its states"
        message = f"no stage or stack is named {source!r} or {target!r}"
        raise UsageError(message, hint=hint)
    return found[0]


def _candidates(root: Path, source: str, target: str) -> Iterator[tuple[Rename, bool]]:
    """Yield the renames that the two names could mean, and whether ``live/`` still has the old name."""
    for what in (RenameKind.STAGE, RenameKind.STACK):
        old, new = _of_kind(source, what), _of_kind(target, what)
        if not (old and new):
            continue
        before, after = _exists(root, what, old), _exists(root, what, new)
        if before and after:
            message = f"both {what}s exist: {old!r} and {new!r}"
            raise UsageError(message, hint="choose a name that is not in use")
        if before or after:
            yield Rename(what, old, new), before


def _parse_unit(catalogue: Catalogue, source: str, target: str) -> tuple[Rename, bool]:
    (stage, _, old), (to_stage, _, new) = source.partition("/"), target.partition("/")
    if "@" in old or "@" in new:
        message = "a stack is renamed in all of its regions"
        raise UsageError(message, hint=f"orch move {stage}/{old.partition('@')[0]} {to_stage}/{new.partition('@')[0]}")
    if stage != to_stage:
        message = f"{source} and {target} are in different stages, and names in AWS contain the stage"
        raise UsageError(message, hint="move its resources one by one: orch move UNIT:ADDRESS UNIT:ADDRESS")
    stacks = {unit.stack for unit in catalogue.units.values() if unit.stage == stage}
    if old in stacks and new in stacks:
        message = f"both units exist: {source} and {target}"
        raise UsageError(message, hint=f"to move one resource: orch move {source}:ADDRESS {target}:ADDRESS")
    if old not in stacks and new not in stacks:
        units = ", ".join(f"{stage}/{stack}" for stack in sorted(stacks))
        message = f"neither {source} nor {target} exists"
        raise UsageError(message, hint=near_miss(source, catalogue.units) or f"units: {units or 'none'}")
    return Rename(RenameKind.UNIT, old, new, scope=stage), old in stacks


def _of_kind(name: str, what: RenameKind) -> str:
    """Return the bare name; empty when the text names another kind."""
    kind, colon, bare = name.partition(":")
    if not colon:
        return name
    return bare if kind == what.value else ""


def _exists(root: Path, what: RenameKind, name: str) -> bool:
    return (root / "live" / f"{what}s" / f"{name}.yaml").is_file()


def _loaded_after(root: Path, edits: tuple[FileEdit, ...], trusted: Mapping[str, bytes] | None) -> Catalogue:
    """Load the configuration as it would be after the edits.

    Raises:
        CatalogueError: it would be invalid, so the rename must be made by hand.
    """
    try:
        return load_edited(root, edits, trusted)
    except CatalogueError as error:
        hint = "rename it in live/ by hand, with `named:` set to the old name; the same command then moves the states"
        problems = [replace(each, hint=each.hint or hint) for each in error.problems]
        raise CatalogueError(problems) from error


def _pairs(catalogue: Catalogue, rename: Rename) -> tuple[Pair, ...]:
    return tuple(
        Pair(_old_unit(unit, rename), unit) for _, unit in sorted(catalogue.units.items()) if _renamed(unit, rename)
    )


def _renamed(unit: Unit, rename: Rename) -> bool:
    if rename.what is RenameKind.STAGE:
        return unit.stage == rename.new and not unit.of_account
    return unit.stack == rename.new and rename.scope in {"", unit.stage}


def _old_unit(unit: Unit, rename: Rename) -> Unit:
    stage = rename.old if rename.what is RenameKind.STAGE else unit.stage
    stack = unit.stack if rename.what is RenameKind.STAGE else rename.old
    _, at, region = unit.id.partition("@")
    return replace(unit, id=f"{stage}/{stack}{at}{region}", stage=stage, stack=stack)


def _check_same(before: Catalogue, after: Catalogue, pairs: tuple[Pair, ...]) -> None:
    """Check that only these units change, and that their names in AWS do not.

    Raises:
        UsageError: the edits would change more.
    """
    swap = {pair.old.id: pair.new.id for pair in pairs}
    differing = {swap.get(id_, id_) for id_ in before.units} ^ set(after.units)
    if differing:
        message = f"the rename in live/ would also change {', '.join(sorted(differing))}"
        raise UsageError(message, hint="rename the stack in all stages, or change live/ by hand first")
    for pair in pairs:
        old, new = before.units[pair.old.id], pair.new
        if (old.account, old.region) != (new.account, new.region):
            message = f"{old.id} would move from {old.account} ({old.region}) to {new.account} ({new.region})"
            raise UsageError(message, hint="resources cannot move between accounts or regions")
        if old.baseline != new.baseline:
            message = f"cannot rename {old.id}: an account's baseline is recognized by its name"
            raise UsageError(message, hint="keep its name")
    _check_names(before, after, {pair.new.id: before.units[pair.old.id] for pair in pairs})


def _check_names(before: Catalogue, after: Catalogue, old_units: Mapping[str, Unit]) -> None:
    for id_, old in old_units.items():
        if old.name_variables and aws_names(before, old) != aws_names(after, after.units[id_]):
            message = f"the rename would change names in AWS of {old.id}"
            raise UsageError(message, hint="it already has `named:`; change live/ by hand first")
