"""What is stored with a plan: which unit, configuration and state it is for, who judged it with what, until when."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from orchestrator.aws.state.bucket import PLAN_DAYS
from orchestrator.errors import BlockedError
from orchestrator.report.model import Status

PLANS_LAST = timedelta(days=PLAN_DAYS)
"""How long ``orch apply --approved`` accepts a stored plan."""

_CLOCKS_DIFFER = timedelta(minutes=15)
_FORMAT = 1
STORED = (Status.PLANNED, Status.UNCHANGED, Status.AFTER_UPSTREAMS)
_RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A stored plan, without the plan.

    Attributes:
        unit: the unit's id.
        digest: the digest of its configuration.
        run: the run that planned it.
        commit: git's commit that it was planned from; informational; empty without git.
        time, expires: when it was stored, and when it stops to be accepted (UTC, ISO 8601).
        status: how the plan ended: ``planned``, ``unchanged`` or ``after its upstreams``.
        preview: it was planned against the plans of its upstreams, so it is planned again after their apply.
        account_id: the account, as STS reports it.
        policies: digest of the policies that judged it.
        lineage, serial: of the state that it was planned from; empty and 0 before the first apply.
        plan_sha256: of the plan file; empty if none is stored.
        json_sha256: of a preview's JSON; empty if none is stored.
    """

    unit: str
    digest: str
    run: str
    commit: str
    time: str
    expires: str
    status: Status
    preview: bool
    account_id: str
    policies: str
    lineage: str = ""
    serial: int = 0
    plan_sha256: str = ""
    json_sha256: str = ""

    def text(self) -> bytes:
        """Return the record as JSON."""
        return json.dumps({"format": _FORMAT, "kind": "stored-plan", **asdict(self)}, indent=2).encode()

    @classmethod
    def parse(cls, data: bytes, *, unit: str, digest: str) -> Self:
        """Return the record of a JSON text, which must be that of a unit and configuration.

        Raises:
            BlockedError: it is damaged, of another unit or configuration, or of an unknown format.
        """
        try:
            form: dict[str, Any] = json.loads(data)
            if form["format"] != _FORMAT:
                message = (
                    f"the stored plan of {unit} has format {form['format']!r}; this version of orch reads {_FORMAT}"
                )
                raise BlockedError(message, hint="use the version of orch that wrote it, or plan again")
            values = {field.name: form[field.name] for field in fields(cls)}
            record = cls(**{**values, "status": Status(values["status"])})
            record.check()
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BlockedError(f"the stored plan of {unit} has no valid record", hint="plan again") from error
        if (record.unit, record.digest) != (unit, digest):
            message = f"the plan stored for {unit} is one of {record.unit}, or of another configuration"
            raise BlockedError(message, hint=f"somebody moved it there; plan again: orch plan {unit}")
        return record

    def check(self) -> None:
        """Check the types and forms of all fields.

        Raises:
            ValueError: one is wrong.
        """
        texts = (self.unit, self.digest, self.run, self.commit, self.account_id, self.policies, self.lineage)
        right = all(isinstance(each, str) for each in (*texts, self.plan_sha256, self.json_sha256))
        right = right and isinstance(self.preview, bool) and type(self.serial) is int
        if not right or self.status not in STORED or not _RUN.fullmatch(self.run):
            raise ValueError
        for each in (self.time, self.expires):
            if datetime.fromisoformat(each).tzinfo is None:
                raise ValueError

    def expired(self, now: datetime) -> bool:
        """Return whether it is no longer accepted. ``now``: aware.

        The time when it was stored counts as well, so that a record cannot claim to last longer.
        """
        stored, until = (datetime.fromisoformat(each) for each in (self.time, self.expires))
        return now >= until or now - stored >= PLANS_LAST

    def from_future(self, now: datetime) -> bool:
        """Return whether it claims to be stored later than now, by more than clocks differ. ``now``: aware.

        Such a record would last longer than any that orch writes.
        """
        return datetime.fromisoformat(self.time) - now > _CLOCKS_DIFFER


def expiry(now: datetime) -> str:
    """Return until when a plan that is stored now is accepted (UTC, ISO 8601)."""
    return (now.astimezone(UTC) + PLANS_LAST).isoformat(timespec="seconds")
