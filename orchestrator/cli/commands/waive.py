"""``orch waive``: writes waivers that allow a finding, or all of a run, and prints what is needed for them to count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.output import write
from orchestrator.cli.project import open_project
from orchestrator.guard.trust.valid_waivers import WAIVERS_PATH
from orchestrator.guard.trust.waiver_edit import entry_text
from orchestrator.guard.trust.waivers import Waiver
from orchestrator.report.json import finding_form
from orchestrator.report.tables import dump
from orchestrator.report.text import clean
from orchestrator.run.history.reports import FoundFinding
from orchestrator.run.history.waive import WaiverRequest, WrittenWaivers, write_waivers

_NOT_THEIR_OWN = "owners cannot allow their own changes"


@command_without_details
def waive(
    common: Common,
    subject: Annotated[
        str,
        typer.Argument(
            metavar="FINDING|RUN",
            help="Id of the finding: ten digits, 0-9 and a-f. Id of a run: all its findings, each by name.",
            show_default=False,
        ),
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
    """Write a waiver for a finding, or for all of a run.

    Adds it to policies/waivers.yaml. It counts once its owner has merged it.
    """
    request = WaiverRequest(subject, reason, owner, expires, plan, dry_run)
    written = write_waivers(open_project(common, offline=True).catalogue, request)
    if common.json:
        write(dump(_form(request, written)) + "\n")
    else:
        write("\n".join(_lines(request, written)) + "\n")
    return 0


def next_steps(owner: str, *, many: bool, history: bool, ci: bool = False) -> list[str]:
    """Return what must be done for new waivers to count, in order.

    Args:
        owner: who allows it.
        many: there are several waivers.
        history: they allow only the loss of what comes and goes.
        ci: the change is a pull request, whose stored plan CI applies after the merge.
    """
    it, counts, is_ = ("them", "they count", "they are") if many else ("it", "it counts", "it is")
    apart = " in a pull request of its own, to be merged before this one" if ci else ""
    merge = f"commit {WAIVERS_PATH}{apart}: {counts} only once {is_} merged"
    who = "for what comes and goes, owners can allow their own changes, too" if history else _NOT_THEIR_OWN
    last = "when no longer needed: an expired" if history else "after the apply: an unused or expired"
    again = ["then write orch plan as a comment here: a plan that counts is made, and stored"] if ci else []
    return [
        merge,
        f"have {owner} {'merge' if history else 'review and merge'} it: {who}",
        *again,
        f"remove {it} {last} waiver is an error",
    ]


def _form(request: WaiverRequest, written: WrittenWaivers) -> dict[str, Any]:
    found, waiver = written.waivers[0]
    document: dict[str, Any] = {"format": 1, "kind": "waive", "file": WAIVERS_PATH, "written": not request.dry_run}
    if request.of_run:
        document |= {
            "waivers": [
                {"waiver": _fields(waiver), "finding": finding_form(each.finding)} for each, waiver in written.waivers
            ],
            "left": [{"finding": finding_form(each.finding), "why": why} for each, why in written.left],
        }
    else:
        document |= {"waiver": _fields(waiver), "finding": finding_form(found.finding)}
    return {
        **document,
        "run": found.run,
        "next": next_steps(request.owner, many=request.of_run, history=written.history),
    }


def _fields(waiver: Waiver) -> dict[str, str]:
    return {key: str(value) for key, value in asdict(waiver).items() if key not in {"at", "end"}}


def _lines(request: WaiverRequest, written: WrittenWaivers) -> Iterator[str]:
    count = len(written.waivers)
    what = f"these {count} waivers" if count > 1 else "this waiver"
    yield f"{'Would add' if request.dry_run else 'Added'} {what} to {WAIVERS_PATH}:"
    for found, waiver in written.waivers:
        yield ""
        yield from _entry(found, waiver)
    if written.left:
        yield from ("", "Not waived:")
        yield from (f"  {each.finding.id}  {each.finding.unit}  {clean(why)}" for each, why in written.left)
    yield from ("", "Next:")
    steps = next_steps(request.owner, many=count > 1, history=written.history)
    yield from (f"  {number}. {text}" for number, text in enumerate(steps, start=1))


def _entry(found: FoundFinding, waiver: Waiver) -> Iterator[str]:
    yield from (f"  {line}" for line in entry_text(waiver).splitlines())
    yield ""
    yield f"It allows this finding of run {found.run}: {clean(found.finding.message)}"
    if found.finding.lost:
        yield f"  lost: {clean(found.finding.lost)}"
    if found.finding.inside:
        yield f"  contents: {clean(found.finding.inside)}"
    if waiver.plan:
        yield f"  only in the plan {waiver.plan}"
