"""Hints about values and keys that are nearly right: a path instead of a name, a key that is not indented."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from orchestrator.config.schema.models import NAME, PATTERN_DESCRIPTIONS, UNIT
from orchestrator.config.yaml.value import YamlKind, YamlValue

_UNIT_OUTPUT = re.compile(rf"(?P<unit>{UNIT[1:-1]})\.(?P<output>[A-Za-z_].*)")
_REFERENCE = re.compile(r"\$\{\{\s*(?P<inside>.*?)\s*\}\}")
_EXTENDS, _USES = "extends", "uses"


def not_indented(parent: YamlValue, key: str, known: Container[str], otherwise: str) -> str:
    """Return the hint about an unknown key: it may belong below an empty one above it.

    Args:
        parent: the map with the key.
        key: the unknown key.
        known: the keys that the map can have.
        otherwise: the hint if no empty key is above.
    """
    keys = list(parent.value)
    for above in reversed(keys[: keys.index(key)]):
        if above in known:
            empty = parent.value[above].kind is YamlKind.NULL
            return f"if it belongs to `{above}:`, indent it below; {otherwise}" if empty else otherwise
    return otherwise


def name_hint(loc: Sequence[str | int], wanted: str, found: YamlValue) -> str | None:
    """Return how a value is written that names a stage, an account or a unit.

    Args:
        loc: keys that lead to the value.
        wanted: what is allowed there, in words.
        found: the value.
    """
    if loc[:1] == (_EXTENDS,) and found.kind is YamlKind.LIST:
        return "a stage extends one other stage: extends: STAGE"
    if loc == (_USES,) and found.kind is not YamlKind.MAP:
        return "write NAME: STAGE/STACK, one on each line"
    if found.kind is not YamlKind.TEXT:
        return None
    text = _REFERENCE.sub(r"\g<inside>", found.value)
    if wanted == PATTERN_DESCRIPTIONS[NAME]:
        name = text.removesuffix(".yaml").removesuffix(".yml").rpartition("/")[2]
        return f"write {name}" if name != found.value and re.fullmatch(NAME, name) else None
    if wanted == PATTERN_DESCRIPTIONS[UNIT]:
        return _unit_hint(str(loc[-1]), text)
    return None


def _unit_hint(name: str, text: str) -> str | None:
    if (match := _UNIT_OUTPUT.fullmatch(text)) is not None:
        return f"write {match['unit']}; the output is named where it is read: ${{{{ {name}.{match['output']} }}}}"
    if re.fullmatch(UNIT, text):
        return f"write {text}"
    return f"write {text}/{name}, or another stack of {text}" if re.fullmatch(NAME, text) else None
