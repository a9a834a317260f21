"""Values that are safe and values that are not, for each rule of ``policies/protected.yaml``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import Companion
from orchestrator.guard.policies.safeguards import Safeguard

LOCKED = json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]})
OPEN = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}]})
_SHAPES: Mapping[str, tuple[Any, Any]] = {
    "expiration": ([], [{"id": "all", "status": "Enabled", "enabled": True, "expiration": [{"days": 1}]}]),
    "images": (
        "",
        json.dumps(
            {"rules": [{"selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}}]}
        ),
    ),
    "ttl": ([], [{"enabled": True, "attribute_name": "born"}]),
    "lockout": ("", LOCKED),
    "key_lockout": (OPEN, LOCKED),
}


def pair(rule: Safeguard) -> tuple[Any, Any]:
    """A safe value of an attribute, and one that is worse."""
    if rule.keep is not None:
        return rule.keep[0], unlike(rule.keep[0])
    if rule.never is not None:
        return unlike(rule.never[0]), rule.never[0]
    if rule.no_less is not None:
        return (0 if rule.zero == "forever" else 30), 7
    if rule.no_fewer is not None:
        both = ["a", "b"] if rule.no_fewer == "values" else [{rule.no_fewer: "a"}, {rule.no_fewer: "b"}]
        return both, both[:1]
    return _SHAPES[str(rule.no_new)]


def unlike(value: Any) -> Any:
    """Another value of the same type."""
    return not value if isinstance(value, bool) else "OTHER" if isinstance(value, str) else value + 1


def at(path: str, value: Any) -> dict[str, Any]:
    """An attribute as in the plan's JSON: ``a.b`` in the only block a, ``a[k].b`` in a block a whose k is "x"."""
    first, _, rest = path.partition(".")
    name, _, key = first.removesuffix("]").partition("[")
    if not rest:
        return {name: value}
    return {name: [{**at(rest, value), **({key: "x"} if key else {})}]}


def listed_safeguards(listed: Protected) -> Iterator[tuple[str, str, Safeguard, Companion | None]]:
    """Type, path and rule of every safeguard in the list, by Terraform's names; with the companion that has it."""
    for kind, entry in listed.types.items():
        yield from ((kind, path, rule, None) for path, rule in entry.safeguards.items())
        for other, companion in entry.companions.items():
            yield from ((other, path, rule, companion) for path, rule in companion.attributes.items())
