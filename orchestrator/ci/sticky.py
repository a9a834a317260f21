"""Writes the one comment of a stage: creates it or updates it in place, and never over a newer one.

A host has no way to say "replace this text only if nobody changed it". So every write is followed by a pause and a
second look: if an older run wrote meanwhile, the newer one writes again. Of two comments that two runs created at the
same time the first stays, with the text of the newer run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from orchestrator.ci.host import CodeHost, HostComment, HostError, HostMissingError
from orchestrator.ci.planned_units import parse_units
from orchestrator.ci.sections import SectionName, sections_of, with_sections
from orchestrator.report.comment.marker import Marker, is_older, may_overwrite, parse_marker

ROUNDS = 5
"""How often a comment is written and read again."""
PAUSE = 1.0
"""Seconds between a write and the second look."""


class PostAction(StrEnum):
    """What became of a comment."""

    CREATED = "created"
    UPDATED = "updated"
    SAME = "unchanged"
    OLDER = "left as it is"
    """A newer run wrote it."""
    NONE = "not needed"
    """There is none, and nothing to say."""


@dataclass(frozen=True, slots=True)
class PostedComment:
    """What became of a comment.

    Attributes:
        stage: its stage.
        action: what was done, or what would be done.
        url: its address; empty if it does not exist.
        run: the run that the comment is from now.
        stale: it says that an apply has made these plans stale.
    """

    stage: str
    action: PostAction
    url: str
    run: str
    stale: bool = False


@dataclass(frozen=True, slots=True)
class StageText:
    """A comment to write. ``text``: its Markdown, whose first line is ``marker``."""

    marker: Marker
    text: str


@dataclass(frozen=True, slots=True)
class OwnComment:
    """A comment of ours. ``marker``: its first line."""

    marker: Marker
    comment: HostComment


def own_stage_comments(host: CodeHost, number: int) -> list[OwnComment]:
    """Return the comments of a pull request that have a marker and that the token's owner wrote, the oldest first.

    Raises:
        HostError: as every call of `CodeHost`.
    """
    found = ((parse_marker(each.body), each) for each in host.own_comments(number))
    return [OwnComment(marker, each) for marker, each in found if marker is not None]


def post_comments(
    host: CodeHost,
    number: int,
    texts: Sequence[StageText],
    *,
    dry_run: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> list[PostedComment]:
    """Write the comments of stages on a pull request.

    Args:
        host: the code host.
        number: the pull request.
        texts: one for each stage.
        dry_run: only say what would be done.
        pause: waits for a number of seconds.

    Raises:
        HostError: as every call of `CodeHost`; or other runs keep changing them.
    """
    poster = _Poster(host, number, dry_run=dry_run)
    first: dict[str, PostedComment] = {}
    for attempt in range(ROUNDS):
        existing = own_stage_comments(host, number)
        done = [poster.post(text, existing, again=attempt > 0) for text in texts]
        for each in done:
            first.setdefault(each.stage, each)
        if dry_run or all(each.action in {PostAction.SAME, PostAction.OLDER} for each in done):
            return [_summary(first[each.stage], each) for each in done]
        pause(PAUSE)
    raise changed_meanwhile(number)


def changed_meanwhile(number: int) -> HostError:
    """Return the error for comments that other runs change each time that they are read again."""
    message = f"other runs keep changing the comments of pull request {number}"
    return HostError(message, hint="wait until these runs end, then post again")


def _summary(first: PostedComment, last: PostedComment) -> PostedComment:
    """Return what was done first, at the address where it is, unless a newer run replaced it."""
    return last if last.action is PostAction.OLDER else replace(last, action=first.action)


class _Poster:
    """Writes comments on one pull request."""

    def __init__(self, host: CodeHost, number: int, *, dry_run: bool) -> None:
        self._host = host
        self._number = number
        self._dry_run = dry_run
        self._created: dict[str, HostComment] = {}

    def post(self, text: StageText, existing: Iterable[OwnComment], *, again: bool) -> PostedComment:
        """Write a comment, if the one that is there is not newer.

        Args:
            text: the comment.
            existing: our comments, the oldest first.
            again: this is a second look: another text of the same run is left, since a second job of that run, or a
                mark that the plan is stale, was written after ours.
        """
        stage = text.marker.stage
        same = [each for each in existing if each.marker.stage == stage] or self._just_created(stage)
        newest = newest_of(same)
        if newest is not None and not may_overwrite(text.marker, newest.marker):
            return PostedComment(stage, PostAction.OLDER, newest.comment.url, newest.marker.run)
        if newest is not None and _same_plans(newest, text):
            text = StageText(text.marker, _with_marks(text.text, newest.comment.body))
        try:
            return self._write(text, same, newest, again=again)
        except HostMissingError:
            if not same:
                raise  # the pull request itself
            return self._create(text)  # Somebody deleted the comment after it was listed.

    def _write(
        self, text: StageText, same: Sequence[OwnComment], newest: OwnComment | None, *, again: bool
    ) -> PostedComment:
        if not same or newest is None:
            return self._create(text)
        first, *others = [each.comment for each in same]
        done = same_text(first.body, text.text) or (again and same[0].marker.run == text.marker.run)
        if not self._dry_run:
            if not done:
                self._host.update_comment(self._number, first.id, text.text)
            for each in others:
                self._host.delete_comment(self._number, each.id)
        action = PostAction.SAME if done and not others else PostAction.UPDATED
        stale = SectionName.STALE in sections_of(first.body if done else text.text)
        return PostedComment(text.marker.stage, action, first.url, text.marker.run, stale=stale)

    def _create(self, text: StageText) -> PostedComment:
        url = ""
        if not self._dry_run:
            made = self._host.create_comment(self._number, text.text)
            self._created[text.marker.stage] = made
            url = made.url
        return PostedComment(text.marker.stage, PostAction.CREATED, url, text.marker.run)

    def _just_created(self, stage: str) -> list[OwnComment]:
        """Return a comment that was just created, if it still exists: a host's list can lag behind."""
        made = self._created.get(stage)
        if made is None:
            return []
        try:
            found = self._host.comment(self._number, made.id)
        except HostMissingError:
            return []
        marker = parse_marker(found.body)
        return [OwnComment(marker, found)] if marker is not None else []


def _same_plans(old: OwnComment, new: StageText) -> bool:
    """Return whether a comment shows the plans of another one: another attempt of a CI's job posts them again."""
    if old.marker == new.marker:
        return True
    shown, planned = parse_units(old.comment.body, old.marker), parse_units(new.text, new.marker)
    return (
        shown is not None
        and planned is not None
        and bool(planned.run)
        and (old.marker.stage, old.marker.plans, shown.run) == (new.marker.stage, new.marker.plans, planned.run)
    )


def _with_marks(text: str, old: str) -> str:
    """Return a comment with what was said of the same plans after they were posted: applied, stale."""
    found = sections_of(old)
    return with_sections(
        text, {name: found[name] for name in (SectionName.APPLIED, SectionName.STALE) if name in found}
    )


def newest_of(comments: Iterable[OwnComment]) -> OwnComment | None:
    """Return the comment of the newest run; of several of the same run the oldest comment."""
    newest: OwnComment | None = None
    for each in comments:
        if newest is None or is_older(newest.marker.run, each.marker.run):
            newest = each
    return newest


def same_text(one: str, other: str) -> bool:
    """Return whether two comments are the same; hosts change the ends of lines and of the text."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]
