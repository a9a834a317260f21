"""Runs the test cases of each policy: the plans in its folder that it must pass, and those that it must block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import Location, Problem
from orchestrator.guard.checkov.annotate import annotated_resources
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.judge import Judge
from orchestrator.guard.plan.entries import UnreadableError
from orchestrator.guard.plan.reader import read_document
from orchestrator.guard.policies.load import Policy


def case_problems(checks: Checks) -> tuple[Problem, ...]:
    """Run every case of every policy through checkov, and the canary.

    In a passing case every check of the policy must answer and pass; in a failing case at least one must fail. Only the
    policy's own checks count, so that a policy cannot rely on another one.

    Returns:
        The problems, sorted by location; empty when every case behaves as its name says.

    Raises:
        CatalogueError: a check cannot be loaded.
        SetupError: the process of the checks cannot be started.
    """
    return tuple(sorted(_problems(checks)))


def _problems(checks: Checks) -> Iterator[Problem]:
    failures = Judge(checks).canary()
    for policy in checks.policies.policies:
        yield from _cases(checks, policy)
    for what in failures:
        yield Problem(Location("policies/protected"), f"canary: {what}")


def _cases(checks: Checks, policy: Policy) -> Iterator[Problem]:
    for file in (*policy.passing, *policy.failing):
        what = _failure(checks, policy, file)
        if what:
            yield Problem(Location(f"policies/{policy.name}/{file.name}"), what)


def _failure(checks: Checks, policy: Policy, file: Path) -> str:
    """Return what is wrong with one case; empty when nothing is."""
    try:
        document = read_document(file)
    except UnreadableError as error:
        return f"not a plan: {error}"
    if document.faults:
        return f"not a valid plan: {document.faults[0].address}: {document.faults[0].what}"
    own = checks.of_policy(policy.name)
    outcomes = checks.run(annotated_resources(document, checks.policies.protected))
    silent = [(check, address, why) for (check, address), why in outcomes.missing.items() if check in own]
    if silent:
        check, address, why = silent[0]
        return f"{check} did not judge {address}: {why}"
    given = [each for each in outcomes.given if each.check in own]
    failed = [each for each in given if not each.passed]
    if file in policy.failing:
        return "" if failed else "the policy passes this case, but must block it"
    if failed:
        why = "; ".join(failed[0].details) or checks.by_id[failed[0].check].name
        return f"{failed[0].check} blocks {failed[0].address}, but must pass it: {why}"
    unseen = own - {each.check for each in given}
    return f"{min(unseen)} examines no resource in this case, so the case proves nothing" if unseen else ""
