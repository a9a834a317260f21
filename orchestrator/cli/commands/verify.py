"""``orch verify ACCOUNT…``: was anything written into the states past orch? Reads, and changes nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.aws.identity.roles import Identities, Role
from orchestrator.aws.state.history import History
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common
from orchestrator.cli.output import color_on, write
from orchestrator.cli.project import Project, open_project
from orchestrator.errors import UsageError
from orchestrator.report.style import width_of
from orchestrator.report.tables import Column, dump, table
from orchestrator.report.text import plural, wrap
from orchestrator.run.verify import Audit, Gap, audit

PAST_ORCH = 3
"""Exit code when something has no receipt."""

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
    "S3 says when, how big and which version; the lock beside the state says who held it, if anybody did. The "
    "principal is in CloudTrail, if it records data events of the bucket: PutObject or DeleteObject of that key then."
)


def run(common: Common, names: Sequence[str], since: str | None) -> int:
    """Compare the history of the accounts' states with their receipts; exit code 3 when a version has none."""
    project = open_project(common)
    accounts = [project.account(name) for name in dict.fromkeys(_named(project, names))]
    after = None if since is None else moment(since, datetime.now(UTC))
    with open_aws(common, project.catalogue) as aws:
        identities = Identities(project.catalogue, aws.emulator)
        history = History(project.catalogue, identities)
        audits = []
        for account in accounts:
            identities.confirm(account, Role.PLAN)
            audits.append(audit(history, account, since=after, tell=_teller(common)))
    if common.json:
        write(dump(form(audits)) + "\n")
    else:
        write("\n".join(lines(audits, width=width_of(sys.stdout), colour=color_on(common))) + "\n")
    return PAST_ORCH if any(each.gaps for each in audits) else 0


def moment(text: str, now: datetime) -> datetime:
    """A time as people write it: ``2026-11-01``, ``2026-11-01T10:00:00Z`` (UTC without a zone), ``14d`` or ``12h`` ago.

    Raises:
        UsageError: it is none.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - (timedelta(days=int(ago[1])) if ago[2] == "d" else timedelta(hours=int(ago[1])))
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--since {text!r} is not a time"
        raise UsageError(message, hint="write it like 2026-11-01, 2026-11-01T10:00:00Z, 14d or 12h") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def form(audits: Sequence[Audit]) -> dict[str, Any]:
    """What was found, ready for JSON."""
    return {
        "format": 1,
        "kind": "verify",
        "accounts": [{**asdict(each), "damaged": list(each.damaged), "gaps": len(each.gaps)} for each in audits],
        "rows": [_row(gap) for each in audits for gap in each.gaps],
    }


def lines(audits: Sequence[Audit], *, width: int, colour: bool) -> Iterator[str]:
    """What was found, for people: the versions without a receipt, then a sentence for each account."""
    rows = [_row(gap) for each in audits for gap in each.gaps]
    if rows:
        yield table(rows, _COLUMNS, width=width, colour=colour)
        yield ""
        yield from wrap(_WHO, width=width, indent="")
        yield ""
    for each in audits:
        older = f" ({each.older} older ones were not looked at)" if each.older else ""
        found = f"{each.account}: {plural(each.states, 'state')}, {plural(each.versions, 'version')}{older}; "
        left = len(each.gaps)
        found += f"{left} without a receipt" if left else "each has a receipt"
        yield from wrap(found, width=width, indent="")
        for key in each.damaged:
            yield from wrap(f"{key} is no receipt of this state: it counts for nothing", width=width, indent="  ")
    if rows:
        hint = "States from before there were receipts have none: --since TIME leaves out what is older."
        yield from wrap(hint, width=width, indent="")


def _row(gap: Gap) -> dict[str, Any]:
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


def _named(project: Project, names: Sequence[str]) -> Sequence[str]:
    if not names:
        message = "name the accounts to verify"
        raise UsageError(message, hint=f"accounts: {', '.join(sorted(project.catalogue.accounts))}")
    return names


def _teller(common: Common) -> Callable[[str], None]:
    def tell(text: str) -> None:
        if not common.quiet:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    return tell
