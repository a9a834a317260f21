"""Finds resources that the apply role of a baseline cannot change, because their names do not start with ``NAME-``.

The role may change what orch named. What was adopted keeps the name that it had, so the baseline has to allow it:
``adopted_names`` of the module ``account_baseline``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.nodes import Node
from orchestrator.errors import CatalogueError
from orchestrator.hcl.modules.read import read_module

_VARIABLE = "adopted_names"
"""The input of the baseline: kind of resource -> names."""

_ARNS: Mapping[str, str] = {
    "table": r"dynamodb:[^:]*:{account}:table/([^/]+)",
    "bucket": r"s3:::([^/]+)",
    "queue": r"sqs:[^:]*:{account}:([^:]+)",
    "function": r"lambda:[^:]*:{account}:function:([^:]+)",
    "log_group": r"logs:[^:]*:{account}:log-group:([^:]+)",
    "role": r"iam::{account}:role/(.+)",
    "policy": r"iam::{account}:policy/(.+)",
}
"""Kind -> the part of its ARNs after the partition, by the AWS Service Authorization Reference."""

_LOG_GROUPS = ("", "/aws/lambda/")
"""Beginnings of the names of log groups before the name that orch makes."""


def outside_prefix(arns: Iterable[str], prefix: str, account_id: str) -> dict[str, list[str]]:
    """Return the names that do not start with a prefix: kind of resource -> names, both sorted.

    Args:
        arns: ARNs of resources; those of other kinds, whose names do not count, are left out.
        prefix: how names begin that the apply role can change.
        account_id: the account.
    """
    found: dict[str, set[str]] = {}
    for arn in arns:
        for kind, pattern in _ARNS.items():
            match = re.match(rf"arn:[a-z-]+:{pattern.format(account=account_id)}", arn)
            starts = _LOG_GROUPS if kind == "log_group" else ("",)
            if match is not None and not match[1].startswith(tuple(f"{start}{prefix}" for start in starts)):
                found.setdefault(kind, set()).add(match[1])
    return {kind: sorted(found[kind]) for kind in sorted(found)}


def missing_names(catalogue: Catalogue, unit: Unit, arns: Iterable[str]) -> str:
    """Return the input that lets the apply role of a unit's account change these resources, as YAML on one line.

    Empty if all have names that it can change, or if the account's baseline has no such input.

    Args:
        catalogue: the configuration.
        unit: the unit that has the resources, or gets them.
        arns: their ARNs.
    """
    baseline = catalogue.units.get(f"{unit.account}/baseline")
    if baseline is None or unit.baseline or not _has_input(catalogue, baseline):
        return ""
    account = catalogue.account_of(unit)
    outside = outside_prefix(arns, f"{catalogue.settings.name}-", account.id)
    allowed = _allowed(baseline)
    missing = {kind: [each for each in names if each not in allowed.get(kind, ())] for kind, names in outside.items()}
    shown = ", ".join(f"{kind}: {json.dumps(names)}" for kind, names in missing.items() if names)
    return f"{_VARIABLE}: {{{shown}}}" if shown else ""


def names_to_allow(catalogue: Catalogue, unit: Unit, arns: Iterable[str]) -> tuple[str, ...]:
    """Return what to tell who adopts resources that the apply role cannot change; nothing if it can change all.

    The arguments are those of `missing_names`.
    """
    missing = missing_names(catalogue, unit, arns)
    if not missing:
        return ()
    name, account = catalogue.settings.name, unit.account
    note = (
        f"The apply role of {account} can change only resources named {name}-…, and the adopted ones have other names. "
        f"Add them to `inputs:` of its stack baseline, then run `orch bootstrap {account}`:\n  {missing}"
    )
    return (note,)


def _has_input(catalogue: Catalogue, baseline: Unit) -> bool:
    if baseline.module.path is None:
        return False
    try:
        return _VARIABLE in read_module(baseline.module.path, root=catalogue.root).variables
    except CatalogueError:  # Reported where the catalogue is loaded.
        return False


def _allowed(baseline: Unit) -> dict[str, tuple[object, ...]]:
    node = baseline.inputs.get(_VARIABLE)
    kinds = node.value if node is not None and isinstance(node.value, Mapping) else {}
    return {kind: _items(names) for kind, names in kinds.items()}


def _items(names: Node) -> tuple[object, ...]:
    return tuple(each.value for each in names.value) if isinstance(names.value, tuple) else ()
