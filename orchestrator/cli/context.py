"""What every verb takes: ``-C DIR --json -v -q --no-color --emulator``, before the verb or after it."""

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
    """The options of every verb.

    Attributes:
        folder: where the catalogue is looked for, upwards.
        json: print one JSON document on stdout and nothing else there.
        verbose: show more; ``quiet``: only results and errors.
        no_color: do not color anything, whatever the terminal.
        emulator: act on the embedded AWS.
    """

    folder: Path
    json: bool = False
    verbose: bool = False
    quiet: bool = False
    no_color: bool = False
    emulator: bool = False


_OPTIONS: dict[str, tuple[Any, Any]] = {
    "folder": (Annotated[Path, typer.Option("-C", metavar="DIR", help="Act on the catalogue in DIR.")], Path()),
    "as_json": (Annotated[bool, typer.Option("--json", help="Print JSON.")], False),
    "verbose": (Annotated[bool, typer.Option("-v", "--verbose", help="Show more.")], False),
    "quiet": (Annotated[bool, typer.Option("-q", "--quiet", help="Show only results and errors.")], False),
    "no_color": (Annotated[bool, typer.Option("--no-color", help="Do not color the output (or set NO_COLOR).")], False),
    "emulator": (
        Annotated[bool, typer.Option("--emulator", help="Act on the embedded AWS (as does ORCH_AWS=emulator).")],
        False,
    ),
}


def common_from(before: Common | None, given: dict[str, Any]) -> Common:
    """Put together what was given before the verb and after it."""
    base = before or Common(folder=Path())
    folder = given["folder"]
    return Common(
        folder=base.folder if folder == Path() else folder,
        json=base.json or given["as_json"],
        verbose=base.verbose or given["verbose"],
        quiet=base.quiet or given["quiet"],
        no_color=base.no_color or given["no_color"],
        emulator=base.emulator or given["emulator"] or os.environ.get("ORCH_AWS") == "emulator",
    )


def with_common(function: Callable[..., int]) -> Callable[..., None]:
    """A Typer command from a function whose first parameter is ``common: Common`` and whose result is the exit code.

    Typer reads a command's options from its signature. So that six options are not written sixteen times, they are
    added to the signature here and arrive as one record.
    """
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _OPTIONS.items()
    ]
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)

    def command(**arguments: Any) -> None:
        given = {name: arguments.pop(name) for name in _OPTIONS}
        ctx: typer.Context = arguments.pop("ctx")
        before = ctx.find_object(Common)
        raise typer.Exit(function(common_from(before, given), **arguments))

    keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    parameters = [context, *keyword, *extra]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__name__ = function.__name__
    command.__doc__ = function.__doc__
    return command
