"""Whether orch does what a comment asks for: its author, the pull request, and the commit that was shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.ci.commands.authorize import AllowedCommand, CommandRefusedError, authorize
from orchestrator.ci.commands.event import CommentEvent
from orchestrator.ci.commands.parse import parse_command
from orchestrator.ci.host import HostComment, Permission, PullRequestState
from orchestrator.guard.trust.owners import Owners
from orchestrator.report.comment.marker import Marker
from tests.support.fake_host import BOT, HEAD, OPEN, FakeHost

FINDING = "0123456789"
MERGED = replace(OPEN, state=PullRequestState.MERGED, merge_commit="a" * 40)
OWNERS = Owners({"anna": frozenset({"anna@example.com", "42+ann@users.noreply.github.com"})})
EVENT = CommentEvent("example/platform", "main", 7, True, 5, "orch plan", "ann", 42, by_bot=False)
PAGE = "[full report](https://github.com/example/platform/actions/runs/19483)"


def sticky(stage: str, head: str = HEAD, *, id_: int = 1, author: str = BOT, text: str = "") -> HostComment:
    marker = Marker(stage, "1187.1", head, "9b1c4e2a")
    return HostComment(id_, author, f"{marker}\n### {stage}\n{text}", "")


def host(body: str, *comments: HostComment, **more: object) -> FakeHost:
    written = HostComment(5, "ann", body, "")
    values: dict[str, object] = {"permissions": {"ann": Permission.WRITE, BOT: Permission.WRITE}}
    return FakeHost(comments=[*comments, written], **(values | more))  # type: ignore[arg-type]


def asked(body: str, on: FakeHost, **event: object) -> AllowedCommand:
    command = parse_command(body)
    assert command is not None
    return authorize(on, replace(EVENT, body=body, **event), command, OWNERS)  # type: ignore[arg-type]


def test_who_may_write_may_ask_for_a_plan() -> None:
    assert asked("orch plan", host("orch plan")).pull_request == OPEN


@pytest.mark.parametrize("permission", [Permission.NONE, Permission.READ])
def test_who_may_not_write_may_ask_for_nothing(permission: Permission) -> None:
    for body, pull in (("orch plan", OPEN), ("orch apply", MERGED), (f"orch waive {FINDING} x", OPEN)):
        with pytest.raises(CommandRefusedError, match="permission"):
            asked(body, host(body, sticky("prod"), permissions={"ann": permission}, pull=pull))


def test_bots_and_orch_itself_ask_for_nothing() -> None:
    with pytest.raises(CommandRefusedError, match="people only"):
        asked("orch plan", host("orch plan"), by_bot=True)
    with pytest.raises(CommandRefusedError, match="people only"):
        asked("orch plan", host("orch plan"), author=BOT)
    with pytest.raises(CommandRefusedError, match="people only"):
        asked("orch plan", host("orch plan"), author="")


def test_a_fork_is_never_planned_or_applied() -> None:
    for body, pull in (("orch plan", OPEN), ("orch apply", MERGED), (f"orch waive {FINDING} x", OPEN)):
        with pytest.raises(CommandRefusedError, match="fork"):
            asked(body, host(body, sticky("prod"), pull=replace(pull, fork=True)))


def test_a_comment_that_was_edited_or_taken_over_is_refused() -> None:
    with pytest.raises(CommandRefusedError, match="edited"):
        asked("orch plan", host("orch apply prod"))
    on = FakeHost(permissions={"ann": Permission.ADMIN}, comments=[HostComment(5, "eve", "orch plan", "")])
    with pytest.raises(CommandRefusedError, match="edited"):
        asked("orch plan", on)


def test_what_is_merged_is_applied_stage_by_stage_as_it_was_shown() -> None:
    on = host("orch apply", sticky("prod"), sticky("test", id_=2), pull=MERGED)
    assert asked("orch apply", on).stages == ("prod", "test")
    on = host("orch apply test", sticky("prod"), sticky("test", id_=2), pull=MERGED)
    assert asked("orch apply test", on).stages == ("test",)


@pytest.mark.parametrize("state", [PullRequestState.OPEN, PullRequestState.CLOSED])
def test_what_is_not_merged_is_not_applied(state: PullRequestState) -> None:
    with pytest.raises(CommandRefusedError, match="what is merged"):
        asked("orch apply", host("orch apply", sticky("prod"), pull=replace(OPEN, state=state)))


def test_what_is_merged_elsewhere_is_not_applied() -> None:
    with pytest.raises(CommandRefusedError, match="merged into next"):
        asked("orch apply", host("orch apply", sticky("prod"), pull=replace(MERGED, base="next")))


def test_a_merged_pull_request_is_not_planned() -> None:
    with pytest.raises(CommandRefusedError, match="for open ones"):
        asked("orch plan", host("orch plan", pull=MERGED))


def test_a_commit_that_was_not_shown_is_refused() -> None:
    old = sticky("prod", "b" * 40)
    with pytest.raises(CommandRefusedError, match="prod shows bbbbbbb, but the head of the pull request is 3f9c2d1"):
        asked("orch apply prod", host("orch apply prod", old, pull=MERGED))
    with pytest.raises(CommandRefusedError, match="bbbbbbb"):
        asked("orch apply", host("orch apply", sticky("dev"), replace(old, id=2), pull=MERGED))
    with pytest.raises(CommandRefusedError, match="no commit"):
        asked("orch apply prod", host("orch apply prod", sticky("prod", ""), pull=MERGED))
    text = f"`{FINDING}` {PAGE}"
    with pytest.raises(CommandRefusedError, match="bbbbbbb"):
        asked(f"orch waive {FINDING} x", host(f"orch waive {FINDING} x", sticky("prod", "b" * 40, text=text)))


def test_a_stage_without_a_comment_and_comments_of_others_do_not_count() -> None:
    with pytest.raises(CommandRefusedError, match="no comment with a plan"):
        asked("orch apply", host("orch apply", pull=MERGED))
    with pytest.raises(CommandRefusedError, match="no comment with a plan of test"):
        asked("orch apply test", host("orch apply test", sticky("prod"), pull=MERGED))
    with pytest.raises(CommandRefusedError, match="no comment with a plan"):
        asked("orch apply", host("orch apply", sticky("prod", author="ann"), pull=MERGED))


def test_an_owner_waives_a_finding_that_was_shown() -> None:
    body = f"orch waive {FINDING} agreed"
    allowed = asked(body, host(body, sticky("prod", text=f"> - **Finding:** `ORCH_PROTECTED` `{FINDING}`\n{PAGE}")))
    assert (allowed.owner, allowed.run_page, allowed.stages) == ("anna", "19483", ("prod",))


def test_nobody_else_waives_and_nothing_else_is_waived() -> None:
    body = f"orch waive {FINDING} agreed"
    shown = sticky("prod", text=f"`{FINDING}` {PAGE}")
    with pytest.raises(CommandRefusedError, match="not an owner") as refused:
        asked(body, host(body, shown), author_id=43)
    assert "43+ann@users.noreply.github.com" in (refused.value.hint or "")
    with pytest.raises(CommandRefusedError, match="shows the finding"):
        asked(body, host(body, sticky("prod", text=PAGE)))
    foreign = sticky("prod", text=f"`{FINDING}` https://github.com/evil/platform/actions/runs/1")
    with pytest.raises(CommandRefusedError, match="which run"):
        asked(body, host(body, foreign))


def test_no_command_on_a_pull_request_to_another_branch() -> None:
    """Its policies, and what they let run under the plan role, would be those of whoever made that branch."""
    for body, pull in (("orch plan", OPEN), (f"orch waive {FINDING} x", OPEN), ("orch apply", MERGED)):
        with pytest.raises(CommandRefusedError, match="mine"):
            asked(body, host(body, sticky("prod", text=PAGE), pull=replace(pull, base="mine")))


def test_a_rehearsal_is_no_plan_that_can_be_applied() -> None:
    on = host("orch apply", sticky("prod"), sticky("rehearse.prod", "b" * 40, id_=2), pull=MERGED)
    assert asked("orch apply", on).stages == ("prod",)


def test_of_two_comments_of_a_stage_the_one_of_the_newer_run_counts() -> None:
    older = HostComment(2, BOT, f"{Marker('prod', '1100.1', 'b' * 40, '9b1c4e2a')}\n### prod", "")
    assert asked("orch apply", host("orch apply", sticky("prod"), older, pull=MERGED)).stages == ("prod",)


def test_the_address_of_a_run_in_a_value_is_not_where_a_finding_is_from() -> None:
    value = "```diff\n! url  https://github.com/example/platform/actions/runs/666 `0123456789`\n```\n"
    body = f"orch waive {FINDING} agreed"
    on = host(body, sticky("prod", text=f"- **Finding:** `{FINDING}`\n{value}\n{PAGE}"))
    assert asked(body, on).run_page == "19483"
