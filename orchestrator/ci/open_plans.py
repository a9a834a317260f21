"""What the open pull requests plan, as their comments say; and which of them plan the same unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from orchestrator.ci.host import CodeHost, PullRequest
from orchestrator.ci.planned_units import PlannedUnit, PlannedUnits, parse_units
from orchestrator.ci.sections import CommentSection, SectionName, quoted, sections_of
from orchestrator.ci.sticky import OwnComment, own_stage_comments
from orchestrator.report.comment.inert import code

MOST_PULL_REQUESTS = 100
"""Pull requests that are read, those that changed last: each costs a call."""
_NAMED = 10


@dataclass(frozen=True, slots=True)
class OpenPlan:
    """What an open pull request plans in one stage.

    Attributes:
        pull_request: the pull request.
        comment: its comment about the stage.
        planned: the units; None if the comment does not say them.
        stale: units that an apply made stale.
    """

    pull_request: PullRequest
    comment: OwnComment
    planned: PlannedUnits | None
    stale: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenPlans:
    """What open pull requests plan.

    Attributes:
        plans: one for each pull request and stage, the pull request that changed last first.
        without: open pull requests without any plan.
        cut: there are more pull requests than were read.
    """

    plans: tuple[OpenPlan, ...]
    without: tuple[PullRequest, ...] = ()
    cut: bool = False


def open_plans(host: CodeHost, *, leave_out: int | None = None) -> OpenPlans:
    """Return what the open pull requests plan.

    Args:
        host: the code host.
        leave_out: the number of a pull request that is not read.

    Raises:
        HostError: as every call of `CodeHost`.
    """
    pulls = [each for each in islice(host.open_pull_requests(), MOST_PULL_REQUESTS + 1) if each.number != leave_out]
    plans: list[OpenPlan] = []
    without = []
    for pull in pulls[:MOST_PULL_REQUESTS]:
        found = [_open_plan(pull, each) for each in own_stage_comments(host, pull.number)]
        plans += found
        without += [] if found else [pull]
    return OpenPlans(tuple(plans), tuple(without), cut=len(pulls) > MOST_PULL_REQUESTS)


def _open_plan(pull: PullRequest, own: OwnComment) -> OpenPlan:
    stale = sections_of(own.comment.body).get(SectionName.STALE)
    return OpenPlan(pull, own, parse_units(own.comment.body, own.marker), stale.about if stale else ())


def planners(plans: Iterable[OpenPlan]) -> dict[str, list[tuple[PullRequest, PlannedUnit]]]:
    """Return unit -> the pull requests that plan to change it."""
    found: dict[str, list[tuple[PullRequest, PlannedUnit]]] = {}
    for plan in plans:
        for unit in plan.planned.units if plan.planned else ():
            found.setdefault(unit.unit, []).append((plan.pull_request, unit))
    return found


def others_section(
    planned: PlannedUnits, others: Mapping[str, list[tuple[PullRequest, PlannedUnit]]]
) -> CommentSection | None:
    """Return what a comment says of other pull requests that change its units; None if there are none.

    Args:
        planned: the units of the comment.
        others: unit -> pull requests, without the comment's own.
    """
    shared = [unit.unit for unit in planned.units if unit.unit in others]
    if not shared:
        return None
    lines = ["**Other open pull requests change the same units.** Once one is applied, the others must plan again."]
    for unit in shared:
        pulls = [pull_link(pull) for pull, _ in others[unit][:_NAMED]]
        more = len(others[unit]) - len(pulls)
        lines.append(f"- {code(unit)}: {', '.join(pulls)}{f' and {more} more' if more else ''}")
    return CommentSection(quoted("NOTE", lines), tuple(shared))


def pull_link(pull: PullRequest) -> str:
    """Return the number of a pull request as a link, and who opened it."""
    safe = pull.url.startswith("https://") and not set(pull.url) & set(" ()<>\"'`\\|\n")
    number = f"`#{pull.number}`"
    by = f" by {code(pull.author)}" if pull.author else ""
    return (f"[{number}]({pull.url})" if safe else number) + by
