"""Verbs around a run: bootstrap, credentials, terraform, providers, emulator, doctor, schema, completion, version."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.context import Common
from orchestrator.cli.options import Accounts, OneAccount, OneUnit, Yes, verb


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""

    @verb(app, "bootstrap")
    def bootstrap(
        common: Common,
        accounts: Accounts = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps, change nothing.")] = False,
        yes: Yes = False,
    ) -> int:
        """Make an account ready: state bucket, then its baseline with the roles. Goes on where it stopped."""
        from orchestrator.cli.commands.bootstrap import run

        return run(common, accounts or [], dry_run=dry_run, yes=yes)

    @verb(app, "credentials")
    def credentials(
        common: Common,
        account: OneAccount,
        role: Annotated[str, typer.Option("--role", help="plan or apply.")] = "plan",
        format_: Annotated[
            str, typer.Option("--format", help="env: lines for a shell; json: for credential_process.")
        ] = "env",
    ) -> int:
        """Print the environment to work in an account by hand: eval "$(orch credentials production)"."""
        from orchestrator.cli.commands.credentials import run

        return run(common, account, role=role, format_=format_)

    @verb(app, "terraform", passes_on=True)
    def terraform(
        common: Common,
        unit: OneUnit,
        arguments: Annotated[
            list[str] | None,
            typer.Argument(metavar="-- SUBCOMMAND...", help="A reading subcommand.", show_default=False),
        ] = None,
    ) -> int:
        """Run a reading subcommand of Terraform in a unit's root: orch terraform prod/api -- state list."""
        from orchestrator.cli.commands.terraform import run

        return run(common, unit, arguments or [])

    @verb(app, "doctor")
    def doctor(common: Common) -> int:
        """Look at this machine and the accounts, and say what is missing and how to get it."""
        from orchestrator.cli.commands.doctor import run

        return run(common)

    @verb(app, "schema")
    def schema(
        common: Common,
        check: Annotated[
            bool, typer.Option("--check", help="Write nothing; exit 2 when a schema is not current.")
        ] = False,
    ) -> int:
        """Write the JSON Schemas in live/.schema/, so that editors complete and check."""
        from orchestrator.cli.commands.schema import run

        return run(common, check=check)

    @verb(app, "completion")
    def completion(
        common: Common, shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]
    ) -> int:
        """Print the completion script: source <(orch completion bash)."""
        from orchestrator.cli.commands.completion import run

        return run(common, shell)

    @verb(app, "version")
    def version(common: Common) -> int:
        """Print the versions of orch, Python and Terraform."""
        from orchestrator.cli.commands.version import run

        return run(common)

    app.add_typer(_providers(), name="providers")
    app.add_typer(_emulator(), name="emulator")


def _providers() -> typer.Typer:
    providers = typer.Typer(no_args_is_help=True, help="The provider lock file.", rich_markup_mode=None)

    @providers.callback()
    def group() -> None:
        """The provider lock file."""

    @verb(providers, "lock")
    def lock(
        common: Common,
        upgrade: Annotated[
            bool, typer.Option("--upgrade", help="Take the newest versions that live/orch.yaml allows.")
        ] = False,
        platform: Annotated[
            list[str] | None,
            typer.Option("--platform", metavar="OS_ARCH", help="Only this platform; repeatable.", show_default=False),
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the lock file, write nothing.")] = False,
    ) -> int:
        """Write live/providers.lock.hcl: hashes of every provider for all platforms."""
        from orchestrator.cli.commands.providers import run

        return run(common, upgrade=upgrade, platforms=platform or [], dry_run=dry_run)

    return providers


def _emulator() -> typer.Typer:
    emulator = typer.Typer(no_args_is_help=True, help="The embedded AWS.", rich_markup_mode=None)

    @verb(emulator, "start")
    def start(common: Common) -> int:
        """Start the embedded AWS and keep it running."""
        from orchestrator.cli.commands.emulator import start as run

        return run(common)

    @verb(emulator, "stop")
    def stop(common: Common) -> int:
        """Stop the embedded AWS; everything in it is gone."""
        from orchestrator.cli.commands.emulator import stop as run

        return run(common)

    @verb(emulator, "status")
    def status(common: Common) -> int:
        """Say whether the embedded AWS runs, and where."""
        from orchestrator.cli.commands.emulator import status as run

        return run(common)

    @verb(emulator, "reset")
    def reset(common: Common) -> int:
        """Empty the embedded AWS: accounts as after `orch emulator start`."""
        from orchestrator.cli.commands.emulator import reset as run

        return run(common)

    return emulator
