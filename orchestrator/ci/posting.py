"""Posts the comments and checks of a pull request's plans, and what an apply did to it and to other pull requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.ci.applied import applied_line, applied_section
from orchestrator.ci.host import CodeHost, HostMissingError, PullRequest
from orchestrator.ci.open_plans import OpenPlan, OpenPlans, open_plans, others_section, planners, pull_link
from orchestrator.ci.planned_units import PlannedUnits, parse_units, planned_units, units_line
from orchestrator.ci.sections import ROOM, CommentSection, SectionName, sections_of, with_sections
from orchestrator.ci.stale import (
    StaleUnit,
    applied_units,
    mark_stale,
    set_stale_check,
    stale_check,
    stale_section,
    stale_units,
)
from orchestrator.ci.sticky import (
    PAUSE,
    ROUNDS,
    PostAction,
    PostedComment,
    StageText,
    changed_meanwhile,
    newest_of,
    own_stage_comments,
    post_comments,
    same_text,
)
from orchestrator.report.comment.body import LONGEST_COMMENT, StageComment, stage_comment
from orchestrator.report.comment.check import StageCheck, stage_check
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.inert import code
from orchestrator.report.comment.records import RunRecord
from orchestrator.report.comment.rehearsal import is_rehearsal_stage
from orchestrator.report.comment.stage import StagePlan, empty_stage


@dataclass(frozen=True, slots=True)
class PostedStage:
    """What was posted about the plans of a stage.

    Attributes:
        comment: what became of the comment.
        check: the check.
        check_kind: ``check run`` or ``commit status``; empty: the check of a newer run stays, or that of stale plans.
        shared: units that other open pull requests change too.
    """

    comment: PostedComment
    check: StageCheck
    check_kind: str
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MarkedPlan:
    """A comment that was marked as stale.

    Attributes:
        plan: what it shows.
        stale: the units.
        check_kind: as in `PostedStage`; empty also if the branch has moved on.
    """

    plan: OpenPlan
    stale: tuple[StaleUnit, ...]
    check_kind: str


@dataclass(frozen=True, slots=True)
class PostedApply:
    """What was posted about an apply.

    Attributes:
        pull_request: the pull request that was applied; None if none is known.
        comments: what became of the comments of its stages.
        marked: comments of other pull requests whose plans are stale now.
    """

    pull_request: PullRequest | None
    comments: tuple[PostedComment, ...] = ()
    marked: tuple[MarkedPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts to one repository.

    Attributes:
        host: the code host.
        context: the run of the CI, with the commit at the head of the pull request.
        dry_run: only find out what would be posted.
        pause: waits for a number of seconds.
    """

    host: CodeHost
    context: CommentContext
    dry_run: bool = False
    pause: Callable[[float], None] = field(default=time.sleep)

    def plans(self, number: int, plans: Sequence[StagePlan]) -> list[PostedStage]:
        """Post the comments and checks of stages on a pull request.

        Raises:
            HostError: as every call of `CodeHost`.
        """
        others = planners(open_plans(self.host, leave_out=number).plans)
        texts, comments, shared = [], [], []
        for plan in plans:
            planned = planned_units(plan)
            comment, text = self._text(plan, planned)
            section = others_section(planned, others)
            texts.append(StageText(comment.marker, with_sections(text, {SectionName.OTHERS: section})))
            comments.append(comment)
            shared.append(section.about if section else ())
        posted = self._post(number, texts)
        checks = [stage_check(plan, comment) for plan, comment in zip(plans, comments, strict=True)]
        kinds = self._set_checks(number, checks, posted)
        return [PostedStage(*each) for each in zip(posted, checks, kinds, shared, strict=True)]

    def rehearsals(self, number: int, made: Sequence[tuple[StageComment, StageCheck]]) -> list[PostedStage]:
        """Post the comments and checks of stages that were rehearsed.

        Raises:
            HostError: as every call of `CodeHost`.
        """
        texts = [StageText(comment.marker, comment.text) for comment, _ in made]
        posted = self._post(number, texts)
        checks = [check for _, check in made]
        kinds = self._set_checks(number, checks, posted)
        return [PostedStage(*each) for each in zip(posted, checks, kinds, strict=True)]

    def unaffected(self, number: int, stages: Sequence[str], shown: Collection[str] = ()) -> list[PostedStage]:
        """Say of stages that the change affects no unit of theirs: in the check, and in the comment if there is one.

        A stage that has a comment and is neither one of these nor shown no longer exists: an older commit of the pull
        request had added or renamed it.

        Args:
            number: the pull request.
            stages: the stages.
            shown: the stages whose plans are shown.

        Raises:
            HostError: as every call of `CodeHost`.
        """
        existing = dict.fromkeys(own.marker.stage for own in own_stage_comments(self.host, number))
        gone = [each for each in existing if each not in {*stages, *shown} and not is_rehearsal_stage(each)]
        stages = [*stages, *gone]
        plans = [empty_stage(stage) for stage in stages]
        comments = [stage_comment(plan, self.context) for plan in plans]
        texts = [StageText(each.marker, each.text) for each in comments if each.stage in existing]
        posted = {each.stage: each for each in self._post(number, texts)}
        nothing = [PostedComment(stage, PostAction.NONE, "", self.context.run) for stage in stages]
        became = [posted.get(each.stage, each) for each in nothing]
        checks = [stage_check(plan, comment) for plan, comment in zip(plans, comments, strict=True)]
        kinds = self._set_checks(number, checks, became)
        return [PostedStage(*each) for each in zip(became, checks, kinds, strict=True)]

    def applied(
        self,
        number: int | None,
        plans: Sequence[StagePlan],
        records: Sequence[RunRecord],
        below: Callable[[str], Collection[str]],
    ) -> PostedApply:
        """Say in the applied pull request what was applied, and mark the plans of others that are stale now.

        Args:
            number: the pull request; None: the one that brought the commit into its base branch.
            plans: what the runs did, by stage.
            records: the runs.
            below: returns the downstreams of a unit.

        Raises:
            HostError: as every call of `CodeHost`.
        """
        pull = self._applied_pull_request(number)
        posted = [self._say_applied(pull.number, plan) for plan in plans] if pull is not None else []
        marked = self._mark_others(pull, records, below)
        return PostedApply(pull, tuple(posted), tuple(marked))

    def _post(self, number: int, texts: Sequence[StageText]) -> list[PostedComment]:
        return post_comments(self.host, number, texts, dry_run=self.dry_run, pause=self.pause)

    def _text(self, plan: StagePlan, planned: PlannedUnits) -> tuple[StageComment, str]:
        """Return the comment of a stage, and its text with the hidden line about its units."""
        hidden = units_line(planned)
        comment = stage_comment(plan, self.context, limit=LONGEST_COMMENT - len(hidden) - ROOM)
        marker, _, rest = comment.text.partition("\n")
        return comment, f"{marker}\n{hidden}\n{rest}"

    def _set_checks(self, number: int, checks: Sequence[StageCheck], posted: Sequence[PostedComment]) -> list[str]:
        head = self.context.head
        if len(head) < 40:  # Not a whole commit: nobody said which one was planned.
            head = self.host.pull_request(number).head
        if self.dry_run:
            return ["check" for _ in checks]
        run, page = self.context.run, self.context.report_url
        return [
            "" if comment.stale else self.host.set_check(head, check, run=run, url=page or comment.url)
            for check, comment in zip(checks, posted, strict=True)
        ]

    def _applied_pull_request(self, number: int | None) -> PullRequest | None:
        if number is not None:
            return self.host.pull_request(number)
        return self.host.merged_by(self.context.head) if self.context.head else None

    def _say_applied(self, number: int, plan: StagePlan) -> PostedComment:
        """Add the line about an apply to the comment of a stage, or write one if there is none."""
        action = PostAction.UPDATED
        for _ in range(ROUNDS):
            own = newest_of(each for each in own_stage_comments(self.host, number) if each.marker.stage == plan.stage)
            if own is None:
                return self._say_applied_alone(number, plan)
            body, url, run = own.comment.body, own.comment.url, own.marker.run
            line = applied_line(plan, self.context, parse_units(body, own.marker))
            section = applied_section(sections_of(body).get(SectionName.APPLIED), line, self.context.run)
            text = with_sections(body, {SectionName.APPLIED: section})
            if self.dry_run or same_text(text, body):
                return PostedComment(plan.stage, action, url, run)
            try:
                self.host.update_comment(number, own.comment.id, text)
            except HostMissingError:
                continue  # deleted meanwhile
            self.pause(PAUSE)
        raise changed_meanwhile(number)

    def _say_applied_alone(self, number: int, plan: StagePlan) -> PostedComment:
        comment = stage_comment(plan, self.context, limit=LONGEST_COMMENT - ROOM)
        line = applied_line(plan, self.context, None)
        text = with_sections(comment.text, {SectionName.APPLIED: applied_section(None, line, self.context.run)})
        text_of_stage = StageText(comment.marker, text)
        (posted,) = self._post(number, [text_of_stage])
        return posted

    def _mark_others(
        self, pull: PullRequest | None, records: Sequence[RunRecord], below: Callable[[str], Collection[str]]
    ) -> list[MarkedPlan]:
        applied = applied_units(records)
        if not applied:
            return []
        others: OpenPlans = open_plans(self.host, leave_out=pull.number if pull else None)
        run = code(self.context.run)
        by_run = f"run [{run}]({self.context.report_url})" if self.context.report_url else f"run {run}"
        by = f"{by_run} of {pull_link(pull)}" if pull else by_run
        found: dict[int, tuple[StaleUnit, ...]] = {}
        for plan in others.plans:
            stale = stale_units(plan.planned, applied, below) if plan.planned else []
            if stale:
                found[plan.comment.comment.id] = tuple(stale)
        sections: dict[int, CommentSection] = {id_: stale_section(stale, by) for id_, stale in found.items()}
        marked = mark_stale(self.host, others.plans, sections, dry_run=self.dry_run)
        plain = f"#{pull.number}" if pull else f"run {self.context.run}"
        return [self._marked(plan, found[plan.comment.comment.id], sections, plain) for plan in marked]

    def _marked(
        self, plan: OpenPlan, stale: tuple[StaleUnit, ...], sections: Mapping[int, CommentSection], by: str
    ) -> MarkedPlan:
        """Set the check of a comment that was marked."""
        own = plan.comment
        check = stale_check(own.marker.stage, stale, by, sections[own.comment.id])
        kind = "check" if self.dry_run else set_stale_check(self.host, plan, check, url=self.context.report_url)
        return MarkedPlan(plan, stale, kind)
