"""What orch answers to comments: Markdown in which commands are code, and nothing else is."""

from __future__ import annotations

from orchestrator.ci.commands.parse import CommentCommand, Verb
from orchestrator.ci.commands.reply import help_reply, refused_reply
from orchestrator.errors import BlockedError, UsageError

COMMANDS = (
    "Write one of these as the first line of a new comment: "
    "`orch plan`, `orch apply [STAGE]`, `orch waive FINDING REASON`.\n"
)


def test_help_lists_the_commands() -> None:
    assert help_reply() == COMMANDS


def test_wrong_arguments_are_answered_with_the_commands() -> None:
    error = UsageError("orch plan as a comment takes no arguments", hint="not shown")
    assert refused_reply(error, None) == f"❌ orch plan as a comment takes no arguments.\n\n{COMMANDS}"


def test_a_refused_command_is_answered_with_the_reason_and_what_to_do() -> None:
    error = BlockedError("the pull request is open", hint="merge it")
    assert refused_reply(error, CommentCommand(Verb.APPLY, stage="prod")) == (
        "❌ `orch apply prod`: the pull request is open.\n\nMerge it.\n"
    )
