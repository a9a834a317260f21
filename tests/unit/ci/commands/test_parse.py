"""Which comments are commands: a fixed form, whatever people write."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.ci.commands.parse import LONGEST_REASON, CommentCommand, Verb, asks_for_help, parse_command
from orchestrator.errors import UsageError

FINDING = "0123456789"
PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("orch plan", CommentCommand(Verb.PLAN)),
        ("orch plan  \r\nbecause main has moved", CommentCommand(Verb.PLAN)),
        ("orch apply", CommentCommand(Verb.APPLY)),
        ("orch apply prod", CommentCommand(Verb.APPLY, stage="prod")),
        ("orch apply prod\n$(reboot)", CommentCommand(Verb.APPLY, stage="prod")),
        (
            f"orch waive {FINDING} agreed with Ann",
            CommentCommand(Verb.WAIVE, finding=FINDING, reason="agreed with Ann"),
        ),
        (
            f"orch waive {FINDING} $(reboot) `x` ; | && ' \" \\",
            CommentCommand(Verb.WAIVE, finding=FINDING, reason="$(reboot) `x` ; | && ' \" \\"),
        ),
    ],
)
def test_a_command_is_the_whole_first_line(body: str, command: CommentCommand) -> None:
    assert parse_command(body) == command


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n",
        "orch",
        "orch ",
        "orch is slow today",
        "orch planning is next week",
        "Orch plan",
        "orch PLAN",
        " orch plan",
        "\torch plan",
        "> orch plan",
        "`orch plan`",
        "please\norch apply prod",
        "orch\tplan",
        "orch  plan",
        "orch\u00a0plan",
        "\ufefforch plan",
        "orchestrate plan",
        "orch destroy prod",
    ],
)
def test_what_is_almost_a_command_is_a_comment(body: str) -> None:
    assert parse_command(body) is None


@pytest.mark.parametrize(
    "body",
    [
        "orch plan prod",
        "orch plan && reboot",
        "orch apply prod test",
        "orch apply prod;reboot",
        "orch apply $(reboot)",
        "orch apply --yes",
        "orch apply -C/etc",
        "orch apply ../prod",
        "orch apply prod/identity",
        "orch apply PROD",
        "orch apply pröd",
        "orch apply " + "a" * 32,
        "orch apply prod\u2028reboot",
        "orch apply prod\u202etset",
        "orch apply prod\x00",
        "orch apply prod\rreboot",
        "orch waive",
        f"orch waive {FINDING}",
        f"orch waive {FINDING}   ",
        f"orch waive {FINDING[:-1]} reason",
        f"orch waive {FINDING.replace('9', 'A')} reason",
        f"orch waive {FINDING}\n reason",
        f"orch waive {FINDING} {'x' * (LONGEST_REASON + 1)}",
        f"orch waive {FINDING} reason\x1b[31m",
        f"orch waive {FINDING} reason\u200b",
    ],
)
def test_a_command_with_wrong_arguments_is_refused(body: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_command(body)
    assert "orch apply [STAGE]" in (refused.value.hint or "")


def test_a_command_without_its_arguments_is_told_what_it_takes() -> None:
    with pytest.raises(UsageError) as refused:
        parse_command("orch waive")
    assert refused.value.what == "orch waive as a comment takes the id of a finding and a reason"


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        ("orch help", True),
        ("orch help\n\nI am new here", True),
        ("orch aply", True),
        ("orch plan", True),  # a command, which is looked for first
        ("orch help me", False),
        ("orch is slow today", False),
        ("orch rocks", False),
        ("please: orch help", False),
        ("", False),
    ],
)
def test_help_is_two_words(body: str, *, asks: bool) -> None:
    assert asks_for_help(body) is asks


@given(st.text(max_size=200))
def test_no_text_becomes_a_command_with_anything_but_names_and_printable_characters(text: str) -> None:
    for body in (text, f"orch {text}", f"orch apply {text}", f"orch waive {FINDING} {text}", f"orch plan{text}"):
        try:
            command = parse_command(body)
        except UsageError:
            continue
        if command is not None:
            assert body.startswith(str(command))
            assert re.fullmatch(r"([a-z][a-z0-9-]{0,30})?", command.stage)
            assert re.fullmatch(r"([0-9a-f]{10})?", command.finding)
            assert command.reason.isprintable()
            assert "\n" not in str(command) + command.reason


@given(st.lists(PRINTABLE, min_size=1, max_size=8).map(" ".join))
def test_a_reason_arrives_as_it_was_written(reason: str) -> None:
    command = parse_command(f"orch waive {FINDING} {reason}\r\n\r\nmore")
    assert command == CommentCommand(Verb.WAIVE, finding=FINDING, reason=reason)


@given(st.text(max_size=50), st.text(max_size=50))
def test_what_comes_after_the_first_line_changes_nothing(first: str, second: str) -> None:
    line = first.replace("\n", "")

    def outcome(body: str) -> object:
        try:
            return parse_command(body)
        except UsageError as error:
            return str(error)

    assert outcome(f"orch apply {line}") == outcome(f"orch apply {line}\n{second}")
