"""``orch verify``: finds state versions that were not written by orch. Read-only."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.history import History
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.options import Accounts
from orchestrator.cli.output import color_on, print_progress, write
from orchestrator.cli.project import open_project
from orchestrator.errors import UsageError
from orchestrator.report.style import width_of
from orchestrator.report.tables import Column, dump, table
from orchestrator.report.text import wrap
from orchestrator.run.verify import Audit, UnaccountedVersion, audit
from orchestrator.util.plural import plural

_NO_RECEIPT = 3
"""Exit code if a state version has no receipt."""

_AGO = re.compile(r"(\d{1,5})([dh])")
_COLUMNS = (
    Column("account"),
    Column("unit"),
    Column("serial", right=True),
    Column("what"),
    Column("time"),
    Column("size", right=True, optional=True),
    Column("holder", "lock held by"),
    Column("version"),
)
_WHO = (
    "Time, size and version are from S3; the lock holder is from the lock object next to the state. CloudTrail has the "
    "principal, if it records data events of the bucket: look for PutObject or DeleteObject of the key at that time."
)


@command_without_details
def verify(
    common: Common,
    accounts: Accounts = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Ignore versions older than this: 2026-11-01, 14d, 12h.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Check that every state version has a receipt.

    A version without a receipt was not written by orch. Exits with 3 if there is one.
    """
    project = open_project(common)
    selected = project.named_accounts(accounts)
    after = None if since is None else _time(since, datetime.now(UTC))
    with open_aws(common, project.catalogue) as aws:
        identities = Identities(project.catalogue, aws.emulator)
        history = History(project.catalogue, identities)
        audits = []
        for account in selected:
            identities.confirm(account, Role.PLAN)
            audits.append(audit(history, account, since=after, on_progress=lambda text: print_progress(common, text)))
    if common.json:
        write(dump(_form(audits)) + "\n")
    else:
        write("\n".join(_lines(audits, width=width_of(sys.stdout), color=color_on(common))) + "\n")
    return _NO_RECEIPT if any(each.gaps for each in audits) else 0


def _time(text: str, now: datetime) -> datetime:
    """Parse ``2026-11-01``, ``2026-11-01T10:00:00Z`` (without a zone: UTC), ``14d`` or ``12h`` (ago).

    Raises:
        UsageError: the text is none of these.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - (timedelta(days=int(ago[1])) if ago[2] == "d" else timedelta(hours=int(ago[1])))
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"invalid time for --since: {text!r}"
        raise UsageError(message, hint="use a form such as 2026-11-01, 2026-11-01T10:00:00Z, 14d or 12h") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _form(audits: Sequence[Audit]) -> dict[str, Any]:
    """Return the audits as a JSON document."""
    return {
        "format": 1,
        "kind": "verify",
        "accounts": [{**asdict(each), "damaged": list(each.damaged), "gaps": len(each.gaps)} for each in audits],
        "rows": [_row(gap) for each in audits for gap in each.gaps],
    }


def _lines(audits: Sequence[Audit], *, width: int, color: bool) -> Iterator[str]:
    """Yield the lines to print: the versions without a receipt, then a sentence for each account."""
    rows = [_row(gap) for each in audits for gap in each.gaps]
    if rows:
        yield table(rows, _COLUMNS, width=width, color=color)
        yield ""
        yield from wrap(_WHO, width=width, indent="")
        yield ""
    for each in audits:
        older = f" ({each.older} older ones were not checked)" if each.older else ""
        found = f"{each.account}: {plural(each.states, 'state')}, {plural(each.versions, 'version')}{older}; "
        found += f"{len(each.gaps)} without a receipt" if each.gaps else "each has a receipt"
        yield from wrap(found, width=width, indent="")
        for key in each.damaged:
            yield from wrap(f"{key} is not a valid receipt of this state and is ignored", width=width, indent="  ")
    if rows:
        hint = "States written before orch kept receipts have none: --since TIME ignores them."
        yield from wrap(hint, width=width, indent="")


def _row(gap: UnaccountedVersion) -> dict[str, Any]:
    return {
        "account": gap.account,
        "unit": gap.unit,
        "serial": gap.serial,
        "what": gap.what,
        "time": gap.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "size": gap.size,
        "holder": gap.holder or "nobody",
        "owner": gap.owner,
        "key": gap.key,
        "lineage": gap.lineage,
        "version": gap.version,
    }
