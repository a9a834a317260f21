"""The receipt of a plan: proof that it was judged, with which files, state, account and policies.

The planner creates one for every judged plan that could be applied. Right before the apply it is compared with the
current files, state and account (``check_receipt``); any difference blocks. It contains hashes, names and numbers,
never a value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from orchestrator.errors import BlockedError
from orchestrator.guard.model import Verdict
from orchestrator.guard.receipt.freeze import FrozenFiles
from orchestrator.terraform.state.header import StateHeader
from orchestrator.util.files import write_atomic

RECEIPT_FORMAT = 1
_TEXTS = (
    *("run", "unit", "verb", "account_id", "region", "state", "lineage", "digest"),
    *("plan_sha256", "json_sha256", "policies", "time", "commit"),
)
_ADDED = ("providers", "values")
"""Keys that older receipts do not have."""
PLAN_AGAIN = "plan again, so that what is applied is what was judged"


class StateMovedError(BlockedError):
    """Only the state differs from the receipt: another run changed it after the plan was made."""


@dataclass(frozen=True, slots=True)
class ReceiptInputs:
    """What a receipt covers, at one moment.

    Attributes:
        unit: the unit's id.
        account_id: the account, as STS reports it.
        region: the unit's region.
        state: the location of the state: ``s3://BUCKET/KEY``.
        base: lineage and serial of the state: those that the plan was made from, or the current ones.
        frozen: hashes of the saved plan and of every file that its apply can read.
        json_sha256: hash of the plan's JSON, which was judged.
        policies: digest of ``policies/``.
        versions: orch, Terraform and each provider in the lock file -> version.
        providers: each provider that ran, with its platform -> checksum of its package.
        values: the values of the run that the unit reads, by name.
    """

    unit: str
    account_id: str
    region: str
    state: str
    base: StateHeader
    frozen: FrozenFiles
    json_sha256: str
    policies: str
    versions: Mapping[str, str]
    providers: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedFinding:
    """A finding in a receipt. ``waiver``: the waiver that allows it, or empty."""

    id: str
    rule: str
    severity: str
    waiver: str = ""


@dataclass(frozen=True, slots=True)
class StateWrites:
    """What an apply wrote into the state.

    Attributes:
        ok: whether the apply succeeded.
        lineage: the lineage of the state.
        first, last: the range of serials; Terraform can write the state several times in one apply.
        versions: version id of each state object -> serial.
    """

    ok: bool
    lineage: str
    first: int
    last: int
    versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt of one plan. See ``ReceiptInputs`` for the fields that are not listed here.

    Attributes:
        run: the run that planned and judged it.
        unit: the unit's id.
        verb: the command that writes the state: ``apply``, ``destroy``; ``move``, ``adopt`` and others have no plan.
        digest: one hash over ``files``.
        files: name of every file that the apply can read, except the plan -> hash: the rendered root with
            ``upstream.json`` and ``modules/``, and the modules that ``init`` downloaded.
        checks: ids of the checks that ran completely.
        blocked: the verdict.
        findings: the findings, waived ones included.
        time: when the plan was judged (UTC, ISO 8601).
        commit: the git commit, with ``-dirty`` if the working tree differs; informational; empty outside git.
        wrote: what the apply wrote to the state; None before the apply, or if it wrote nothing.
    """

    run: str
    unit: str
    verb: str
    account_id: str
    region: str
    state: str
    lineage: str
    serial: int
    digest: str
    plan_sha256: str
    json_sha256: str
    policies: str
    versions: Mapping[str, str]
    checks: tuple[str, ...]
    blocked: bool
    findings: tuple[RecordedFinding, ...]
    time: str
    commit: str
    files: Mapping[str, str]
    wrote: StateWrites | None = None
    providers: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)

    @classmethod
    def make(cls, inputs: ReceiptInputs, verdict: Verdict, *, run: str, destroy: bool, time: str, commit: str) -> Self:
        """Create the receipt of a plan that was just judged."""
        files = receipt_files(inputs.frozen)
        return cls(
            run=run,
            unit=inputs.unit,
            verb="destroy" if destroy else "apply",
            account_id=inputs.account_id,
            region=inputs.region,
            state=inputs.state,
            lineage=inputs.base.lineage,
            serial=inputs.base.serial,
            digest=digest_of(files),
            plan_sha256=inputs.frozen.plan_sha256,
            json_sha256=inputs.json_sha256,
            policies=inputs.policies,
            versions=dict(inputs.versions),
            checks=verdict.checks,
            blocked=verdict.blocked,
            findings=recorded_findings(verdict),
            time=time,
            commit=commit,
            files=files,
            providers=dict(inputs.providers),
            values=dict(inputs.values),
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a receipt from its file.

        Raises:
            BlockedError: it is missing, damaged, or in an unsupported format. Without a receipt nothing is applied.
        """
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            message = f"the receipt {path} is missing, so there is no proof that the plan was judged"
            raise BlockedError(message, hint=PLAN_AGAIN) from error
        except (OSError, ValueError, RecursionError) as error:
            message = f"the receipt {path} cannot be read"
            raise BlockedError(message, hint=PLAN_AGAIN) from error
        return cls.of(document, str(path))

    @classmethod
    def of(cls, document: Any, place: str) -> Self:
        """Parse a receipt from its JSON document; ``place`` is its name in error messages.

        Raises:
            BlockedError: as for ``read``.
        """
        try:
            found = document["format"]
            if found != RECEIPT_FORMAT:
                message = f"the receipt {place} has format {found!r}; this version of orch supports {RECEIPT_FORMAT}"
                raise BlockedError(message, hint=f"use the version of orch that wrote it, or {PLAN_AGAIN}")
            values = {name: document[name] for name in cls.__dataclass_fields__ if name not in _ADDED}
            values |= {name: document.get(name, {}) for name in _ADDED}
            wrote = values["wrote"]
            values |= {
                "checks": tuple(values["checks"]),
                "findings": tuple(RecordedFinding(**each) for each in values["findings"]),
                "wrote": StateWrites(**wrote) if wrote is not None else None,
            }
            receipt = cls(**values)
            receipt.check()
            whole = digest_of(receipt.files) == receipt.digest and isinstance(receipt.blocked, bool)
        except (KeyError, TypeError, AttributeError) as error:
            message = f"{place} is not a receipt"
            raise BlockedError(message, hint=PLAN_AGAIN) from error
        if not whole:
            message = f"the receipt {place} was modified: its parts do not match"
            raise BlockedError(message, hint=PLAN_AGAIN)
        return receipt

    def check(self) -> None:
        """Check the types of all fields: a receipt can come from anywhere.

        Raises:
            TypeError: one is wrong.
        """
        texts = [getattr(self, name) for name in _TEXTS]
        texts += [*self.checks, *(text for each in self.findings for text in asdict(each).values())]
        for mapping in (self.versions, self.files, self.providers):
            texts += [*mapping.keys(), *mapping.values()]
        texts += [*self.values.keys()]
        numbers = [self.serial]
        if self.wrote is not None:
            texts += [self.wrote.lineage, *self.wrote.versions.keys()]
            numbers += [self.wrote.first, self.wrote.last, *self.wrote.versions.values()]
        if not all(isinstance(each, str) for each in texts) or not all(type(each) is int for each in numbers):
            raise TypeError("not a text or a number")

    @property
    def destroy(self) -> bool:
        """Whether the plan destroys the unit."""
        return self.verb == "destroy"

    def form(self) -> dict[str, Any]:
        """Return the receipt as a JSON document."""
        return {"format": RECEIPT_FORMAT, "kind": "receipt", **asdict(self)}

    def write(self, path: Path) -> None:
        """Save the receipt atomically, with mode 0600.

        Raises:
            OSError: it cannot be written.
        """
        write_atomic(path, (json.dumps(self.form(), indent=2) + "\n").encode())


def recorded_findings(verdict: Verdict) -> tuple[RecordedFinding, ...]:
    """Return a verdict's findings as a receipt stores them, sorted by id; without counts, which change."""
    found = {RecordedFinding(f.id, f.rule, f.severity.value, f.waiver) for f in verdict.findings}
    return tuple(sorted(found, key=lambda each: (each.id, each.severity, each.waiver)))


def receipt_files(frozen: FrozenFiles) -> dict[str, str]:
    """Return the files of a receipt: all frozen files except the plan."""
    return {name: value for name, value in sorted(frozen.files.items()) if name != "plan"}


def digest_of(files: Mapping[str, str]) -> str:
    """Return one hash over names and hashes of files."""
    return hashlib.sha256("".join(f"{value}  {name}\n" for name, value in sorted(files.items())).encode()).hexdigest()
