"""Redacts plan values before they are shown.

Values become trees without anything sensitive in them. Everything that shows a value works on these trees, so a
mistake in layout cannot show a secret. Hidden are:

- what Terraform marks in ``before_sensitive`` and ``after_sensitive``, at any depth, on either side of the change;
- copies: a string that contains a marked string of 8 characters or more, or equals one inside a marked
  map or list, because providers copy values (``tags`` into ``tags_all``) and the marks do not follow;
- environment variables that ``environment.py`` takes for secrets. Nothing else is guessed.

A mark whose shape does not match its value hides the whole value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from orchestrator.report.text import clean
from orchestrator.report.values.environment import guessed_marks
from orchestrator.terraform.model import PlanRecord

SENSITIVE = "(sensitive)"
ECHO_LENGTH = 8
"""Minimum length of marked strings that are searched for in others; shorter ones would hide ``true`` and ``prod``."""

_JSON_LIMIT = 1_000_000
_JSON_DEPTH = 32
_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Hidden:
    """A sensitive value. ``digest`` shows only whether it changes; None if it is not known yet, or guessed."""

    digest: bytes | None


class UnknownValue:
    """A value that is known only after apply. It equals nothing, not even itself."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Values:
    """A string that contains a JSON object or list, such as a policy, shown as its content.

    ``digest`` is that of the text, which can change while the content does not.
    """

    tree: Tree
    digest: bytes


Tree: TypeAlias = "str | int | float | bool | Hidden | UnknownValue | Values | dict[str, Tree] | list[Tree] | None"


class Redactor:
    """Converts the values of one plan to trees.

    Args:
        secrets: strings that must not be shown, not even inside others.
        whole: strings that must not be shown alone.
    """

    def __init__(self, secrets: Iterable[str] = (), whole: Iterable[str] = ()) -> None:
        long = {s for s in secrets if len(s) >= ECHO_LENGTH}
        self._inside = tuple(sorted({form for secret in long for form in _written_forms(secret)}))
        self._whole = frozenset(s for s in whole if len(s) >= ECHO_LENGTH)

    @classmethod
    def of(cls, plan: PlanRecord) -> Redactor:
        """Return a redactor for every string that the plan marks as sensitive, outputs included."""
        marked = [
            pair
            for change in plan.changes
            for value, mirror in ((change.before, change.before_sensitive), (change.after, change.after_sensitive))
            for pair in _marked(_shallow(value), mirror)
        ]
        marked += [pair for output in plan.outputs.values() for pair in _marked(output.after, output.sensitive)]
        return cls((s for s, alone in marked if alone), (s for s, alone in marked if not alone))

    def echoes(self, text: str) -> bool:
        """Return whether a text contains a secret."""
        return text in self._whole or any(secret in text for secret in self._inside)

    def scrub(self, text: str) -> str:
        """Return a text, such as the output of Terraform, with every secret replaced."""
        for secret in sorted(self._inside, key=len, reverse=True):
            text = text.replace(secret, SENSITIVE)
        return text

    def key(self, key: str) -> str:
        """Return a key of a map, or ``(sensitive)``."""
        return SENSITIVE if self.echoes(key) else key

    def text(self, text: str) -> str:
        """Return one line, such as an import id, cleaned, or ``(sensitive)``."""
        return SENSITIVE if self.echoes(text) else clean(text)

    def tree(self, value: Any, unknown: Any = None, sensitive: Any = None) -> Tree:
        """Return a value of a plan as a tree.

        Args:
            value: the object of a resource, from ``before`` or ``after`` of the plan, or any other value.
            unknown: mirrors it, True where the value is not known yet.
            sensitive: mirrors it, True where Terraform marks it.
        """
        shallow = _shallow(value)
        masks = _Masks(unknown, sensitive, guessed_marks(shallow))
        if not isinstance(shallow, Mapping) or masks.hide(shallow):
            return self._tree(shallow, masks)
        # The names of attributes come from the provider: they are not secret, even if one equals a secret.
        tree = {key: self._tree(shallow.get(key), masks.child(key)) for key in _keys(shallow, unknown)}
        # No real attribute is nested that deeply; what is not inspected is not shown.
        return tree | {key: Hidden(None) for key in value if key not in shallow}

    def _tree(self, value: Any, masks: _Masks) -> Tree:
        unsure = _any_true(masks.unknown)
        if value is None and not unsure:
            return None  # an unset value is not secret
        if masks.hide(value):
            return Hidden(None if unsure else digest(value))
        if masks.unknown is True:
            return UnknownValue()
        shape = masks.unknown if value is None else value
        if isinstance(shape, Mapping):
            return self._mapping(value or {}, masks)
        if isinstance(shape, (list, tuple)):
            return self._list(value or (), masks)
        return self._scalar(value)

    def _list(self, value: Sequence[Any], masks: _Masks) -> Tree:
        length = max(len(value), len(masks.unknown) if isinstance(masks.unknown, list) else 0)
        return [self._tree(value[i] if i < len(value) else None, masks.child(i)) for i in range(length)]

    def _mapping(self, value: Mapping[str, Any], masks: _Masks) -> Tree:
        tree: dict[str, Tree] = {}
        for key in _keys(value, masks.unknown):
            shown = base = self.key(str(key))
            number = 1
            while shown in tree:  # two keys that both contain a secret stay two
                number += 1
                shown = f"{base} {number}"
            tree[shown] = self._tree(value.get(key), masks.child(key))
        return tree

    def _scalar(self, value: Any) -> Tree:
        if isinstance(value, str):
            document = _document(value)
            if document is not None:
                return Values(self._tree(document, _Masks(None, None, guessed_marks(document))), digest(value))
            return Hidden(digest(value)) if self.echoes(value) else value
        return value if isinstance(value, (bool, int, float)) else self._scalar(str(value))


class _Masks(NamedTuple):
    """Mirrors of a value: where it is unknown, where Terraform marks it, where its name suggests a secret."""

    unknown: Any
    sensitive: Any
    guessed: Any

    def child(self, key: str | int) -> _Masks:
        return _Masks(*(_child(mirror, key) for mirror in self))

    def hide(self, value: Any) -> bool:
        return self.sensitive is True or self.guessed is True or not _fits(value, self.sensitive)


def _keys(value: Mapping[str, Any], unknown: Any) -> dict[str, None]:
    """Return the keys of a value, and those that are missing because their values are unknown."""
    mirror = unknown if isinstance(unknown, Mapping) else {}
    return dict.fromkeys(value) | dict.fromkeys(key for key in mirror if _any_true(mirror[key]))


def _marked(value: Any, sensitive: Any) -> Iterator[tuple[str, bool]]:
    """Yield every marked string, and whether it is marked itself rather than inside a marked map or list."""
    if sensitive is True or not _fits(value, sensitive):
        yield from ((text, isinstance(value, str)) for text in _strings(value))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _marked(item, _child(sensitive, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _marked(item, _child(sensitive, index))


def _strings(value: Any) -> Iterator[str]:
    """Yield the strings in a value, without the keys of maps, which are words such as ``username``."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)


def _written_forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is and as JSON contains it, also from ``jsonencode`` of Terraform."""
    yield secret
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _fits(value: Any, mirror: Any) -> bool:
    """Return whether a mirror has the shape of its value; otherwise it may miss a secret."""
    if mirror is None or isinstance(mirror, bool):
        return True
    if not _any_true(mirror):
        return True
    if isinstance(mirror, Mapping):
        return isinstance(value, Mapping)
    if isinstance(mirror, (list, tuple)):
        return isinstance(value, (list, tuple)) and len(mirror) == len(value)
    return False


def _child(mirror: Any, key: str | int) -> Any:
    if mirror is True:
        return True
    if isinstance(mirror, Mapping):
        return mirror.get(key, False)
    if isinstance(mirror, (list, tuple)) and isinstance(key, int):
        return mirror[key] if key < len(mirror) else False
    return False


def _any_true(mirror: Any) -> bool:
    if isinstance(mirror, Mapping):
        return any(_any_true(item) for item in mirror.values())
    if isinstance(mirror, (list, tuple)):
        return any(_any_true(item) for item in mirror)
    return mirror not in {None, False}


def digest(value: Any) -> bytes:
    """Return a hash by which to compare a value without showing it."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).digest()


def _document(text: str) -> Any:
    """Return the object or list in a JSON text; None for any other text, or if it is too large or too deep to show."""
    if text[:1] not in {"{", "["} or len(text) > _JSON_LIMIT:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) and _depth_within(value, _JSON_DEPTH) else None


def _shallow(value: Any) -> Any:
    """Return a value without the attributes that are nested too deeply to walk through."""
    if isinstance(value, Mapping):
        return {key: item for key, item in value.items() if _depth_within(item, _DEPTH)}
    return value if _depth_within(value, _DEPTH) else None


def _depth_within(value: Any, limit: int) -> bool:
    level: Sequence[Any] = [value]
    for _ in range(limit):
        level = [inner for item in level for inner in _items(item)]
        if not level:
            return True
    return False


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple)) else ()
