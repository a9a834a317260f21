"""``policies/waivers.yaml``: written permissions, each for one rule about one address of one unit, for a few days."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
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
from ruamel.yaml.comments import CommentedSeq

from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.marked import load_tree, place, problems_of
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.trust.owners import Owners

WAIVERS_FILE = "waivers.yaml"

MAX_VALIDITY = timedelta(days=14)
"""How far ahead a waiver may expire."""

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
"""Rules that no waiver reaches: they say that the guard itself did not work, and then nobody knows what is allowed."""

_KEY = re.compile(r'\["(?:[^"\\]|\\.)*"\]')
"""A key of ``for_each``: whatever is inside the quotes is a name, not a pattern."""

_SOMEWHERE = Location(f"policies/{WAIVERS_FILE}")

_MODULE = re.compile(r"(?:module\.[^.]+\.?)+")


@dataclass(frozen=True, slots=True)
class Waiver:
    """One permission.

    Attributes:
        rule, unit, address: exactly what it allows, as a finding says it.
        owner: who allows it, by the name in ``policies/owners.yaml``.
        expires: the last day on which it counts (UTC).
        plan: SHA-256 of the only plan file that it is for; empty: of any.
        at: its first line; ``end``: its last one.
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
        """What a finding says of it: ``retire-pool by anna: moved to another pool (until 2026-12-01)``."""
        return f"{self.id} by {self.owner}: {self.reason} (until {self.expires})"

    @property
    def target(self) -> tuple[str, str, str]:
        """What it allows: rule, unit and address, written in one way."""
        return self.rule, self.unit, canonical(self.address)


def canonical(address: str) -> str:
    """An address as reports show it: without the module call that every unit has."""
    return address.removeprefix("module.this.")


def utc_today() -> date:
    """The day it is."""
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True)
class Waivers:
    """Waivers that count, and who may give them.

    Attributes:
        entries: as they are in the file.
        owners: whose waivers count.
        today: tells the day; a run may go on past midnight.
    """

    entries: tuple[Waiver, ...] = ()
    owners: Owners = field(default_factory=Owners)
    today: Callable[[], date] = utc_today

    def match(self, finding: Finding, plan_sha256: str = "") -> Waiver | None:
        """The waiver that allows a finding, or None.

        Args:
            finding: what is objected to.
            plan_sha256: of the saved plan that it is about; empty when there is none: then a waiver for one plan does
                not match.
        """
        if finding.severity is not Severity.BLOCK or finding.rule in UNWAIVABLE:
            return None
        target = finding.rule, finding.unit, canonical(finding.address)
        for each in self.entries:
            if each.target == target and self.is_valid(each) and each.plan in {"", plan_sha256}:
                return each
        return None

    def for_unit(self, unit: str) -> tuple[Waiver, ...]:
        """The waivers of a unit that count today."""
        return tuple(each for each in self.entries if each.unit == unit and self.is_valid(each))

    def is_valid(self, waiver: Waiver) -> bool:
        """Whether a waiver counts today: not expired, not too long, and of somebody who is listed."""
        return timedelta(0) <= waiver.expires - self.today() <= MAX_VALIDITY and waiver.owner in self.owners.emails


def _text(value: str) -> str:
    if not value.strip() or "\n" in value:
        kind, message = "empty", "must say something, on one line"
        raise PydanticCustomError(kind, message)
    return value.strip()


def _exact(value: str) -> str:
    """No pattern: a waiver is for one thing, and a second thing needs a second waiver."""
    bare = _KEY.sub("", value)
    pattern = "*" in bare or ("?" in bare and "/" not in bare)  # the source of a module may have a query
    if pattern or value != value.strip() or not value:
        kind, message = "wide", "must name exactly one: no *, no ?, not empty"
        raise PydanticCustomError(kind, message)
    return value


def _waivable(value: str) -> str:
    if value in UNWAIVABLE:
        kind, message = "never", "says that the guard itself did not work: no waiver reaches it"
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
    kind, message = "day", "must be a day such as 2026-12-01"
    raise PydanticCustomError(kind, message)


_Exact = Annotated[str, StringConstraints(strict=True), AfterValidator(_exact)]
_Rule = Annotated[_Exact, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$"), AfterValidator(_waivable)]
_Unit = Annotated[_Exact, StringConstraints(pattern=r"^(account:[a-z0-9-]+|[a-z0-9-]+/[a-z0-9-]+(@[a-z0-9-]+)?)$")]


class _Entry(BaseModel):
    """One entry of the file; its header says what each key means."""

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
        """Only where the finding is about the call of a module is that one thing."""
        whole = _MODULE.fullmatch(_KEY.sub("", value)) and info.data.get("rule") != "ORCH_UNTRUSTED_SOURCE"
        if whole or value.endswith("."):
            kind, message = "module", "names a whole module: name one resource in it"
            raise PydanticCustomError(kind, message)
        return value


_FILE: TypeAdapter[list[_Entry]] = TypeAdapter(list[_Entry])
_SAID = {
    "string_pattern_mismatch": "is not written as it should be (id a-z0-9-, rule A-Z0-9_, unit STAGE/STACK[@REGION], "
    "plan 64 hex digits)",
}


def parse_waivers(data: bytes, *, shown_as: str) -> tuple[Waiver, ...]:
    """The waivers of a file, each well-formed; whether they count is another question.

    Raises:
        CatalogueError: it is no YAML, or an entry is wrong or too wide; with file and line.
    """
    tree = load_tree(data, shown_as)
    if tree is None:
        return ()
    if not isinstance(tree, CommentedSeq):
        hint = "orch waive FINDING writes a right one; with none, the file says []"
        raise CatalogueError([Problem(Location(shown_as, 1), "the waivers must be a list", hint)])
    try:
        entries = _FILE.validate_python(tree)
    except PydanticError as error:
        raise CatalogueError(problems_of(error, tree, shown_as, _SAID, _Entry.model_fields)) from error
    starts = [tree.lc.item(number)[0] + 1 for number in range(len(entries))]
    ends = [*(start - 1 for start in starts[1:]), len(data.splitlines())][: len(starts)]
    return tuple(
        Waiver(**entry.model_dump(), at=place(tree, [number], shown_as), end=max(start, end))
        for number, (entry, start, end) in enumerate(zip(entries, starts, ends, strict=True))
    )


def waiver_problems(waivers: tuple[Waiver, ...], owners: Owners, today: date) -> Iterator[Problem]:
    """What is wrong with well-formed waivers: expired, too long, of nobody who is listed, twofold."""
    ids: dict[str, Waiver] = {}
    targets: dict[tuple[str, str, str], Waiver] = {}
    for each in waivers:
        if each.expires < today:
            hint = "remove it; if it is still needed, orch waive FINDING writes a new one"
            yield Problem(each.at, f"the waiver {each.id} expired on {each.expires}", hint)
        elif each.expires - today > MAX_VALIDITY:
            hint = f"at most {MAX_VALIDITY.days} days ahead: {today + MAX_VALIDITY}"
            yield Problem(each.at, f"the waiver {each.id} would count until {each.expires}, which is too long", hint)
        if each.owner not in owners.emails:
            hint = "owners: " + (", ".join(sorted(owners.emails)) or "nobody is listed in policies/owners.yaml")
            yield Problem(each.at, f"the waiver {each.id} is of {each.owner!r}, who is no owner", hint)
        if ids.setdefault(each.id, each) is not each:
            yield Problem(each.at, f"the id {each.id} is that of another waiver, in line {ids[each.id].at.line}")
        if targets.setdefault(each.target, each) is not each:
            other = targets[each.target]
            yield Problem(each.at, f"the waiver {each.id} allows the same as {other.id}", "keep one of them")
