"""A policy's own cases: the plans in its folder that it lets pass, and those that it stops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.checkov.annotate import annotated_resources
from orchestrator.guard.judge import Judge
from orchestrator.guard.plan.entries import UnreadableError
from orchestrator.guard.plan.reader import read_document
from orchestrator.guard.policies.load import Policies, Policy

if TYPE_CHECKING:
    from orchestrator.guard.checkov.runner import Engine


def run_cases(root: Path) -> tuple[Problem, ...]:
    """Run every case of every policy through checkov, and the canary of each protected type.

    A passing case must have been looked at by each check of its policy, without an objection; a failing case must have
    got one. Only the policy's own checks count, so that no policy hides behind another.

    Args:
        root: the folder that contains ``policies/``.

    Returns:
        What is wrong, sorted by place; empty when all cases are as they should be.
    """
    try:
        policies = Policies.load(root)
        judge = Judge(policies)
        engine, past = judge.load_checks(), judge.canary()
    except CatalogueError as error:
        return error.problems
    found = [each for policy in policies.policies for each in _cases(policies, engine, policy)]
    found += [Problem(Location("policies/protected"), f"{what}: the canary was not caught") for what in past]
    return tuple(sorted(found))


def _cases(policies: Policies, engine: Engine, policy: Policy) -> Iterator[Problem]:
    for file in (*policy.passing, *policy.failing):
        what = _wrong(policies, engine, policy, file)
        if what:
            yield Problem(Location(file.relative_to(policies.root).as_posix()), what)


def _wrong(policies: Policies, engine: Engine, policy: Policy, file: Path) -> str:
    """What is wrong with one case; empty when nothing is."""
    try:
        document = read_document(file)
    except UnreadableError as error:
        return f"the case is no plan: {error}"
    if document.faults:
        return f"the case is no plan that Terraform makes: {document.faults[0].address}: {document.faults[0].what}"
    own = engine.of_policy(policy.name)
    answers = engine.run(annotated_resources(document, policies.protected))
    silent = [(check, address, why) for (check, address), why in answers.missing.items() if check in own]
    if silent:
        check, address, why = silent[0]
        return f"{check} did not judge {address}: {why}"
    given = [each for each in answers.given if each.check in own]
    failed = [each for each in given if not each.passed]
    if file in policy.failing:
        return "" if failed else "the policy lets this case pass, and it should stop it"
    if failed:
        why = "; ".join(failed[0].details) or engine.checks[failed[0].check].name
        return f"{failed[0].check} stops {failed[0].address}, and it should let it pass: {why}"
    unseen = own - {each.check for each in given}
    return f"{min(unseen)} saw nothing in this case, so it proves nothing" if unseen else ""
