"""``orch waive FINDING``: writes the one waiver that allows a finding, and says what has to happen for it to count."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from orchestrator.cli.context import Common
from orchestrator.cli.output import write
from orchestrator.cli.project import open_project
from orchestrator.errors import SetupError, UsageError
from orchestrator.guard.model import Severity
from orchestrator.guard.policies.load import POLICIES_FOLDER, read_policy_files
from orchestrator.guard.trust.owners import OWNERS_FILE, Owners
from orchestrator.guard.trust.trust import read_written
from orchestrator.guard.trust.waiver_edit import entry_text, with_waiver
from orchestrator.guard.trust.waivers import LONGEST, NEVER, WAIVERS_FILE, Waiver, canonical, utc_today
from orchestrator.report.json import finding_form
from orchestrator.report.tables import dump
from orchestrator.report.text import clean
from orchestrator.run.history.paths import Folders
from orchestrator.run.history.reports import FoundFinding, find_finding
from orchestrator.util.files import write_atomic
from orchestrator.util.git import Repository

_FILE = f"{POLICIES_FOLDER}/{WAIVERS_FILE}"


@dataclass(frozen=True, slots=True)
class WaiverRequest:
    """What was asked for. ``expires``: a day or a number of days; ``plan``: only for the plan that was judged."""

    finding: str
    reason: str
    owner: str
    expires: str
    plan: bool
    dry_run: bool


def run(common: Common, wish: WaiverRequest, *, today: Callable[[], date] = utc_today) -> int:
    """Write the waiver (not with ``--dry-run``), show what it allows and what comes next."""
    root = open_project(common).catalogue.root
    found = find_finding(root, wish.finding)
    _check_waivable(found)
    tree = read_policy_files(root)
    written, owners = read_written(tree, today())
    _check_owner(root, owners, wish.owner)
    about = found.finding.rule, found.finding.unit, canonical(found.finding.address)
    same = next((each for each in written if each.about == about), None)
    if same is not None:
        message = f"the waiver {same.id} allows this already, until {same.expires}"
        raise UsageError(message, where=same.at, hint="change it there, or remove it first")
    waiver = Waiver(
        id=_free(found.finding.id, {each.id for each in written}),
        rule=about[0],
        unit=about[1],
        address=about[2],
        owner=wish.owner,
        reason=_reason(wish.reason),
        expires=_day(wish.expires, today()),
        plan=_plan_hash(common, root, found) if wish.plan else "",
    )
    data = with_waiver(tree.get(WAIVERS_FILE, b""), waiver, shown_as=_FILE)
    if not wish.dry_run:
        _write(root / _FILE, data)
    _tell(common, wish, found, waiver)
    return 0


def _check_waivable(found: FoundFinding) -> None:
    finding = found.finding
    if finding.rule in NEVER:
        message = f"no waiver reaches {finding.rule}: it says that the guard itself did not work"
        raise UsageError(message, hint=finding.hint)
    if finding.severity is Severity.WAIVED:
        message = f"this finding is allowed already, by the waiver {finding.waiver}"
        raise UsageError(message, hint="nothing is left to do")
    if finding.severity is not Severity.BLOCK:
        message = f"this finding only warns: nothing has to be allowed (run {found.run})"
        raise UsageError(message, hint="findings that block can be waived")
    if not finding.address:
        message = f"{finding.rule} is about the whole unit {finding.unit}, and a waiver is for one address"
        raise UsageError(message, hint=finding.hint)


def _check_owner(root: Path, owners: Owners, owner: str) -> None:
    if owner not in owners.emails:
        listed = ", ".join(sorted(owners.emails)) or "nobody is listed"
        message = f"{owner!r} is not in {POLICIES_FOLDER}/{OWNERS_FILE}"
        raise UsageError(message, hint=f"owners: {listed}")
    repository = Repository.find(root)
    user = repository.user() if repository is not None else ""
    if user and owners.wrote(owner, [user]):
        message = f"you are {owner} ({user}), and an owner cannot allow what they write themselves"
        raise UsageError(message, hint="name another owner, or let somebody else write the waiver")


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason or "\n" in reason:
        message = "--reason must say something, on one line"
        raise UsageError(message, hint="say why it may be lost, for those who read it in a year")
    return reason


def _day(text: str, today: date) -> date:
    """The last day of a waiver: ``7`` or ``7d`` days from now, or a day.

    Raises:
        UsageError: it is neither, has passed, or is too far ahead.
    """
    day = _read_day(text, today)
    if day is None:
        message = f"--expires {text!r} is neither a day nor a number of days"
        raise UsageError(message, hint=f"e.g. --expires 7, or --expires {today + timedelta(days=7)}")
    if not today <= day <= today + LONGEST:
        message = f"--expires {text}: a waiver counts for at most {LONGEST.days} days, from today on"
        raise UsageError(message, hint=f"the last possible day is {today + LONGEST}")
    return day


def _read_day(text: str, today: date) -> date | None:
    days = re.fullmatch(r"(\d{1,3})d?", text)
    if days:
        return today + timedelta(days=int(days[1]))
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def _plan_hash(common: Common, root: Path, found: FoundFinding) -> str:
    """SHA-256 of the saved plan that the finding is about.

    Raises:
        UsageError: it was a preview, or the plan is not there any more.
    """
    if found.unit.get("preview"):
        message = f"the finding is about a preview in run {found.run}, and a preview's plan is never applied"
        raise UsageError(message, hint="apply its upstreams first, or leave --plan out")
    unit = open_project(common).catalogue.units.get(found.finding.unit)
    file = Folders(root=root, run=found.run).plan(unit) if unit is not None else None
    if file is None or not file.is_file():
        message = f"the plan of {found.finding.unit} in run {found.run} is not on this machine"
        raise UsageError(message, hint="plan the unit again, then orch waive with --plan; or leave --plan out")
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _free(name: str, taken: set[str]) -> str:
    numbers = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in numbers if each not in taken)


def _write(file: Path, data: bytes) -> None:
    """Put the whole file in place of the old one, with the permissions that it has.

    Raises:
        SetupError: the disk does not take it.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o644
        write_atomic(file, data, mode=mode)
    except OSError as error:
        message = f"{_FILE} cannot be written: {error.strerror}"
        raise SetupError(message, hint="nothing was changed") from error


def _next(waiver: Waiver) -> list[str]:
    return [
        f"commit {_FILE} with the change that it is for: it counts only once it is merged",
        f"have {waiver.owner} look at it and merge it: an owner cannot allow what they wrote themselves",
        "remove it after the apply: a waiver that nothing needs is an error, and so is an expired one",
    ]


def _tell(common: Common, wish: WaiverRequest, found: FoundFinding, waiver: Waiver) -> None:
    finding = found.finding
    if common.json:
        facts: dict[str, Any] = {key: str(value) for key, value in asdict(waiver).items() if key not in {"at", "end"}}
        document = {
            "format": 1,
            "kind": "waive",
            "file": _FILE,
            "written": not wish.dry_run,
            "waiver": facts,
            "finding": finding_form(finding),
            "run": found.run,
            "next": _next(waiver),
        }
        write(dump(document) + "\n")
        return
    lines = [f"{_FILE}: {'would get' if wish.dry_run else 'has now'} this waiver", ""]
    lines += [f"  {line}" for line in entry_text(waiver).splitlines()]
    lines += ["", f"It allows, as run {found.run} found it: {clean(finding.message)}"]
    lines += [f"  what is lost: {clean(finding.lost)}"] if finding.lost else []
    lines += [f"  in it: {clean(finding.inside)}"] if finding.inside else []
    lines += [f"  only by the plan {waiver.plan}"] if waiver.plan else []
    lines += ["", "Next:", *(f"  {number}. {text}" for number, text in enumerate(_next(waiver), start=1))]
    write("\n".join(lines) + "\n")
