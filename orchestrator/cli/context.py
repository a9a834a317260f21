"""The options of every command, before its name or after it: ``-C DIR --json -v -q --no-color --emulator --cold``."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer


@dataclass(frozen=True, slots=True)
class Common:
    """The options of every command.

    Attributes:
        folder: the folder in which, and above which, to look for ``live/``.
        json: print one JSON document on stdout and nothing else there.
        verbose: show more.
        quiet: show only results and errors.
        no_color: do not color anything, whatever the terminal.
        emulator: use the emulator in place of AWS.
        cold: let each Terraform command start its own providers.
    """

    folder: Path
    json: bool = False
    verbose: bool = False
    quiet: bool = False
    no_color: bool = False
    emulator: bool = False
    cold: bool = False


_META = "orch.common"
_OPTIONS: dict[str, tuple[Any, Any]] = {
    "folder": (
        Annotated[Path, typer.Option("-C", metavar="DIR", help="Run as if started in DIR.", show_default=False)],
        Path(),
    ),
    "as_json": (Annotated[bool, typer.Option("--json", help="Print JSON.")], False),
    "verbose": (Annotated[bool, typer.Option("-v", "--verbose", help="Show more details.")], False),
    "quiet": (Annotated[bool, typer.Option("-q", "--quiet", help="Show only results and errors.")], False),
    "no_color": (Annotated[bool, typer.Option("--no-color", help="Disable color (or set NO_COLOR).")], False),
    "emulator": (
        Annotated[bool, typer.Option("--emulator", help="Use the AWS emulator (or set ORCH_AWS=emulator).")],
        False,
    ),
    "cold": (
        Annotated[bool, typer.Option("--cold", help="Start providers anew for each command (or set ORCH_COLD=1).")],
        False,
    ),
}


_WITHOUT_DETAILS = {**_OPTIONS, "verbose": (Annotated[bool, typer.Option("-v", "--verbose", hidden=True)], False)}


def command(function: Callable[..., int]) -> Callable[..., None]:
    """Turn a function that takes ``common: Common`` first and returns an exit code into a Typer command.

    Typer reads a command's options from its signature. The common options are added to the signature here and are
    passed to the function as one record.
    """
    return _command(function, _OPTIONS)


def command_without_details(function: Callable[..., int]) -> Callable[..., None]:
    """Do the same as `command` for a command that has no details: its help does not offer ``--verbose``.

    It accepts the option, so that a script can give it to every command.
    """
    return _command(function, _WITHOUT_DETAILS)


def _command(function: Callable[..., int], common: dict[str, tuple[Any, Any]]) -> Callable[..., None]:
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

    def called(**arguments: Any) -> None:
        given = {name: arguments.pop(name) for name in _OPTIONS}
        ctx: typer.Context = arguments.pop("ctx")
        raise typer.Exit(function(_common(ctx.meta.get(_META), given), **arguments))

    called.__doc__ = function.__doc__
    return _with_options(called, own, common)


def common_before_command() -> Callable[..., None]:
    """Return the Typer callback that takes the common options in front of the command's name."""

    def remember(**arguments: Any) -> None:
        ctx: typer.Context = arguments.pop("ctx")
        ctx.meta[_META] = _common(None, arguments)

    return _with_options(remember, [], _OPTIONS)


def _common(before: Common | None, given: dict[str, Any]) -> Common:
    """Return the options given before the command's name combined with those given after it."""
    base = before or Common(folder=Path())
    folder = given["folder"]
    return Common(
        folder=base.folder if folder == Path() else folder,
        json=base.json or given["as_json"],
        verbose=base.verbose or given["verbose"],
        quiet=base.quiet or given["quiet"],
        no_color=base.no_color or given["no_color"],
        emulator=base.emulator or given["emulator"] or os.environ.get("ORCH_AWS") == "emulator",
        cold=base.cold or given["cold"] or os.environ.get("ORCH_COLD", "0") not in {"", "0"},
    )


def _with_options(
    function: Callable[..., None], own: list[inspect.Parameter], options: dict[str, tuple[Any, Any]]
) -> Callable[..., None]:
    """Give a function the signature that Typer reads: the context, the command's own options, the common ones."""
    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in options.items()
    ]
    parameters = [context, *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *common]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {each.name: each.annotation for each in parameters}
    return function
