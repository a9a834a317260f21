"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.completion import complete_account, complete_target, complete_unit
from orchestrator.config.nodes import PlainValue
from orchestrator.errors import UsageError

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET...",
        help="STAGE, UNIT (STAGE/STACK[@REGION]), glob, account:NAME or module:NAME. +X adds the upstreams of X, X+ "
        "its downstreams.",
        autocompletion=complete_target,
        show_default=False,
    ),
]
OneUnit = Annotated[
    str, typer.Argument(metavar="UNIT", help="STAGE/STACK[@REGION].", autocompletion=complete_unit, show_default=False)
]
OneAccount = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Account name.", autocompletion=complete_account, show_default=False)
]
Accounts = Annotated[
    list[str] | None,
    typer.Argument(metavar="ACCOUNT...", help="Account names.", autocompletion=complete_account, show_default=False),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="TARGET",
        help="Exclude this target. Repeatable.",
        autocompletion=complete_target,
        show_default=False,
    ),
]
IgnoreMissing = Annotated[
    bool,
    typer.Option("--ignore-missing", help="Ignore TARGETs that match no unit, e.g. in a base commit without them."),
]
Changed = Annotated[
    str | None,
    typer.Option(
        "--changed",
        metavar="BASE",
        help="Select only units whose files differ from the git revision BASE, e.g. origin/main. BASE+ adds their "
        "downstreams.",
        show_default=False,
    ),
]
Parallelism = Annotated[
    int | None,
    typer.Option(
        "-j",
        "--parallelism",
        min=1,
        metavar="N",
        help="Run N units at a time. Default: 4 for each CPU core; 1 for each in the emulator or with --cold.",
        show_default=False,
    ),
]
ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="Where units are planned and applied: threads (this machine) or dask (a cluster, docs/scale.md).",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="URL",
        help="Scheduler of the Dask cluster, e.g. tls://scheduler.example.com:8786. Default: DASK_SCHEDULER_ADDRESS.",
        show_default=False,
    ),
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Start no further units after the first failure.")]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        help="Time limit for the plan or apply of each unit, e.g. 10m.",
        show_default=False,
    ),
]
LockTimeout = Annotated[
    str,
    typer.Option("--lock-timeout", metavar="DURATION", help="How long to wait for a locked state, e.g. 5m."),
]
Replace = Annotated[
    list[str] | None,
    typer.Option(
        "--replace",
        metavar="ADDRESS",
        help="Replace this resource, e.g. aws_sqs_queue.this. Requires a single unit. Repeatable.",
        show_default=False,
    ),
]
SetValues = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Give a value that live/orch.yaml declares under `run`, e.g. image=v2.3.1. Repeatable.",
        show_default=False,
    ),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PLACE",
        help="Keep the plans for `orch apply --approved`: s3 (the account's state bucket).",
        show_default=False,
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Keep the plans, encrypted with the account's KMS key, as files for `orch apply --approved DIR`.",
        show_default=False,
    ),
]
Approved = Annotated[
    str | None,
    typer.Option(
        "--approved",
        metavar="[DIR]",
        help="Apply the plans that `orch plan` kept, nothing else: from the state bucket, or from the files in DIR.",
        show_default=False,
    ),
]
CodeQuality = Annotated[
    Path | None,
    typer.Option(
        "--code-quality", metavar="FILE", help="Also write the findings as a report for GitLab.", show_default=False
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "--auto-approve", help="Skip the approval prompt.")]


def given_values(texts: Collection[str] | None) -> dict[str, PlainValue]:
    """Return the values of ``--set`` by name.

    Raises:
        UsageError: one is not ``KEY=VALUE``, or a key is given twice.
    """
    values: dict[str, PlainValue] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"invalid value for --set: {text!r}", hint="write it like --set image=v2.3.1")
        if key in values:
            raise UsageError(f"--set {key} is given twice", hint="keep one of them")
        values[key] = value
    return values


def check_choice(option: str, value: str, choices: Collection[str]) -> None:
    """Refuse a value that an option does not have.

    Raises:
        UsageError: ``value`` is not one of the choices; the hint lists them.
    """
    if value not in choices:
        message = f"invalid value for {option}: {value!r}"
        raise UsageError(message, hint="one of " + ", ".join(choices))
