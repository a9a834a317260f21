"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from orchestrator.cli.completion import complete_account, complete_target, complete_unit
from orchestrator.cli.context import with_common

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET...",
        help="STAGE, UNIT (STAGE/STACK[@REGION]), a glob, account:NAME or module:NAME; +X adds X's upstreams, X+ its "
        "downstreams.",
        autocompletion=complete_target,
        show_default=False,
    ),
]
OneUnit = Annotated[
    str, typer.Argument(metavar="UNIT", help="STAGE/STACK[@REGION]", autocompletion=complete_unit, show_default=False)
]
OneAccount = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Name of an account.", autocompletion=complete_account)
]
Accounts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ACCOUNT...", help="Names of accounts.", autocompletion=complete_account, show_default=False
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude", metavar="TARGET", help="Leave these out.", autocompletion=complete_target, show_default=False
    ),
]
Changed = Annotated[
    str | None,
    typer.Option(
        "--changed",
        metavar="BASE",
        help="Only units whose files differ from git's BASE, e.g. origin/main.",
        show_default=False,
    ),
]
Slots = Annotated[
    int | None,
    typer.Option("-j", "--parallelism", min=1, metavar="N", help="Units at once; default: cores.", show_default=False),
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Start nothing new after the first failure.")]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout", metavar="TIME", help="Limit for each unit's plan or apply, e.g. 10m.", show_default=False
    ),
]
LockTimeout = Annotated[
    str, typer.Option("--lock-timeout", metavar="TIME", help="How long an apply waits for another's lock, e.g. 5m.")
]
Replace = Annotated[
    list[str] | None,
    typer.Option(
        "--replace",
        metavar="ADDR",
        help="Make this resource of the one selected unit anew: aws_sqs_queue.this. May be given more than once.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "--auto-approve", help="Do not ask.")]

Verb = TypeVar("Verb", bound=Callable[..., int])


def verb(app: typer.Typer, name: str, *, passes_on: bool = False) -> Callable[[Verb], Verb]:
    """Register a function as a verb that takes the common options too.

    Args:
        app: where it is registered.
        name: as it is typed.
        passes_on: what the verb does not know is not an error but handed to it (``orch terraform UNIT -- …``).
    """
    settings = {"allow_extra_args": True, "ignore_unknown_options": True} if passes_on else {}

    def register(function: Verb) -> Verb:
        app.command(name, context_settings=settings)(with_common(function))
        return function

    return register
