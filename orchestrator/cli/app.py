"""The entry point: builds the command line, and is the one place where errors become lines and exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.commands import allowing, looking, running, setup, states
from orchestrator.cli.context import common_from
from orchestrator.errors import OrchError


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="orch",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # rich's help costs a tenth of a second
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_before)
    running.register(app)
    looking.register(app)
    allowing.register(app)
    setup.register(app)
    states.register(app)
    return app


def _before(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Option("-C", metavar="DIR", help="Act on the catalogue in DIR.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show more.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show only results and errors.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="Do not color the output (or set NO_COLOR).")] = False,
    emulator: Annotated[bool, typer.Option("--emulator", help="Act on the embedded AWS.")] = False,
) -> None:
    """Terraform across many AWS accounts, in dependency order, with a guard that no update can delete past."""
    given = {
        "folder": folder,
        "as_json": as_json,
        "verbose": verbose,
        "quiet": quiet,
        "no_color": no_color,
        "emulator": emulator,
    }
    ctx.obj = common_from(None, given)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    An expected error is a line and a hint on stderr and the exit code of its kind; with ``--json`` also a JSON document
    on stdout. So is a disk that takes nothing more. A bug leaves its traceback in a file and says where.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "_ORCH_COMPLETE" in os.environ:  # a shell asks for completions; Typer knows the shells only after this
        from typer._completion_classes import completion_init

        completion_init()
    try:
        build()(args=given, prog_name="orch")
    except OrchError as error:
        from orchestrator.cli.failure import show_error

        sys.exit(show_error(error, given))
    except KeyboardInterrupt:
        sys.stderr.write("\norch: interrupted\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone, e.g. `orch list | head`: nobody is left to tell
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the boundary: whatever else happens is a bug, and a user gets no traceback
        from orchestrator.cli.failure import disk_error, report_bug, show_error

        told = disk_error(error)
        sys.exit(show_error(told, given) if told else report_bug(traceback.format_exc(), given))
