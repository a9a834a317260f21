"""``orch waive FINDING``: writes a waiver that allows one finding, and prints what is needed for it to count."""

from __future__ import annotations

import hashlib
import re
import stat
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli.context import Common, command
from orchestrator.cli.output import write
from orchestrator.cli.project import open_project
from orchestrator.errors import SetupError, UsageError
from orchestrator.guard.model import Severity
from orchestrator.guard.policies.load import POLICIES_FOLDER, read_policy_files
from orchestrator.guard.trust.owners import OWNERS_FILE, Owners
from orchestrator.guard.trust.trust import read_declared_waivers
from orchestrator.guard.trust.waiver_edit import entry_text, with_waiver
from orchestrator.guard.trust.waivers import MAX_VALIDITY, UNWAIVABLE, WAIVERS_FILE, Waiver, canonical, utc_today
from orchestrator.report.json import finding_form
from orchestrator.report.tables import dump
from orchestrator.report.text import clean
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.reports import FoundFinding, find_finding
from orchestrator.util.files import write_atomic
from orchestrator.util.git import Repository

_FILE = f"{POLICIES_FOLDER}/{WAIVERS_FILE}"


@dataclass(frozen=True, slots=True)
class WaiverRequest:
    """The options of the command.

    Attributes:
        finding: id of the finding.
        reason: why the change is allowed.
        owner: name of the owner who allows it.
        expires: a date or a number of days.
        plan: allow only the plan that was judged.
        dry_run: write nothing.
    """

    finding: str
    reason: str
    owner: str
    expires: str
    plan: bool
    dry_run: bool


@command
def waive(
    common: Common,
    finding: Annotated[
        str, typer.Argument(metavar="FINDING", help="Id of the finding: ten digits.", show_default=False)
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why the change is allowed.")],
    owner: Annotated[
        str, typer.Option("--owner", metavar="NAME", help="Who allows it: a name in policies/owners.yaml.")
    ],
    expires: Annotated[
        str, typer.Option("--expires", metavar="DATE|DAYS", help="Last day of the waiver, at most 14 days ahead.")
    ] = "7",
    plan: Annotated[bool, typer.Option("--plan", help="Allow only the plan that was judged.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the waiver, and write nothing.")] = False,
) -> int:
    """Write a waiver for a finding.

    Adds it to policies/waivers.yaml. It counts once its owner has merged it.
    """
    request = WaiverRequest(finding, reason, owner, expires, plan, dry_run)
    found, waiver = _write_waiver(common, request)
    _print_waiver(common, request, found, waiver)
    return 0


def _write_waiver(common: Common, request: WaiverRequest) -> tuple[FoundFinding, Waiver]:
    """Add the waiver to the file, unless this is a dry run; return the finding and its waiver.

    Raises:
        UsageError: the finding cannot be waived, is waived already, or an option is wrong.
    """
    today = utc_today()
    root = open_project(common, offline=True).catalogue.root
    found = find_finding(root, request.finding)
    _check_waivable(found)
    tree = read_policy_files(root)
    written, owners = read_declared_waivers(tree, today)
    _check_owner(root, owners, request.owner)
    about = found.finding.rule, found.finding.unit, canonical(found.finding.address)
    same = next((each for each in written if each.target == about), None)
    if same is not None:
        message = f"the waiver {same.id} already allows this, until {same.expires}"
        raise UsageError(message, where=same.at, hint="edit that waiver, or remove it first")
    waiver = Waiver(
        id=_free(found.finding.id, {each.id for each in written}),
        rule=about[0],
        unit=about[1],
        address=about[2],
        owner=request.owner,
        reason=_reason(request.reason),
        expires=_day(request.expires, today),
        plan=_plan_hash(common, root, found) if request.plan else "",
    )
    data = with_waiver(tree.get(WAIVERS_FILE, b""), waiver, shown_as=_FILE)
    if not request.dry_run:
        _save(root / _FILE, data)
    return found, waiver


def _check_waivable(found: FoundFinding) -> None:
    finding = found.finding
    if finding.rule in UNWAIVABLE:
        message = f"{finding.rule} cannot be waived: it means that the guard itself did not work"
        raise UsageError(message, hint=finding.hint)
    if finding.severity is Severity.WAIVED:
        message = f"this finding is already waived, by {finding.waiver}"
        raise UsageError(message, hint="nothing to do")
    if finding.severity is not Severity.BLOCK:
        message = f"this finding is a warning and blocks nothing (run {found.run})"
        raise UsageError(message, hint="only findings that block can be waived")
    if not finding.address:
        message = f"{finding.rule} is about all of {finding.unit}, and a waiver is for one address"
        raise UsageError(message, hint=finding.hint)


def _check_owner(root: Path, owners: Owners, owner: str) -> None:
    if owner not in owners.emails:
        listed = ", ".join(sorted(owners.emails)) or "none"
        message = f"{owner!r} is not in {POLICIES_FOLDER}/{OWNERS_FILE}"
        raise UsageError(message, hint=f"owners: {listed}")
    repository = Repository.find(root)
    user = repository.user() if repository is not None else ""
    if user and owners.wrote(owner, [user]):
        message = f"you are {owner} ({user}), and owners cannot allow their own changes"
        raise UsageError(message, hint="name another owner, or ask someone else to write the waiver")


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason or "\n" in reason:
        message = "--reason must be one line of text"
        raise UsageError(message, hint="explain why the change is allowed, for readers in a year")
    return reason


def _day(text: str, today: date) -> date:
    """Parse the last day of a waiver: a date, or a number of days from today such as ``7`` or ``7d``.

    Raises:
        UsageError: the text is neither, or the day has passed or is too far ahead.
    """
    day = _read_day(text, today)
    if day is None:
        message = f"invalid value for --expires: {text!r} is neither a date nor a number of days"
        raise UsageError(message, hint=f"e.g. --expires 7, or --expires {today + timedelta(days=7)}")
    if not today <= day <= today + MAX_VALIDITY:
        message = f"invalid value for --expires: {text!r} is not within the next {MAX_VALIDITY.days} days"
        raise UsageError(message, hint=f"the latest possible day is {today + MAX_VALIDITY}")
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
    """Return the SHA-256 of the saved plan that the finding is about.

    Raises:
        UsageError: it was a preview, or the plan is no longer on this machine.
    """
    if found.unit.get("preview"):
        message = f"the finding is about a preview in run {found.run}, and previews are never applied"
        raise UsageError(message, hint="apply its upstreams first, or leave out --plan")
    unit = open_project(common, offline=True).catalogue.units.get(found.finding.unit)
    file = RunPaths(root=root, run=found.run).plan(unit) if unit is not None else None
    if file is None or not file.is_file():
        message = f"the plan of {found.finding.unit} in run {found.run} is not on this machine"
        raise UsageError(message, hint="plan the unit again, then run `orch waive --plan`; or leave out --plan")
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _free(name: str, taken: set[str]) -> str:
    numbers = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in numbers if each not in taken)


def _save(file: Path, data: bytes) -> None:
    """Replace the whole file and keep its permissions.

    Raises:
        SetupError: the file cannot be written.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o644
        write_atomic(file, data, mode=mode)
    except OSError as error:
        message = f"{_FILE} cannot be written: {error.strerror}"
        raise SetupError(message, hint="nothing was changed") from error


def _next(waiver: Waiver) -> list[str]:
    return [
        f"commit {_FILE} with the change that it allows: it counts only once it is merged",
        f"have {waiver.owner} review and merge it: owners cannot allow their own changes",
        "remove it after the apply: an unused or expired waiver is an error",
    ]


def _print_waiver(common: Common, request: WaiverRequest, found: FoundFinding, waiver: Waiver) -> None:
    finding = found.finding
    if common.json:
        fields: dict[str, Any] = {key: str(value) for key, value in asdict(waiver).items() if key not in {"at", "end"}}
        document = {
            "format": 1,
            "kind": "waive",
            "file": _FILE,
            "written": not request.dry_run,
            "waiver": fields,
            "finding": finding_form(finding),
            "run": found.run,
            "next": _next(waiver),
        }
        write(dump(document) + "\n")
        return
    lines = [f"{'Would add' if request.dry_run else 'Added'} this waiver to {_FILE}:", ""]
    lines += [f"  {line}" for line in entry_text(waiver).splitlines()]
    lines += ["", f"It allows this finding of run {found.run}: {clean(finding.message)}"]
    lines += [f"  lost: {clean(finding.lost)}"] if finding.lost else []
    lines += [f"  contents: {clean(finding.inside)}"] if finding.inside else []
    lines += [f"  only in the plan {waiver.plan}"] if waiver.plan else []
    lines += ["", "Next:", *(f"  {number}. {text}" for number, text in enumerate(_next(waiver), start=1))]
    write("\n".join(lines) + "\n")
