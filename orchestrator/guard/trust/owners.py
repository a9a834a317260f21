"""Reads ``policies/owners.yaml``: who may grant waivers, and the e-mail addresses in their commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self

from pydantic import StringConstraints, TypeAdapter
from pydantic import ValidationError as PydanticError

from orchestrator.config.yaml.reader import parse_optional_yaml
from orchestrator.config.yaml.validation import to_plain, validation_problems
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import CatalogueError, Location, Problem

OWNERS_FILE = "owners.yaml"

_Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9._-]*$")]
_Email = Annotated[str, StringConstraints(strict=True, pattern=r"^[^@\s<>]+@[^@\s<>]+$")]
_FILE: TypeAdapter[dict[str, tuple[str, ...]]] = TypeAdapter(dict[_Name, tuple[_Email, ...]])
_SAID = {
    "string_pattern_mismatch": "is invalid (names: a-z 0-9 . _ -; addresses: name@host)",
    "tuple_type": "must be a list of e-mail addresses",
}


@dataclass(frozen=True, slots=True)
class Owners:
    """The validated list. ``emails``: name of an owner -> lowercase addresses."""

    emails: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes, *, shown_as: str) -> Self:
        """Parse the content of the file; an empty file has no owners.

        Raises:
            CatalogueError: it is not YAML, or an entry is invalid; with file and line.
        """
        tree = parse_optional_yaml(data, shown_as, aliases=False)
        if tree is None:
            return cls()
        if tree.kind is not YamlKind.MAP:
            what = "must be a map from names to lists of e-mail addresses"
            raise CatalogueError([Problem(Location(shown_as, 1), what, "anna: [anna@example.com]")])
        try:
            found = _FILE.validate_python(to_plain(tree))
        except PydanticError as error:
            raise CatalogueError(validation_problems(error, tree, words=_SAID, known=())) from error
        owners = cls({name: frozenset(each.casefold() for each in emails) for name, emails in found.items()})
        problems = [*owners._empty(tree), *owners._shared(tree)]
        if problems:
            raise CatalogueError(problems)
        return owners

    def wrote(self, owner: str, authors: Iterable[str]) -> str:
        """Return the first of the authors' addresses that belongs to the owner, or empty."""
        own = self.emails.get(owner, frozenset())
        return next((each for each in sorted(authors) if each.casefold() in own), "")

    def _empty(self, tree: YamlValue) -> Iterable[Problem]:
        for owner, emails in self.emails.items():
            if not emails:
                what = f"{owner} has no e-mail address, so orch cannot tell whether they wrote a change"
                yield Problem(tree.where(owner), what, "list every address in their commits")

    def _shared(self, tree: YamlValue) -> Iterable[Problem]:
        taken: dict[str, str] = {}
        for owner, emails in self.emails.items():
            for email in sorted(emails):
                other = taken.setdefault(email, owner)
                if other != owner:
                    what = f"{email} is listed for both {other} and {owner}"
                    yield Problem(tree.where(owner), what, "list each person once")
