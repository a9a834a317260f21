"""The commands of ``orch``: the table that ``orch --help`` prints, and the import of the one that is called.

The file of a command imports all that its work needs, which takes up to a second. Help and the completion of command
names read only this table.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import typer
from typer._click.core import Context
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand, TyperGroup

from orchestrator.report.text import wrap

_COLLECT_AFTER = 50_000
"""New objects after which Python looks for garbage. Its default, 700, costs a run a twentieth of its time."""

_TYPE = re.compile(r" <(?:list\[)?(?:str|path|int)\]?>\Z")
_ARGUMENT = re.compile(r"(?P<open>[\[{])(?P<name>[^\[\]{}]+)(?P<close>[\]}])(?:\.\.\.)?")
_PASSES_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One command.

    Attributes:
        name: the command's name; two words for a command in a group.
        help: the first line of the function's docstring, without its period.
        function: the command's function in ``orchestrator/cli/commands/WORD.py``, where WORD is the first word of
            ``name``; by default ``name`` with ``_`` for the space.
        passes_on: unknown options are not errors but arguments of the command: ``orch terraform UNIT -- …``.
    """

    name: str
    help: str
    function: str = ""
    passes_on: bool = False


COMMANDS = {
    "Plan and apply": (
        CommandEntry("plan", "Show the changes that apply would make, and judge them"),
        CommandEntry("apply", "Plan, judge and, once approved, apply"),
        CommandEntry("destroy", "Destroy units, downstreams first"),
        CommandEntry("drift", "Show changes made outside of orch"),
    ),
    "Inspect": (
        CommandEntry("list", "List units", function="list_units"),
        CommandEntry("diff", "Compare resolved inputs and module files with a git revision"),
        CommandEntry("graph", "Show units in dependency order"),
        CommandEntry("show", "Show a unit, a past run, or a finding", function="show_one"),
        CommandEntry("output", "Show the outputs of a unit"),
        CommandEntry("runs", "List past and interrupted runs on this machine"),
        CommandEntry("verify", "Check that every state version has a receipt"),
    ),
    "Check and allow": (
        CommandEntry("check", "Check configuration, modules and policies, without AWS"),
        CommandEntry("rehearse", "Try a change on an emulator with data in it"),
        CommandEntry("waive", "Write a waiver for a finding, or for all of a run"),
        CommandEntry("comment", "Post the pull request comment and checks of runs"),
        CommandEntry("pr status", "List open pull requests by unit, and stale plans"),
        CommandEntry("pr command", "Check what a comment asks for, and answer it"),
        CommandEntry("pr waiver", "Answer `orch waive FINDING REASON` with the waiver"),
        CommandEntry("pr number", "Print the number of the open pull request from a fork"),
        CommandEntry("issue", "Open, update or close the issue of each stage that drifted"),
    ),
    "States": (
        CommandEntry("move", "Rename a unit, stage or stack, or move a resource"),
        CommandEntry("adopt", "Take over a state, a user pool or resources that exist"),
        CommandEntry("unlock", "Show the lock on a unit's state and release it"),
        CommandEntry("terraform", "Run a read-only Terraform subcommand in a unit's root", passes_on=True),
    ),
    "Set up": (
        CommandEntry("init", "Write the files of a new platform"),
        CommandEntry("account new", "Write the file of an account"),
        CommandEntry("account list", "List accounts"),
        CommandEntry("bootstrap", "Create an account's state bucket and roles"),
        CommandEntry("stage new", "Write the file of a stage that is a copy of another"),
        CommandEntry("stage list", "List stages with their age, last day, applied units and tags"),
        CommandEntry("stage reap", "Destroy the disposable stages that have expired"),
        CommandEntry("credentials", "Print temporary credentials for an account"),
        CommandEntry("providers lock", "Write the provider lock file, live/providers.lock.hcl"),
        CommandEntry("emulator start", "Start the emulator and keep it running"),
        CommandEntry("emulator stop", "Stop the emulator and discard everything in it"),
        CommandEntry("emulator status", "Show whether the emulator is running"),
        CommandEntry("emulator reset", "Discard everything in the emulator"),
        CommandEntry("doctor", "Check this machine and the accounts for problems"),
        CommandEntry("schema", "Write the JSON schemas of live/ for editors"),
        CommandEntry("completion", "Print the shell completion script"),
        CommandEntry("version", "Show the versions of orch, Python and Terraform"),
    ),
}
GROUPS = {
    "pr": "Show pull requests, and answer comments on them",
    "providers": "Manage the provider lock file",
    "emulator": "Manage the AWS emulator",
    "account": "Add and list accounts",
    "stage": "Add, list and remove stages",
}


class WholeWordFormatter(HelpFormatter):
    """Help text whose lines break at spaces only: ``--no-color`` and addresses stay whole."""

    def write_text(self, text: str) -> None:
        """Write paragraphs, each wrapped."""
        indent = " " * self.current_indent
        paragraphs = (" ".join(each.split()) for each in text.split("\n\n"))
        self.write("\n\n".join("\n".join(wrap(each, width=self.width, indent=indent)) for each in paragraphs) + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write a list of names and texts in two columns."""
        every = [(_without_type(name), text) for name, text in rows]
        lead = " " * self.current_indent
        column = min(max(len(name) for name, _ in every), col_max) + col_spacing
        for name, text in every:
            indent = f"{lead}{name.ljust(column)}"
            if text and len(name) + col_spacing > column:
                self.write(f"{lead}{name}\n")
                indent = lead + " " * column
            line = " ".join(text.splitlines())
            self.write("\n".join(wrap(line, width=self.width, indent=indent, hang=lead + " " * column)) + "\n")


def _without_type(name: str) -> str:
    """Return an argument or option without Typer's type: ``TARGET... <list[str]>`` is a ``TARGET...``."""
    option = name.startswith("-")
    return _TYPE.sub(" TEXT" if option else "", name)


def _plain_argument(found: re.Match[str]) -> str:
    name = found["name"]
    return name if found["open"] == "{" and "|" not in name else f"{found['open']}{name}{found['close']}"


class HelpContext(Context):
    """A context whose help keeps words whole."""

    formatter_class = WholeWordFormatter


class ShownCommand(TyperCommand):
    """A command whose help keeps words whole, and shows an argument once: ``[TARGET...]``, ``SHA``."""

    context_class = HelpContext

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the line of usage."""
        return [_ARGUMENT.sub(_plain_argument, piece) for piece in super().collect_usage_pieces(ctx)]


class ShownGroup(TyperGroup):
    """A group of commands whose help keeps words whole."""

    context_class = HelpContext


class CommandGroup(ShownGroup):
    """The top level of the command line: its help lists the commands under the headings of the table."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the signature is Typer's
        """Write the list of commands."""
        sections = {title: _top_level(entries) for title, entries in COMMANDS.items()}
        width = max(len(name) for rows in sections.values() for name in rows)
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in rows.items()])


class LazyCommand(TyperCommand):
    """A command whose file is imported when it is called."""

    def __init__(self, entry: CommandEntry) -> None:
        super().__init__(entry.name.split()[-1], short_help=entry.help)
        self._entry = entry

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments with the real command, which then also runs."""
        return load_command(self._entry).make_context(info_name, args, parent, **extra)


def add_commands(top: TyperGroup) -> None:
    """Add every command of the table to the command line."""
    groups: dict[str, TyperGroup] = {}
    for entry in (each for entries in COMMANDS.values() for each in entries):
        first, _, second = entry.name.partition(" ")
        if second and first not in groups:
            text = f"{GROUPS[first]}."
            groups[first] = ShownGroup(name=first, help=text, no_args_is_help=True, rich_markup_mode=None)
            top.add_command(groups[first])
        (groups[first] if second else top).add_command(LazyCommand(entry))


def load_command(entry: CommandEntry) -> Any:
    """Import the file of a command and return the command."""
    module = _import_without_collection(f"orchestrator.cli.commands.{entry.name.split()[0]}")
    function = getattr(module, entry.function or entry.name.replace(" ", "_"))
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    settings = _PASSES_ON if entry.passes_on else {}
    app.command(entry.name.split()[-1], cls=ShownCommand, context_settings=settings)(function)
    return typer.main.get_command(app)


def _import_without_collection(name: str) -> ModuleType:
    """Import a module and all that it imports, without garbage collection.

    Modules live until the end, so there is nothing to collect, and to look for it takes a tenth of the import's time.
    """
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER)
        gc.enable()


def _top_level(entries: Iterable[CommandEntry]) -> dict[str, str]:
    """Return name -> help of the commands of a section; a group counts as one."""
    rows = {}
    for entry in entries:
        first = entry.name.split()[0]
        rows[first] = GROUPS.get(first, entry.help)
    return rows
