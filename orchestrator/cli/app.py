"""The entry point: runs a command, and is the one place where errors become lines and exit codes."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress

import typer
from typer._click.exceptions import ClickException
from typer._completion_classes import completion_init
from typer.core import TyperGroup

from orchestrator import __version__
from orchestrator.cli.command_table import CommandGroup, add_commands
from orchestrator.cli.context import common_before_command
from orchestrator.errors import InterruptedRunError, OrchError, detailed_code
from orchestrator.report.errors import error_json, error_lines
from orchestrator.report.style import use_color
from orchestrator.util.env_paths import file_error
from orchestrator.util.streams import write_stderr, write_stdout

_HELP = "Run Terraform across many AWS accounts in dependency order, and block the loss of protected resources."


def command_line() -> TyperGroup:
    """Return the whole command line."""
    app = typer.Typer(
        name="orch",
        cls=CommandGroup,
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # rich's help takes a tenth of a second
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(common_before_command())
    group = typer.main.get_group(app)
    add_commands(group)
    return group


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    An expected error, and a file that cannot be used, is a line and a hint on stderr and an exit code; with ``--json``
    also a JSON document on stdout. The traceback of a bug is saved to a file.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # To look for plugins of pydantic is to read the metadata of every installed package, and none may change a check.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    if "_ORCH_COMPLETE" in os.environ:
        completion_init()  # registers the shells
    sys.exit(_run(given))


def _run(given: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    try:
        return command_line()(args=with_place(given), prog_name="orch", standalone_mode=False) or 0
    except OrchError as error:
        return show_error(error, given)
    except ClickException as error:
        with suppress(OSError):
            error.show()
        return error_code(error.exit_code, given)
    except (KeyboardInterrupt, typer.Abort):
        write_stderr("\norch: interrupted\n")
        return InterruptedRunError.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader is gone, e.g. `orch list | head`
        return 1
    except Exception as error:  # noqa: BLE001 - the boundary: anything else is a bug, and a user gets no traceback
        expected = file_error(error, os.environ) if isinstance(error, OSError) else None
        return show_error(expected, given) if expected else report_bug(traceback.format_exc(), given)


def with_place(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the value that a bare ``--approved`` stands for: Typer has no optional values."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    found = list(arguments)
    for number, text in enumerate(found[:end]):
        if text == "--approved" and (number + 1 == end or found[number + 1].startswith("-")):
            found[number] = "--approved=s3"
    return found


def show_error(error: OrchError, arguments: Sequence[str]) -> int:
    """Print an expected error and return its exit code."""
    code = error_code(error.exit_code, arguments)
    if _has("--json", arguments):
        with suppress(OrchError, OSError):  # Stdout can be what the error is about.
            write_stdout(error_json(error, exit_code=code) + "\n")
    color = use_color(sys.stderr, os.environ, no_color=_has("--no-color", arguments))
    write_stderr(error_lines(error, color=color) + "\n")
    return code


def error_code(code: int, arguments: Sequence[str]) -> int:
    """Return the exit code of a command that failed as a whole. With ``--detailed-exitcode`` 2 means changes."""
    return detailed_code(code) if _has("--detailed-exitcode", arguments) else code


def _has(option: str, arguments: Sequence[str]) -> bool:
    """Return whether an option was given; what follows ``--`` is for another program."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return option in own


def report_bug(text: str, arguments: Sequence[str]) -> int:
    """Save a traceback to a file that only the user can read, print its path, and return exit code 1."""
    last = text.strip().splitlines()[-1]
    head = f"orch {__version__}, Python {platform.python_version()}, {platform.platform()}\norch {' '.join(arguments)}"
    try:
        handle, name = tempfile.mkstemp(prefix="orch-bug-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{head}\n\n{text}")
        details = f"details: {name}"
    except OSError as error:
        details = f"the details cannot be saved: {error.strerror}"
    write_stderr(f"orch: this is a bug in orch: {last}\n  {details}\n")
    return 1
