"""Compares the units of two configurations: resolved inputs, and everything else that decides what a unit is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.secret_literals import secret_variables, without_secrets
from orchestrator.config.written import written_value
from orchestrator.errors import CatalogueError

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class InputChange:
    """One thing that differs.

    Attributes:
        unit: id of the unit.
        key: ``unit`` (it exists on one side only), ``inputs.NAME``, ``account``, ``module``, …, or ``file``.
        before, after: plain values; None where there is none. For ``file`` the path is in ``after``.
        where: file and line that say so now, else before.
    """

    unit: str
    key: str
    before: Any
    after: Any
    where: str


def compare_units(
    old: Catalogue, new: Catalogue, ids: Iterable[str], files: Mapping[str, Iterable[str]]
) -> tuple[InputChange, ...]:
    """Return the differences of units.

    Args:
        old: the configuration of the other revision.
        new: the configuration of this tree.
        ids: the units to compare.
        files: unit -> files of its module and archives that differ.
    """
    found: list[InputChange] = []
    for id_ in ids:
        before, after = old.units.get(id_), new.units.get(id_)
        if before is None or after is None:
            one = before or after
            where = str(one.at) if one is not None else ""
            found.append(InputChange(id_, "unit", before and "present", after and "present", where))
            continue
        found += _of_unit(id_, _facts(old, before), _facts(new, after))
        found += [InputChange(id_, "file", None, file, file) for file in files.get(id_, ())]
    return tuple(found)


def _of_unit(
    id_: str, before: Mapping[str, tuple[Any, Any, str]], after: Mapping[str, tuple[Any, Any, str]]
) -> Iterator[InputChange]:
    for key in (*after, *(each for each in before if each not in after)):
        value, shown, where = after.get(key, (_ABSENT, None, ""))
        old, old_shown, old_where = before.get(key, (_ABSENT, None, ""))
        if value is _ABSENT or old is _ABSENT or value != old:
            yield InputChange(id_, key, old_shown, shown, where or old_where)


def _facts(catalogue: Catalogue, unit: Unit) -> dict[str, tuple[Any, Any, str]]:
    """Return key -> value, the value as it is shown, and where it is written."""
    at, account = str(unit.at), catalogue.account_of(unit)
    plain: dict[str, tuple[Any, str]] = {
        "account": (f"{account.name} ({account.id})", at),
        "region": (unit.region, at),
        "module": (unit.module.address, str(unit.module.at)),
        "version": (unit.module.version, str(unit.module.at)),
        "upstreams": (list(unit.upstreams), at),
        "state": (f"s3://{account.state_bucket}/{unit.state_key}", at),
    }
    plain |= {f"secrets.{each.variable}": (f"{each.store}:{each.key}", str(each.at)) for each in unit.secrets}
    plain |= {
        f"archives.{each.variable}": (each.folder.relative_to(catalogue.root).as_posix(), str(each.at))
        for each in unit.archives
    }
    plain |= {
        f"providers.{each.name}.{each.alias}": (f"{each.account}, {each.region}", str(each.at))
        for each in unit.providers
    }
    plain |= {f"imports.{key}": (value, at) for key, value in unit.imports.items()}
    plain |= {f"moved.{key}": (value, at) for key, value in unit.moved.items()}
    found = {key: (value, value, where) for key, (value, where) in plain.items()}
    hidden = _sensitive(catalogue, unit)
    for name, node in sorted(unit.inputs.items()):
        shown = written_value(without_secrets(node, sensitive=name in hidden))
        found[f"inputs.{name}"] = (written_value(node), shown, str(node.at))
    for config in unit.configured:
        for name, node in sorted(config.arguments.items()):
            shown = written_value(without_secrets(node, sensitive=False))
            found[f"providers.{config.key}.{name}"] = (written_value(node), shown, str(node.at))
    return found


def _sensitive(catalogue: Catalogue, unit: Unit) -> frozenset[str]:
    """Return the variables of a local module whose values are not shown: all if it cannot be read."""
    try:
        return secret_variables(catalogue, unit)
    except CatalogueError:
        return frozenset(unit.inputs)
