"""What orch answers to a command in a comment. What comes from people or records is shown so that it does nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.ci.commands.authorize import AllowedCommand
from orchestrator.ci.commands.parse import COMMAND_FORMS, CommentCommand, Verb
from orchestrator.errors import OrchError
from orchestrator.guard.trust.waiver_edit import entry_text
from orchestrator.guard.trust.waivers import Waiver
from orchestrator.report.comment.inert import code, fence, prose

_FORMS = f"Write one of these as the first line of a new comment: {', '.join(code(form) for form in COMMAND_FORMS)}."


def refused_reply(error: OrchError, command: CommentCommand | None) -> str:
    """Return why orch does not do what a comment asks for; without a command, its arguments are wrong."""
    if command is None:
        return f"❌ {prose(error.what)}.\n\n{_FORMS}\n"
    hint = f"\n\n{_sentence(prose(error.hint))}" if error.hint else ""
    return f"❌ {code(str(command))}: {prose(error.what)}.{hint}\n"


def help_reply() -> str:
    """Return which commands there are, for a comment that asks for them."""
    return f"{_FORMS}\n"


def started_reply(allowed: AllowedCommand, report_url: str) -> str:
    """Return that a command starts, and where.

    Args:
        allowed: the command.
        report_url: the page of the run of the CI; empty: none.
    """
    where = f" in [this run]({report_url})" if report_url else ""
    stages = ", ".join(code(stage) for stage in allowed.stages)
    of = f" of {stages}" if allowed.command.verb is Verb.APPLY and stages else ""
    return f"▶️ {code(str(allowed.command))}{of} starts{where}, for commit {code(allowed.pull_request.head[:7])}.\n"


def waiver_reply(waivers: Iterable[tuple[Waiver, str]], path: str, following: Sequence[str]) -> str:
    """Return the entries for the file of waivers, for somebody to commit.

    Args:
        waivers: each waiver with the message of the finding that it allows.
        path: the file.
        following: what to do then.
    """
    parts = []
    for waiver, message in waivers:
        parts += [
            f"To allow this, add to {code(path)}: {prose(message)}",
            fence(entry_text(waiver).splitlines(), "yaml"),
        ]
    steps = [f"{number}. {_sentence(prose(text))}" for number, text in enumerate(following, start=1)]
    return "\n\n".join([*parts, "\n".join(steps)]) + "\n"


def output_lines(allowed: AllowedCommand) -> str:
    """Return the command as lines for ``GITHUB_OUTPUT``: a name and a value without a line break on each.

    Stages have spaces between them, and no name of a stage has one.
    """
    pull = allowed.pull_request
    values = {
        "command": allowed.command.verb.value,
        "pull": str(pull.number),
        "head": pull.head,
        "base": pull.base,
        "stages": " ".join(allowed.stages),
        "run": allowed.run_page,
    }
    return "".join(f"{name}={_one_line(value)}\n" for name, value in values.items())


def _one_line(value: str) -> str:
    if not value.isprintable():
        message = "the code host names a branch with unprintable characters"
        raise OrchError(message, hint="rename the branch")
    return value


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
