"""What ``orch check`` does with ``policies/``: runs their test cases, and lets them judge the units without a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.created_findings import CreatedFindings, judge_created
from orchestrator.guard.model import Finding
from orchestrator.guard.policies.load import Policies, read_policy_files
from orchestrator.guard.policy_cases import case_problems
from orchestrator.guard.trust.trust import read_declared_waivers
from orchestrator.guard.trust.waivers import Waivers, utc_today
from orchestrator.report.check_result import CheckResult
from orchestrator.util.plural import plural


def check_policies(catalogue: Catalogue, units: Sequence[Unit]) -> Iterator[CheckResult]:
    """Report which policies are in force, run their test cases, and let them judge what the units would create."""
    problems: tuple[Problem, ...] = ()
    try:
        with Checks(Policies.load(catalogue.root)) as checks:
            problems = case_problems(checks)
            if not problems:
                yield CheckResult("policies", checks.policies.source)
                yield from _created(catalogue, judge_created(catalogue, units, checks))
    except CatalogueError as error:
        problems = error.problems
    for each in problems:
        text = each.what + (f" — {each.hint}" if each.hint else "")
        yield CheckResult("policies", str(each.where), text, where=each.where)


def _created(catalogue: Catalogue, found: CreatedFindings) -> Iterator[CheckResult]:
    """Report what the policies reject, once for all units with the same line. A waiver makes it a note."""
    waivers = _waivers(catalogue)
    groups: dict[tuple[Location | None, str, str, str], list[str]] = {}
    for finding in found.findings:
        waiver = waivers.match(finding)
        key = (finding.where, finding.rule, _text(finding), waiver.summary if waiver is not None else "")
        groups.setdefault(key, []).append(finding.unit)
    for (where, rule, text, waived), names in groups.items():
        units = f"{text} (in {', '.join(dict.fromkeys(names))})"
        problem, note = ("", f"{units}, allowed by {waived}") if waived else (units, "")
        yield CheckResult("units", str(where), problem, note, where=where, rule=rule)
    if all(waived for _, _, _, waived in groups):
        left = f"; {plural(found.open, 'verdict')} left to the plan, which knows more values" if found.open else ""
        yield CheckResult("units", f"{plural(found.resources, 'resource')} as the files make them{left}")


def _waivers(catalogue: Catalogue) -> Waivers:
    """Return the waivers of the working tree; none if they have errors, which another check reports."""
    try:
        return Waivers(*read_declared_waivers(read_policy_files(catalogue.root), utc_today()))
    except CatalogueError:
        return Waivers()


def _text(finding: Finding) -> str:
    parts = (finding.message, f"because {finding.cause}" if finding.cause else "", finding.hint)
    return "; ".join(part for part in parts if part)
