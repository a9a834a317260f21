"""``orch init``: writes the files of a new platform."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.context import Common, command
from orchestrator.cli.options import check_choice
from orchestrator.cli.output import print_rows, write
from orchestrator.cli.provider_lock import all_in_mirrors, lock_providers
from orchestrator.config.catalogue import Catalogue
from orchestrator.config.live.privileged import ORCH_FILE
from orchestrator.config.load import load
from orchestrator.config.schema.json_schema import SCHEMA_FOLDER, schemas
from orchestrator.errors import OrchError, UsageError
from orchestrator.scaffold.answers import FIRST_STAGE, Answers, valid_account_id, valid_name, valid_region
from orchestrator.scaffold.platform_files import CI_MODULE, CODE_HOSTS, example_files, files_of_ci, starter_files
from orchestrator.scaffold.write import refuse_existing, write_new
from orchestrator.terraform.setup.lock_file import SHARED_LOCK_FILE
from orchestrator.util.plural import plural
from orchestrator.util.streams import write_stderr

_EXAMPLE_ONLY = "--from-example copies the example unchanged: omit --name, --region, --management and --account"

_CI_NEXT = "For CI: requirements.txt says what to install, modules/ci_access/README.md how its jobs enter AWS."
_SHARED = (".gitignore", "requirements.txt")
"""Files that are not of a CI alone: those of a platform that exists stay."""


@command
def init(
    common: Common,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder to write to. It is created if it does not exist.")
    ] = Path(),
    name: Annotated[
        str | None, typer.Option("--name", help="First part of every name in AWS, e.g. acme.", show_default=False)
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="Default region, e.g. eu-west-1.", show_default=False)
    ] = None,
    management: Annotated[
        str | None,
        typer.Option(
            "--management",
            metavar="ID",
            help="Id of the account whose people enter the other accounts.",
            show_default=False,
        ),
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option(
            "--account",
            metavar="NAME=ID",
            help="An account. Repeatable: the first is production (restricted), the second development (open).",
            show_default=False,
        ),
    ] = None,
    from_example: Annotated[
        bool, typer.Option("--from-example", help="Copy the whole example platform: all modules, stages and policies.")
    ] = False,
    ci: Annotated[
        str | None,
        typer.Option(
            "--ci",
            metavar="github|gitlab",
            help="The code host whose CI is to run orch. Alone, in a platform that exists: add the files of that CI. "
            "Default: github.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the files, and write nothing.")] = False,
) -> int:
    """Write the files of a new platform.

    Writes two accounts, one stage, modules, policies and the files of a CI. Asks on a terminal for what is not given as
    an option. In a platform that exists, only `--ci` is allowed. Never overwrites a file.
    """
    target = Path(os.path.normpath(Path.cwd() / common.folder / directory))
    host = ci or CODE_HOSTS[0]
    check_choice("--ci", host, CODE_HOSTS)
    given = any((name, region, management, account))
    if not given and not from_example and (target / ORCH_FILE).is_file():
        return _add_ci(common, target, ci, dry_run=dry_run)
    if from_example:
        if given:
            raise UsageError(_EXAMPLE_ONLY)
        files = example_files(ci=host)
        first_account = ""
    else:
        answers = _answers(name, region, management, account or [])
        files = starter_files(answers, ci=host)
        first_account = answers.development.name
    refuse_existing(target, files)
    files, locked = _completed(files)
    if dry_run:
        refuse_existing(target, files)
    else:
        write_new(target, files)
    _show(common, target, sorted(files), dry_run=dry_run)
    if not dry_run and not common.json:
        write(_next_steps(target, first_account or "development", locked=locked))
    return 0


def _add_ci(common: Common, target: Path, ci: str | None, *, dry_run: bool) -> int:
    """Write the files of a CI into a platform that exists. What it has of the others stays as it is.

    Raises:
        UsageError: no CI was named, or the platform has a file of it.
    """
    if ci is None:
        message = f"there is a platform in {target} already"
        raise UsageError(message, hint="`orch init --ci github|gitlab` adds the files of a CI to it")
    catalogue = load(target)
    files = files_of_ci(ci, region=catalogue.settings.region, stages=sorted(catalogue.stages))
    files = {name: data for name, data in files.items() if name not in _SHARED or not (target / name).exists()}
    if (target / CI_MODULE).exists():
        files = {name: data for name, data in files.items() if not name.startswith(f"{CI_MODULE}/")}
    refuse_existing(target, files)
    if not dry_run:
        write_new(target, files)
    _show(common, target, sorted(files), dry_run=dry_run)
    if not dry_run and not common.json:
        write(f"\n{_CI_NEXT}\n")
    return 0


def _answers(name: str | None, region: str | None, management: str | None, accounts: Sequence[str]) -> Answers:
    """Return the checked values: the options, and answers on the terminal to what they leave open."""
    given = [_pair(each) for each in accounts]
    name = _given_or_asked(name, "--name", "Name of the platform, the first part of every name in AWS", valid_name)
    region = _given_or_asked(region, "--region", "Default region, e.g. eu-west-1", valid_region)
    question = "id of the management account, from which people and CI enter the other accounts"
    management = _given_or_asked(management, "--management", question, valid_account_id)
    for each in ("production", "development")[len(given) :]:
        id_ = _given_or_asked(None, f"--account {each}=ID", f"Id of the {each} account", valid_account_id)
        given.append((each, id_))
    return Answers.of(name=name, region=region, management=management, accounts=given)


def _pair(text: str) -> tuple[str, str]:
    name, separator, id_ = text.partition("=")
    if not separator:
        message = f"invalid --account {text!r}"
        raise UsageError(message, hint="write NAME=ID, e.g. --account production=111111111111")
    return name, id_


def _given_or_asked(value: str | None, option: str, question: str, check: Callable[[str], str]) -> str:
    """Return the value of an option or, on a terminal, the first valid answer to a question."""
    if value is not None:
        return check(value)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        message = f"{option} is missing"
        raise UsageError(message, hint="pass it as an option; orch prompts only in a terminal")
    while True:
        write_stderr(f"{question}: ")
        line = sys.stdin.readline()
        if not line:
            message = f"{option} is missing"
            raise UsageError(message)
        try:
            return check(line.strip())
        except UsageError as error:
            write_stderr(f"{error}\n")


def _completed(files: dict[str, bytes]) -> tuple[dict[str, bytes], bool]:
    """Add the JSON Schemas and, if a mirror has the providers, the lock file; return whether there is a lock file.

    All of it is made in a temporary folder, where the configuration is also loaded, so what is written is valid.
    """
    with tempfile.TemporaryDirectory(prefix="orch-init-") as name:
        root = Path(name).resolve()
        write_new(root, files)
        catalogue = load(root)
        made = {f"{SCHEMA_FOLDER}/{schema}": text.encode() for schema, text in schemas(root).items()}
        lock = SHARED_LOCK_FILE.as_posix()
        text = "" if lock in files else _lock_text(catalogue)
    if text:
        made[lock] = text.encode()
    return {**files, **made}, lock in files or lock in made


def _lock_text(catalogue: Catalogue) -> str:
    """Return the provider lock file, or nothing where it would take a download."""
    try:
        if shutil.which(catalogue.settings.binary) and all_in_mirrors(catalogue.settings, os.environ):
            return lock_providers(catalogue).text
    except OrchError:
        pass  # the next steps name the command that reports the reason
    return ""


def _show(common: Common, target: Path, names: Sequence[str], *, dry_run: bool) -> None:
    if common.json or dry_run or common.verbose:
        print_rows(common, "init", [{"file": name, "written": not dry_run} for name in names])
    elif not common.quiet:
        parts = dict.fromkeys(name.split("/", 1)[0] + ("/" if "/" in name else "") for name in names)
        write(f"Wrote {plural(len(names), 'file')} to {target}: {', '.join(parts)}\n")


def _in_repository(folder: Path) -> bool:
    """Return whether git finds a repository, from the folder up. Does not need git."""
    return any((each / ".git").exists() for each in (folder, *folder.parents))


def _next_steps(target: Path, account: str, *, locked: bool) -> str:
    """Return the next commands, each with what it does: first ``git init``, if the folder is in no repository."""
    steps = [
        ("orch check", "check everything that needs no AWS"),
        (f"orch plan {FIRST_STAGE} --emulator", "plan the stage on an embedded AWS"),
        (f"orch bootstrap {account}", "prepare the account in AWS: state bucket and roles"),
    ]
    if not locked:
        steps[0] = ("orch providers lock && orch check", "lock the providers, then check everything that needs no AWS")
    if not _in_repository(target):
        steps.insert(0, ("git init", "put the platform into a git repository"))
    width = max(len(command) for command, _ in steps)
    lines = [f"  {command.ljust(width)}  # {text}" for command, text in steps]
    where = "" if target == Path.cwd() else f" in {shlex.quote(str(target))}"
    return "\n".join([f"\nNext{where}:", *lines, "", _CI_NEXT]) + "\n"
