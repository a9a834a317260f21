"""Damage to a plan's JSON, anywhere in it; and what a plan still says about losses after that."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
WORDS = ["no-op", "read", "create", "update", "data", "managed", "", "aws_sns_topic", "NO-OP", "delete ", "1.9", "list"]
TELLING = {
    *("resource_changes", "prior_state", "planned_values", "values", "root_module", "resources", "child_modules"),
    *("type", "mode", "address", "name", "deposed", "change", "actions", "before", "after", "action_reason"),
    *("replace_paths", "module_address", "errored", "format_version"),
}
"""Keys on which a reader's answer hangs: most damage is done there."""

HOW = ["drop", "replace", "rename", "duplicate", "reverse", "inject", "truncate", "word"]


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in a JSON value, the whole itself among them."""
    yield at
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from paths(inner, (*at, key))


def at(value: Any, path: Path) -> Any:
    """What stands at a place."""
    for step in path:
        value = value[step]
    return value


@st.composite
def damaged(draw: st.DrawFn, document: dict[str, Any], *, times: int = 3) -> dict[str, Any]:
    """The document with up to ``times`` changes, each anywhere: dropped, renamed, doubled, of another type, injected."""
    result = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, times))):
        places = [path for path in paths(result) if path]
        telling = [
            path for path in places if path[-1] in TELLING or (path[:1] == ("resource_changes",) and len(path) == 2)
        ]
        often = draw(st.integers(0, 3)) > 0
        choice = telling if telling and often else places
        if not choice:
            return result
        path = draw(st.sampled_from(choice))
        _damage(draw, at(result, path[:-1]), path[-1], draw(st.sampled_from(HOW)))
    return result


def _damage(draw: st.DrawFn, holder: Any, key: Any, how: str) -> None:
    value = holder[key]
    if how == "drop":
        del holder[key]
    elif how == "rename" and isinstance(holder, dict):
        holder[draw(st.sampled_from([key.upper(), f"{key} ", f"{key}_", "x"]))] = holder.pop(key)
    elif how == "duplicate" and isinstance(holder, list):
        holder.insert(draw(st.integers(0, len(holder))), copy.deepcopy(value))
    elif how == "reverse" and isinstance(value, list):
        value.reverse()
    elif how == "inject" and isinstance(value, dict):
        value[draw(st.sampled_from(["mode", "deposed", "type", "importing", "after", "x"]))] = draw(json_values)
    elif how == "truncate" and isinstance(value, list | str):
        holder[key] = value[: draw(st.integers(0, len(value)))]
    elif how == "word" and isinstance(value, str):
        holder[key] = draw(st.sampled_from(WORDS))
    else:
        holder[key] = draw(json_values)


def still_lost(document: Any, protected: Mapping[str, Any]) -> bool:
    """Whether the damaged plan still says, in either of two places, that something protected goes.

    Told apart from the guard's own reading on purpose: an entry of ``resource_changes`` with an action that takes away,
    or an object of the state that the plan starts from which will not be there afterwards.
    """
    if not isinstance(document, dict):
        return False
    changes = document.get("resource_changes")
    named = any(_takes(entry, protected) for entry in changes) if isinstance(changes, list) else False
    there = [entry.get("address") for entry in _state(document.get("planned_values"))]
    prior = document.get("prior_state")
    before = _state(prior.get("values")) if isinstance(prior, dict) else []
    return named or any(
        _text(entry.get("type")) in protected and entry.get("address") not in there and entry.get("mode") == "managed"
        for entry in before
    )


def _takes(entry: Any, protected: Mapping[str, Any]) -> bool:
    change = entry.get("change") if isinstance(entry, dict) else None
    actions = change.get("actions") if isinstance(change, dict) else None
    if not isinstance(actions, list) or not {"delete", "forget"} & {_text(each) for each in actions}:
        return False
    address = _text(entry.get("address")).rpartition("module.this.")[2]
    return _text(entry.get("type")) in protected or address.split(".")[0] in protected


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _state(values: Any) -> list[dict[str, Any]]:
    waiting: list[Any] = [values.get("root_module")] if isinstance(values, dict) else []
    found: list[dict[str, Any]] = []
    while waiting:
        module = waiting.pop()
        if not isinstance(module, dict):
            continue
        for key, to in (("resources", found), ("child_modules", waiting)):
            inner = module.get(key)
            to.extend(each for each in inner if isinstance(each, dict)) if isinstance(inner, list) else None
    return found
