"""The veil: a plan's values as trees in which nothing sensitive is left.

Everything that shows a value works on these trees, so that a mistake in layout cannot show a secret. What is veiled:

- what Terraform marks in ``before_sensitive`` and ``after_sensitive``, at any depth, on either side of the change;
- the same text again: a string that contains a marked string of 8 characters or more, or equals one inside a marked
  map or list, because providers copy values (``tags`` into ``tags_all``) and the marks do not follow;
- what ``environment.py`` says of environment variables. Nothing else is guessed.

A mark whose shape does not fit its value veils the whole value.
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
"""Marked strings from this length on are looked for in unmarked ones; shorter ones would hide ``true`` and ``prod``."""

_JSON_LIMIT = 1_000_000
_JSON_DEPTH = 32
_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Hidden:
    """A sensitive value. ``digest`` tells whether it changes and nothing more; None: not known yet, or a guess."""

    digest: bytes | None


class UnknownValue:
    """A value that is known only after apply. Equal to nothing, not even to itself."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Values:
    """A string that holds a JSON object or list, such as a policy: shown as what it holds.

    ``digest`` is of the text itself, which may change while what it holds does not.
    """

    tree: Tree
    digest: bytes


Tree: TypeAlias = "str | int | float | bool | Hidden | UnknownValue | Values | dict[str, Tree] | list[Tree] | None"


class Redactor:
    """Makes trees of one plan's values.

    Args:
        secrets: strings that must not be shown, not even inside others.
        whole: strings that must not be shown by themselves.
    """

    def __init__(self, secrets: Iterable[str] = (), whole: Iterable[str] = ()) -> None:
        long = {s for s in secrets if len(s) >= ECHO_LENGTH}
        self._inside = tuple(sorted({form for secret in long for form in _written_forms(secret)}))
        self._whole = frozenset(s for s in whole if len(s) >= ECHO_LENGTH)

    @classmethod
    def of(cls, plan: PlanRecord) -> Redactor:
        """A veil that knows every string which the plan marks as sensitive, outputs included."""
        marked = [
            pair
            for change in plan.changes
            for value, mirror in ((change.before, change.before_sensitive), (change.after, change.after_sensitive))
            for pair in _marked(_shallow(value), mirror)
        ]
        marked += [pair for output in plan.outputs.values() for pair in _marked(output.after, output.sensitive)]
        return cls((s for s, alone in marked if alone), (s for s, alone in marked if not alone))

    def echoes(self, text: str) -> bool:
        """Whether a text repeats a secret."""
        return text in self._whole or any(secret in text for secret in self._inside)

    def scrub(self, text: str) -> str:
        """A text of several lines in which every secret is replaced; for what Terraform and providers print."""
        for secret in sorted(self._inside, key=len, reverse=True):
            text = text.replace(secret, SENSITIVE)
        return text

    def key(self, key: str) -> str:
        """A map's key as it may be shown."""
        return SENSITIVE if self.echoes(key) else key

    def text(self, text: str) -> str:
        """One line as it may be shown, such as an import id."""
        return SENSITIVE if self.echoes(text) else clean(text)

    def tree(self, value: Any, unknown: Any = None, sensitive: Any = None) -> Tree:
        """A value of a plan as a tree.

        Args:
            value: a resource's object, as in the plan's ``before`` or ``after``, or any other value.
            unknown: mirrors it, True where the value is not known yet.
            sensitive: mirrors it, True where Terraform marks it.
        """
        shallow = _shallow(value)
        masks = _Masks(unknown, sensitive, guessed_marks(shallow))
        if not isinstance(shallow, Mapping) or masks.hide(shallow):
            return self._tree(shallow, masks)
        # The names of a resource's attributes are the provider's: no secret, even when one reads the same.
        tree = {key: self._tree(shallow.get(key), masks.child(key)) for key in _keys(shallow, unknown)}
        # No resource has an attribute that deep; what is not looked into is not shown.
        return tree | {key: Hidden(None) for key in value if key not in shallow}

    def _tree(self, value: Any, masks: _Masks) -> Tree:
        unsure = _any_true(masks.unknown)
        if value is None and not unsure:
            return None  # that something is not set is no secret
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
            while shown in tree:  # two keys that both repeat a secret stay two
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
    """What mirrors a value: where it is unknown, where Terraform marks it, where its name says secret."""

    unknown: Any
    sensitive: Any
    guessed: Any

    def child(self, key: str | int) -> _Masks:
        return _Masks(*(_child(mirror, key) for mirror in self))

    def hide(self, value: Any) -> bool:
        return self.sensitive is True or self.guessed is True or not _fits(value, self.sensitive)


def _keys(value: Mapping[str, Any], unknown: Any) -> dict[str, None]:
    """Keys of a value, and those that it lacks because their values are unknown."""
    mirror = unknown if isinstance(unknown, Mapping) else {}
    return dict.fromkeys(value) | dict.fromkeys(key for key in mirror if _any_true(mirror[key]))


def _marked(value: Any, sensitive: Any) -> Iterator[tuple[str, bool]]:
    """Every string that a mirror marks, and whether it is marked by itself rather than inside a marked map or list."""
    if sensitive is True or not _fits(value, sensitive):
        yield from ((text, isinstance(value, str)) for text in _strings(value))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _marked(item, _child(sensitive, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _marked(item, _child(sensitive, index))


def _strings(value: Any) -> Iterator[str]:
    """Strings in a value; keys of a map are not taken: they are words such as ``username``."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)


def _written_forms(secret: str) -> Iterator[str]:
    """A secret as it is, and as it is written inside JSON, by Terraform's ``jsonencode`` too."""
    yield secret
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _fits(value: Any, mirror: Any) -> bool:
    """Whether a mirror has the shape of its value; one that does not must not be trusted to name every secret."""
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
    """Tells whether two values are the same, and nothing else about them."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).digest()


def _document(text: str) -> Any:
    """The object or list that a JSON text holds; None for any other text, and for one too large or deep to show."""
    if text[:1] not in {"{", "["} or len(text) > _JSON_LIMIT:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) and _depth_within(value, _JSON_DEPTH) else None


def _shallow(value: Any) -> Any:
    """A value without those attributes that are nested too deeply to be walked through."""
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
