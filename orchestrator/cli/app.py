"""The entry point: runs a command, and is the one place where errors become lines and exit codes."""

from __future__ import annotations

import errno
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence

import typer
from typer._completion_classes import completion_init
from typer.core import TyperGroup

from orchestrator import __version__
from orchestrator.cli.command_table import CommandGroup, add_commands
from orchestrator.cli.context import common_before_command
from orchestrator.errors import OrchError, SetupError
from orchestrator.report.errors import error_json, error_lines
from orchestrator.report.style import use_color

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

    An expected error, and a full or read-only disk, is a line and a hint on stderr and an exit code; with ``--json``
    also a JSON document on stdout. The traceback of a bug is saved to a file.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # To look for plugins of pydantic is to read the metadata of every installed package, and none may change a check.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    if "_ORCH_COMPLETE" in os.environ:
        completion_init()  # registers the shells
    try:
        command_line()(args=given, prog_name="orch")
    except OrchError as error:
        sys.exit(show_error(error, given))
    except KeyboardInterrupt:
        sys.stderr.write("\norch: interrupted\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader is gone, e.g. `orch list | head`
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the boundary: anything else is a bug, and a user gets no traceback
        expected = disk_error(error)
        sys.exit(show_error(expected, given) if expected else report_bug(traceback.format_exc(), given))


def show_error(error: OrchError, arguments: Sequence[str]) -> int:
    """Print an expected error and return its exit code."""
    if "--json" in arguments:
        sys.stdout.write(error_json(error) + "\n")
    color = use_color(sys.stderr, os.environ, no_color="--no-color" in arguments)
    sys.stderr.write(error_lines(error, color=color) + "\n")
    return error.exit_code


def disk_error(error: Exception) -> SetupError | None:
    """Return the error of a full disk or a denied permission in the user's words; None for any other error."""
    if not isinstance(error, OSError):
        return None
    where = error.filename2 or error.filename or "a file"
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return SetupError(f"cannot write {where}: {error.strerror}", hint="free some disk space, then run orch again")
    if error.errno in {errno.EACCES, errno.EROFS}:
        hint = "give the user that runs orch read and write permission there"
        return SetupError(f"cannot use {where}: {error.strerror}", hint=hint)
    return None


def report_bug(text: str, arguments: Sequence[str]) -> int:
    """Save a traceback to a file that only the user can read, print its path, and return exit code 1."""
    handle, name = tempfile.mkstemp(prefix="orch-bug-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"orch {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
        file.write(f"orch {' '.join(arguments)}\n\n{text}")
    last = text.strip().splitlines()[-1]
    sys.stderr.write(f"orch: this is a bug in orch: {last}\n  details: {name}\n")
    return 1
