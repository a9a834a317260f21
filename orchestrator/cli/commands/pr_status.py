"""``orch pr status``: which open pull request changes which unit, and whose plans are stale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.ci.open_plans import MOST_PULL_REQUESTS, OpenPlan, OpenPlans, open_plans, planners
from orchestrator.cli.commands.posting import RepositoryName, open_host, place_to_post
from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.output import print_progress, print_rows
from orchestrator.report.tables import Column
from orchestrator.report.text import clean
from orchestrator.util.plural import agreeing, plural


@command_without_details
def pr_status(common: Common, repository: RepositoryName = "") -> int:
    """List open pull requests by unit, and stale plans.

    Reads what orch's comments on the open pull requests say, without AWS credentials.
    """
    found = open_plans(open_host(place_to_post(repository, None)))
    rows = sorted(_rows(found), key=lambda row: (row["unit"], row["pull_request"]))
    columns = ("unit", Column("pull_request", "#", right=True), "change", "author", Column("state", wrap=True))
    print_rows(common, "pr-status", rows, columns)
    if not rows and not common.json:
        print_progress(common, "No open pull request changes a unit.")
    if found.without:
        number = len(found.without)
        listed = ", ".join(f"#{pull.number}" for pull in found.without[:20])
        print_progress(
            common, f"{plural(number, 'open pull request')} {agreeing(number, 'has', 'have')} no plan: {listed}"
        )
    if found.cut:
        print_progress(common, f"Only the {MOST_PULL_REQUESTS} pull requests that changed last were read.")
    return 0


def _rows(found: OpenPlans) -> Iterator[dict[str, Any]]:
    """Yield a row for each unit that a pull request changes, or for a stage if its comment does not name units."""
    by_unit = planners(found.plans)
    for plan in found.plans:
        pull = plan.pull_request
        common = {
            "pull_request": pull.number,
            "title": clean(pull.title),
            "author": clean(pull.author),
            "url": pull.url,
        }
        if plan.planned is None:
            row = {"unit": f"{plan.comment.marker.stage}/?", "change": "unknown", "stale": True, "shared": []}
            yield _row(row | common, ["its comment does not say which units it plans: plan again"])
            continue
        for unit in plan.planned.units:
            shared = sorted({other.number for other, _ in by_unit[unit.unit]} - {pull.number})
            stale = list(_stale(plan, unit.unit))
            row = {"unit": unit.unit, "change": unit.kind.word, "stale": bool(stale), "shared": shared}
            also = [f"also changed by {', '.join(f'#{number}' for number in shared)}"] if shared else []
            yield _row(row | common, [*stale, *also])


def _row(values: dict[str, Any], states: list[str]) -> dict[str, Any]:
    order = ("unit", "pull_request", "title", "author", "change", "stale", "shared", "url")
    return {key: values[key] for key in order} | {"state": "; ".join(states)}


def _stale(plan: OpenPlan, unit: str) -> Iterator[str]:
    head, planned = plan.pull_request.head, plan.comment.marker.head
    if unit in plan.stale:
        yield "stale: an apply has changed it or an upstream"
    if planned and not head.startswith(planned):
        yield f"stale: planned {planned[:7]}, the branch is at {head[:7]}"
