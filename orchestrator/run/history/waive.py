"""Writes waivers for the findings of a past run: for one finding, or for all of them, each by name."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from orchestrator.config.catalogue import Catalogue
from orchestrator.errors import SetupError, UsageError
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.load import POLICIES_FOLDER, Policies, read_policy_files
from orchestrator.guard.trust.owners import OWNERS_FILE, Owners
from orchestrator.guard.trust.trust import read_declared_waivers
from orchestrator.guard.trust.valid_waivers import WAIVERS_PATH, is_history
from orchestrator.guard.trust.waiver_edit import with_waiver
from orchestrator.guard.trust.waivers import MAX_VALIDITY, UNWAIVABLE, WAIVERS_FILE, Waiver, canonical, utc_today
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.reports import RUN_ID, FoundFinding, find_finding, findings_of_run
from orchestrator.util.files import write_atomic
from orchestrator.util.git import Repository


@dataclass(frozen=True, slots=True)
class WaiverRequest:
    """What is to be allowed.

    Attributes:
        subject: id of a finding or of a run.
        reason: why the change is allowed.
        owner: name of the owner who allows it.
        expires: a date or a number of days.
        plan: allow only the plan that was judged.
        dry_run: write nothing.
    """

    subject: str
    reason: str
    owner: str
    expires: str
    plan: bool
    dry_run: bool

    @property
    def of_run(self) -> bool:
        """Whether the subject is a run."""
        return bool(RUN_ID.fullmatch(self.subject))


@dataclass(frozen=True, slots=True)
class WrittenWaivers:
    """The result.

    Attributes:
        waivers: the waivers, each with the finding that it allows.
        left: findings of the run that got none, each with the reason.
        history: all of them are about what comes and goes, so that owners may allow their own changes.
    """

    waivers: tuple[tuple[FoundFinding, Waiver], ...]
    left: tuple[tuple[FoundFinding, str], ...] = ()
    history: bool = False


def write_waivers(catalogue: Catalogue, request: WaiverRequest) -> WrittenWaivers:
    """Add the waivers to ``policies/waivers.yaml`` in one write, unless this is a dry run.

    Args:
        catalogue: the configuration, which locates the saved plans.
        request: what is to be allowed.

    Raises:
        UsageError: nothing can be waived, or an option is wrong.
        SetupError: the file cannot be written.
    """
    today, root = utc_today(), catalogue.root
    tree = read_policy_files(root)
    written, owners = read_declared_waivers(tree, today)
    wanted, left = _wanted(root, request, written)
    protected = Policies.load(root).protected
    history = all(is_history(protected, each.finding.rule, each.finding.address) for each in wanted)
    _check_owner(root, owners, request.owner, history=history)
    reason, expires = _reason(request.reason), _day(request.expires, today)
    data = tree.get(WAIVERS_FILE, b"")
    added: list[tuple[FoundFinding, Waiver]] = []
    for found in wanted:
        rule, unit, address = _target(found.finding)
        waiver = Waiver(
            id=_free(found.finding.id, {each.id for each in (*written, *(waiver for _, waiver in added))}),
            rule=rule,
            unit=unit,
            address=address,
            owner=request.owner,
            reason=reason,
            expires=expires,
            plan=_plan_hash(catalogue, found) if request.plan else "",
        )
        data = with_waiver(data, waiver, shown_as=WAIVERS_PATH)
        added.append((found, waiver))
    if not request.dry_run:
        _save(root / WAIVERS_PATH, data)
    return WrittenWaivers(tuple(added), left, history)


def _wanted(
    root: Path, request: WaiverRequest, written: Sequence[Waiver]
) -> tuple[list[FoundFinding], tuple[tuple[FoundFinding, str], ...]]:
    """Return the findings to waive, and those of the run that cannot be or are already.

    Raises:
        UsageError: there is nothing to waive.
    """
    if not request.of_run:
        found = find_finding(root, request.subject)
        error = _objection(found, written)
        if error is not None:
            raise error
        return [found], ()
    findings = findings_of_run(root, request.subject)
    by_target = {_target(each.finding): each for each in findings if each.finding.severity is Severity.BLOCK}
    objections = {target: _objection(found, written) for target, found in by_target.items()}
    wanted = [found for target, found in by_target.items() if objections[target] is None]
    left = tuple((found, error.what) for target, found in by_target.items() if (error := objections[target]))
    if not wanted:
        message = f"no finding of run {request.subject} can be waived"
        why = "; ".join(dict.fromkeys(text for _, text in left)) or "none of them blocks"
        raise UsageError(message, hint=why)
    return wanted, left


def _objection(found: FoundFinding, written: Sequence[Waiver]) -> UsageError | None:
    """Return why a finding gets no waiver; None if it gets one."""
    finding = found.finding
    if finding.rule in UNWAIVABLE:
        message = f"{finding.rule} cannot be waived: it means that the guard itself did not work"
        return UsageError(message, hint=finding.hint)
    if finding.severity is Severity.WAIVED:
        return UsageError(f"this finding is already waived, by {finding.waiver}", hint="nothing to do")
    if finding.severity is not Severity.BLOCK:
        message = f"this finding is a warning and blocks nothing (run {found.run})"
        return UsageError(message, hint="only findings that block can be waived")
    if not finding.address:
        message = f"{finding.rule} is about all of {finding.unit}, and a waiver is for one address"
        return UsageError(message, hint=finding.hint)
    same = next((each for each in written if each.target == _target(finding)), None)
    if same is not None:
        message = f"the waiver {same.id} already allows this, until {same.expires}"
        return UsageError(message, where=same.at, hint="edit that waiver, or remove it first")
    return None


def _target(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.unit, canonical(finding.address)


def _check_owner(root: Path, owners: Owners, owner: str, *, history: bool) -> None:
    """Check that an owner may allow findings of the user.

    Raises:
        UsageError: no such owner; or the owner is the user, and a finding is about more than what comes and goes.
    """
    if owner not in owners.emails:
        message = f"{owner!r} is not in {POLICIES_FOLDER}/{OWNERS_FILE}"
        first = "it lists nobody: merge a change that adds the owners, with every address that their commits carry"
        listed = ", ".join(sorted(owners.emails))
        raise UsageError(message, hint=f"owners: {listed}" if listed else first)
    repository = Repository.find(root)
    user = repository.user() if repository is not None else ""
    if user and owners.wrote(owner, [user]) and not history:
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


def _plan_hash(catalogue: Catalogue, found: FoundFinding) -> str:
    """Return the SHA-256 of the saved plan that the finding is about.

    Raises:
        UsageError: it was a preview, or the plan is no longer on this machine.
    """
    if found.unit.get("preview"):
        message = f"the finding is about a preview in run {found.run}, and previews are never applied"
        raise UsageError(message, hint="apply its upstreams first, or leave out --plan")
    unit = catalogue.units.get(found.finding.unit)
    file = RunPaths(root=catalogue.root, run=found.run).plan(unit) if unit is not None else None
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
        message = f"{WAIVERS_PATH} cannot be written: {error.strerror}"
        raise SetupError(message, hint="nothing was changed") from error
