"""Reads the command that a comment gives: its first line, as a whole, and nothing that is almost a command.

The text is from whoever may comment. It is compared with a fixed form and never passed to a shell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.config.schema.models import NAME
from orchestrator.errors import UsageError
from orchestrator.util.suggest import near_miss

LONGEST_REASON = 300
"""Characters of the reason for a waiver."""
_LONGEST_LINE = 1_000
COMMAND_FORMS = ("orch plan", "orch apply [STAGE]", "orch waive FINDING REASON")
"""The commands, as one writes them."""
_FORMS = f"write one of: {' · '.join(COMMAND_FORMS)}"
_FINDING = re.compile(r"[0-9a-f]{10}")
_STAGE = re.compile(NAME)


class Verb(StrEnum):
    """What a comment asks for."""

    PLAN = "plan"
    APPLY = "apply"
    WAIVE = "waive"


@dataclass(frozen=True, slots=True)
class CommentCommand:
    """A command.

    Attributes:
        verb: what to do.
        stage: the stage to apply; empty: every stage that has a comment.
        finding: id of the finding to waive.
        reason: why it is allowed: printable characters, no line break.
    """

    verb: Verb
    stage: str = ""
    finding: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """Return the command as it is written, without the reason."""
        return " ".join(part for part in ("orch", self.verb, self.stage, self.finding) if part)


def parse_command(body: str) -> CommentCommand | None:
    """Return the command that the first line of a comment gives; None if it gives none.

    Only the first line counts, so that people can explain below it, and quote commands. A line that starts with
    ``orch`` and a word that is no command, such as "orch is slow today", is none.

    Raises:
        UsageError: the line starts like a command, and its arguments are wrong.
    """
    line = body.partition("\n")[0].removesuffix("\r").rstrip(" \t")
    words = line.split(" ")
    if len(words) < 2 or words[0] != "orch" or words[1] not in set(Verb):
        return None
    if len(line) > _LONGEST_LINE or not line.isprintable():
        raise UsageError("the command is too long or has unprintable characters", hint=_FORMS)
    verb, arguments = Verb(words[1]), words[2:]
    if verb is Verb.WAIVE:
        return _waive(arguments)
    if len(arguments) > (verb is Verb.APPLY):
        message = f"orch {verb} as a comment takes {'one stage' if verb is Verb.APPLY else 'no arguments'}"
        raise UsageError(message, hint=_FORMS)
    if arguments and not _STAGE.fullmatch(arguments[0]):
        message = f"{arguments[0]!r} is not the name of a stage"
        raise UsageError(message, hint=_FORMS)
    return CommentCommand(verb, stage=arguments[0] if arguments else "")


def asks_for_help(body: str) -> bool:
    """Return whether a comment is ``orch help``, or only ``orch`` and a word that is nearly a command."""
    words = body.partition("\n")[0].split()
    return len(words) == 2 and words[0] == "orch" and (words[1] == "help" or near_miss(words[1], Verb) is not None)


def _waive(arguments: list[str]) -> CommentCommand:
    if not arguments:
        message = "orch waive as a comment takes the id of a finding and a reason"
        raise UsageError(message, hint=_FORMS)
    finding, reason = arguments[0], " ".join(arguments[1:]).strip()
    if not _FINDING.fullmatch(finding):
        message = f"{finding!r} is not the id of a finding: ten digits, 0-9 and a-f"
        raise UsageError(message, hint=_FORMS)
    if not reason or len(reason) > LONGEST_REASON:
        message = f"a waiver needs a reason of at most {LONGEST_REASON} characters"
        raise UsageError(message, hint=_FORMS)
    return CommentCommand(Verb.WAIVE, finding=finding, reason=reason)
