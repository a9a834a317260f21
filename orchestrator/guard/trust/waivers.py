"""Reads ``policies/waivers.yaml``: each waiver allows one finding about one address of one unit, for a few days."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationInfo,
    field_validator,
)
from pydantic import ValidationError as PydanticError
from pydantic_core import PydanticCustomError

from orchestrator.config.yaml.reader import parse_optional_yaml
from orchestrator.config.yaml.validation import to_plain, validation_problems
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.trust.owners import Owners

WAIVERS_FILE = "waivers.yaml"

MAX_VALIDITY = timedelta(days=14)
"""How far in the future a waiver may expire."""

UNWAIVABLE = frozenset(
    {
        "ORCH_UNREADABLE",
        "ORCH_CHECK_FAILED",
        "ORCH_DISAGREE",
        "ORCH_ERRORED",
        "ORCH_CANARY",
        "ORCH_WAIVER",
        "ORCH_POLICY_WEAKENED",
    }
)
"""Rules that cannot be waived: they report that the guard itself did not work, so its other findings are unreliable."""

_KEY = re.compile(r'\["(?:[^"\\]|\\.)*"\]')
"""A key of ``for_each``: the text in quotes is a name, never a pattern."""

_FOREIGN_BREAK = re.compile(rb"\r(?!\n)|\xc2\x85|\xe2\x80[\xa8\xa9]")
"""A line break of YAML that git does not count: CR alone, NEL, LS and PS, in UTF-8."""

_SOMEWHERE = Location(f"policies/{WAIVERS_FILE}")

_MODULE = re.compile(r"(?:module\.[^.]+\.?)+")


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver.

    Attributes:
        rule, unit, address: exactly those of the finding that it allows.
        owner: who grants it: a name in ``policies/owners.yaml``.
        reason: why it is granted.
        expires: the last day on which it is valid (UTC).
        plan: SHA-256 of the only saved plan that it applies to; empty: any plan.
        at: its first line; ``end``: its last line.
    """

    id: str
    rule: str
    unit: str
    address: str
    owner: str
    reason: str
    expires: date
    plan: str = ""
    at: Location = _SOMEWHERE
    end: int = 0

    @property
    def summary(self) -> str:
        """Return the text for findings: ``retire-pool by anna: moved to another pool (until 2026-12-01)``."""
        return f"{self.id} by {self.owner}: {self.reason} (until {self.expires})"

    @property
    def target(self) -> tuple[str, str, str]:
        """Return what it allows: rule, unit and canonical address."""
        return self.rule, self.unit, canonical(self.address)


def canonical(address: str) -> str:
    """Return an address as reports show it: without the module call that every unit has."""
    return address.removeprefix("module.this.")


def utc_today() -> date:
    """Return the current date in UTC."""
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True)
class Waivers:
    """Waivers, and the owners who may grant them.

    Attributes:
        entries: the waivers, in the order of the file.
        owners: who may grant waivers.
        today: returns the current date; a run can continue past midnight.
    """

    entries: tuple[Waiver, ...] = ()
    owners: Owners = field(default_factory=Owners)
    today: Callable[[], date] = utc_today

    def match(self, finding: Finding, plan_sha256: str = "") -> Waiver | None:
        """Return the waiver that allows a finding, or None.

        Args:
            finding: the finding.
            plan_sha256: SHA-256 of the saved plan that the finding belongs to. If it is empty, a waiver for a single
                plan does not match.
        """
        if finding.severity is not Severity.BLOCK or finding.rule in UNWAIVABLE:
            return None
        target = finding.rule, finding.unit, canonical(finding.address)
        for each in self.entries:
            if each.target == target and self.is_valid(each) and each.plan in {"", plan_sha256}:
                return each
        return None

    def for_unit(self, unit: str) -> tuple[Waiver, ...]:
        """Return the waivers of a unit that are valid today."""
        return tuple(each for each in self.entries if each.unit == unit and self.is_valid(each))

    def is_valid(self, waiver: Waiver) -> bool:
        """Return whether a waiver is valid today: not expired, not too far ahead, and granted by a listed owner."""
        return timedelta(0) <= waiver.expires - self.today() <= MAX_VALIDITY and waiver.owner in self.owners.emails


def _text(value: str) -> str:
    if not value.strip() or "\n" in value:
        kind, message = "empty", "must be one line of text"
        raise PydanticCustomError(kind, message)
    return value.strip()


def _exact(value: str) -> str:
    """Reject patterns: each finding needs its own waiver."""
    bare = _KEY.sub("", value)
    pattern = "*" in bare or ("?" in bare and "/" not in bare)  # a module source can have a query string
    if pattern or value != value.strip() or not value:
        kind, message = "wide", "must name exactly one: no *, no ?, not empty"
        raise PydanticCustomError(kind, message)
    return value


def _waivable(value: str) -> str:
    if value in UNWAIVABLE:
        kind, message = "never", "cannot be waived: it reports that the guard itself did not work"
        raise PydanticCustomError(kind, message)
    return value


def _day(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    kind, message = "day", "must be a date such as 2026-12-01"
    raise PydanticCustomError(kind, message)


_Exact = Annotated[str, StringConstraints(strict=True), AfterValidator(_exact)]
_Rule = Annotated[_Exact, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$"), AfterValidator(_waivable)]
_Unit = Annotated[_Exact, StringConstraints(pattern=r"^(account:[a-z0-9-]+|[a-z0-9-]+/[a-z0-9-]+(@[a-z0-9-]+)?)$")]


class _Entry(BaseModel):
    """One entry of the file; the header of the file explains the keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9][a-z0-9-]*$")]
    rule: _Rule
    unit: _Unit
    address: _Exact
    owner: Annotated[str, StringConstraints(strict=True)]
    reason: Annotated[str, StringConstraints(strict=True), AfterValidator(_text)]
    expires: Annotated[date, BeforeValidator(_day)]
    plan: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")] = ""

    @field_validator("address")
    @classmethod
    def _not_a_module(cls, value: str, info: ValidationInfo) -> str:
        """Reject whole modules, except for the rule whose findings are about module calls."""
        whole = _MODULE.fullmatch(_KEY.sub("", value)) and info.data.get("rule") != "ORCH_UNTRUSTED_SOURCE"
        if whole or value.endswith("."):
            kind, message = "module", "names a whole module: name one resource in it"
            raise PydanticCustomError(kind, message)
        return value


_FILE: TypeAdapter[list[_Entry]] = TypeAdapter(list[_Entry])
_SAID = {
    "string_pattern_mismatch": "is invalid (id: a-z 0-9 -; rule: A-Z 0-9 _; unit: STAGE/STACK[@REGION]; "
    "plan: 64 hex digits)",
}


def read_waivers(data: bytes, *, shown_as: str) -> YamlValue | None:
    """Parse the waivers file as YAML; unquoted dates are text. None when it is empty.

    The location of each value must be where git sees it: the authors of a waiver are those of its lines.

    Raises:
        CatalogueError: it is not valid YAML, has anchors or aliases, or has line breaks that git does not count.
    """
    found = _FOREIGN_BREAK.search(data)
    if found is not None:
        line = data.count(b"\n", 0, found.start()) + 1
        what = f"the file contains the line break {found[0].decode()!r}, which git does not count as one"
        raise CatalogueError([Problem(Location(shown_as, line), what, "end each line with a line feed")])
    return parse_optional_yaml(data, shown_as, plain_dates=True, aliases=False)


def parse_waivers(data: bytes, *, shown_as: str) -> tuple[Waiver, ...]:
    """Parse the waivers of a file. ``waiver_problems`` and ``Waivers`` decide whether they are valid.

    Raises:
        CatalogueError: it is not YAML, or an entry is invalid or too broad; with file and line.
    """
    tree = read_waivers(data, shown_as=shown_as)
    if tree is None:
        return ()
    if tree.kind is not YamlKind.LIST:
        hint = "orch waive FINDING adds one; without waivers the file contains []"
        raise CatalogueError([Problem(Location(shown_as, 1), "the waivers must be a list", hint)])
    try:
        entries = _FILE.validate_python(to_plain(tree))
    except PydanticError as error:
        problems = validation_problems(error, tree, words=_SAID, known=_Entry.model_fields)
        raise CatalogueError(problems) from error
    starts = [item.at for item in tree.value]
    for before, after in pairwise(starts):
        if after.line <= before.line:
            what = "two waivers start on this line"
            raise CatalogueError([Problem(after, what, "start each waiver on a new line")])
    ends = [*(start.line - 1 for start in starts[1:]), len(data.splitlines())][: len(starts)]
    return tuple(
        Waiver(**entry.model_dump(), at=start, end=end) for entry, start, end in zip(entries, starts, ends, strict=True)
    )


def waiver_problems(waivers: tuple[Waiver, ...], owners: Owners, today: date) -> Iterator[Problem]:
    """Yield what is wrong with parsed waivers: expired, too far ahead, not from an owner, or duplicate."""
    ids: dict[str, Waiver] = {}
    targets: dict[tuple[str, str, str], Waiver] = {}
    for each in waivers:
        if each.expires < today:
            hint = "remove it; if it is still needed, add a new one with orch waive FINDING"
            yield Problem(each.at, f"the waiver {each.id} expired on {each.expires}", hint)
        elif each.expires - today > MAX_VALIDITY:
            hint = f"the latest possible date is {today + MAX_VALIDITY}, {MAX_VALIDITY.days} days from today"
            yield Problem(each.at, f"the waiver {each.id} expires too late, on {each.expires}", hint)
        if each.owner not in owners.emails:
            hint = "owners: " + (", ".join(sorted(owners.emails)) or "none in policies/owners.yaml")
            yield Problem(each.at, f"the waiver {each.id} names {each.owner!r}, who is not an owner", hint)
        if ids.setdefault(each.id, each) is not each:
            yield Problem(each.at, f"the id {each.id} is already used in line {ids[each.id].at.line}")
        if targets.setdefault(each.target, each) is not each:
            other = targets[each.target]
            yield Problem(each.at, f"the waiver {each.id} allows the same as {other.id}", "remove one of them")
