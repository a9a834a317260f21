"""The receipt: the proof that one exact plan was judged, from which files, for which state, account and policies.

The planner makes one for every plan that it judges and that could be applied. An apply compares it with what is true
then (``check_receipt``) and goes on only if nothing differs. It holds hashes, names and numbers, never a value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from orchestrator.errors import BlockedError
from orchestrator.guard.model import Severity, Verdict
from orchestrator.guard.receipt.freeze import FrozenFiles
from orchestrator.terraform.state.header import StateHeader
from orchestrator.util.files import write_atomic

RECEIPT_FORMAT = 1
_AGAIN = "plan again, so that what is applied is what was judged"


class StateMovedError(BlockedError):
    """All that a receipt binds is as it was, but the state was changed by somebody else since the plan was made."""


@dataclass(frozen=True, slots=True)
class ReceiptInputs:
    """What is true at one moment about a plan and about what it would be applied to.

    Attributes:
        account_id: the account as STS confirms it.
        state: where the state is: ``s3://BUCKET/KEY``.
        base: the state's lineage and serial: those that the plan was made from, or those that are there now.
        frozen: hashes of the saved plan and of every file that applying it may read.
        json_sha256: hash of the plan's JSON, which is what was judged.
        policies: digest of ``policies/``.
        versions: of orch, of Terraform, and of each provider in the lock file.
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


@dataclass(frozen=True, slots=True)
class RecordedFinding:
    """What a receipt keeps of a finding. ``waiver``: what allows it, or empty."""

    id: str
    rule: str
    severity: str
    waiver: str = ""


@dataclass(frozen=True, slots=True)
class StateWrites:
    """What an apply wrote into the state.

    Attributes:
        ok: whether the apply succeeded.
        lineage: of the state that it wrote.
        first, last: the serials that it wrote: Terraform may write a state more than once in an apply.
        versions: the version id of each state object that it wrote -> its serial.
    """

    ok: bool
    lineage: str
    first: int
    last: int
    versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt of one plan. See ``ReceiptInputs`` for what it binds.

    Attributes:
        run: the run that planned and judged it.
        unit: the unit's id.
        verb: what wrote or would write the state: ``apply``, ``destroy``; ``move``, ``adopt`` and others have no plan.
        digest: one hash over ``files``.
        files: every file that applying may read, apart from the plan -> its hash: the rendered root with
            ``upstream.json`` and ``modules/``, and the modules that ``init`` fetched.
        checks: ids of the checks that are proven to have run.
        blocked: the verdict.
        findings: what the guard had to say, allowed by waivers or not.
        time: when it was judged (UTC, ISO 8601).
        commit: git's commit, with ``-dirty`` if the tree differs; for people, never compared; empty outside of git.
        wrote: what the apply wrote; None before it, or when it wrote nothing.
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

    @classmethod
    def make(cls, facts: ReceiptInputs, verdict: Verdict, *, run: str, destroy: bool, time: str, commit: str) -> Self:
        """The receipt of a plan that was just judged."""
        files = _files(facts.frozen)
        return cls(
            run=run,
            unit=facts.unit,
            verb="destroy" if destroy else "apply",
            account_id=facts.account_id,
            region=facts.region,
            state=facts.state,
            lineage=facts.base.lineage,
            serial=facts.base.serial,
            digest=digest_of(files),
            plan_sha256=facts.frozen.plan_sha256,
            json_sha256=facts.json_sha256,
            policies=facts.policies,
            versions=dict(facts.versions),
            checks=verdict.checks,
            blocked=verdict.blocked,
            findings=recorded_findings(verdict),
            time=time,
            commit=commit,
            files=files,
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """A receipt from its file.

        Raises:
            BlockedError: there is none, it is damaged, or of a format that this orch does not know. Without a receipt
                nothing is applied.
        """
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            message = f"there is no receipt {path}, so nothing says that this plan was judged"
            raise BlockedError(message, hint=_AGAIN) from error
        except (OSError, ValueError) as error:
            message = f"the receipt {path} cannot be read"
            raise BlockedError(message, hint=_AGAIN) from error
        return cls.of(document, str(path))

    @classmethod
    def of(cls, document: Any, place: str) -> Self:
        """A receipt from its JSON form; ``place`` is how messages name it.

        Raises:
            BlockedError: as `read`.
        """
        try:
            found = document["format"]
            if found != RECEIPT_FORMAT:
                message = f"the receipt {place} has the format {found!r}; this orch knows {RECEIPT_FORMAT}"
                raise BlockedError(message, hint=f"use the orch that wrote it, or {_AGAIN}")
            values = {name: document[name] for name in cls.__dataclass_fields__}
            wrote = values["wrote"]
            values |= {
                "checks": tuple(values["checks"]),
                "findings": tuple(RecordedFinding(**each) for each in values["findings"]),
                "wrote": StateWrites(**wrote) if wrote is not None else None,
            }
            receipt = cls(**values)
            whole = digest_of(receipt.files) == receipt.digest and isinstance(receipt.blocked, bool)
        except (KeyError, TypeError, AttributeError) as error:
            message = f"{place} is no receipt"
            raise BlockedError(message, hint=_AGAIN) from error
        if not whole:
            message = f"the receipt {place} was edited: its parts do not belong together"
            raise BlockedError(message, hint=_AGAIN)
        return receipt

    @property
    def destroy(self) -> bool:
        """Whether the plan destroys the unit."""
        return self.verb == "destroy"

    def form(self) -> dict[str, Any]:
        """As plain values, ready for JSON."""
        return {"format": RECEIPT_FORMAT, "kind": "receipt", **asdict(self)}

    def write(self, path: Path) -> None:
        """Save it, mode 0600, whole or not at all.

        Raises:
            OSError: the disk does not take it.
        """
        write_atomic(path, (json.dumps(self.form(), indent=2) + "\n").encode())


def recorded_findings(verdict: Verdict) -> tuple[RecordedFinding, ...]:
    """What a receipt keeps of a verdict's findings, sorted by id; what is inside is counted anew each time."""
    found = {RecordedFinding(f.id, f.rule, f.severity.value, f.waiver) for f in verdict.findings}
    return tuple(sorted(found, key=lambda each: (each.id, each.severity, each.waiver)))


def check_receipt(receipt: Receipt, facts: ReceiptInputs) -> None:
    """Refuse unless the receipt allows its plan and everything that it binds is as it was.

    For an apply in the process that planned, and for one that resumes in another. There: read the receipt with
    ``Receipt.read`` and gather the facts anew. ``run.receipts.confirm`` does both, has Terraform make the plan's JSON
    once more and judges that. A receipt on disk does not say what a person approved: compare ``plan_sha256`` with the
    journal's record of the approval.

    Args:
        receipt: made when the plan was judged.
        facts: what is true now.

    Raises:
        StateMovedError: only the state differs: another run was faster.
        BlockedError: the plan was blocked, or something else differs; the message says what, before and now.
    """
    if receipt.blocked:
        rules = ", ".join(sorted({each.rule for each in receipt.findings if each.severity == Severity.BLOCK.value}))
        message = f"the receipt of {receipt.unit} says that its plan was blocked{f' ({rules})' if rules else ''}"
        raise BlockedError(message, hint=f"orch plan {receipt.unit} says why, and the way out")
    for what in _differences(receipt, facts):
        raise BlockedError(what, hint=_AGAIN)
    before = StateHeader(receipt.lineage, receipt.serial)
    if facts.base != before:
        message = f"the state of {receipt.unit} moved on after its plan was made: it {_moved(before, facts.base)}"
        raise StateMovedError(message, hint=_AGAIN)


def check_verdict(receipt: Receipt, verdict: Verdict) -> None:
    """Refuse unless a plan that was judged again got the verdict that its receipt has.

    Raises:
        BlockedError: it is blocked now, other checks ran, or there are other findings, e.g. as a waiver expired.
    """
    if verdict.blocked:
        first = next(each for each in verdict.findings if each.severity is Severity.BLOCK)
        message = f"{receipt.unit} was judged again right before the apply, and is blocked now: {first.message}"
        raise BlockedError(message, hint=first.hint)
    if (verdict.checks, recorded_findings(verdict)) != (receipt.checks, receipt.findings):
        message = f"{receipt.unit} was judged again right before the apply, and the verdict is not the receipt's"
        raise BlockedError(message, hint=_AGAIN)


def _differences(receipt: Receipt, facts: ReceiptInputs) -> Iterator[str]:
    unit = receipt.unit
    if facts.unit != unit:
        yield f"the receipt is of {unit}, and the plan of {facts.unit}"
    if facts.account_id != receipt.account_id:
        yield f"{unit} was judged for the account {receipt.account_id}, and STS says that this is {facts.account_id}"
    if facts.region != receipt.region:
        yield f"{unit} was judged for {receipt.region}, and would be applied in {facts.region}"
    if facts.state != receipt.state:
        yield f"{unit} was judged for the state {receipt.state}, and would be applied to {facts.state}"
    yield from _files_differ(receipt, facts.frozen)
    if facts.json_sha256 != receipt.json_sha256:
        yield f"the JSON of the plan of {unit} was changed after the plan was judged"
    if facts.policies != receipt.policies:
        yield f"{unit} was judged by other policies: policies/ is not as it was"
    for name in sorted({*receipt.versions, *facts.versions}):
        was, now = receipt.versions.get(name, "none"), facts.versions.get(name, "none")
        if was != now:
            yield f"{unit} was judged with {name} {was}, and would be applied with {now}"


def _files_differ(receipt: Receipt, frozen: FrozenFiles) -> Iterator[str]:
    """The first file by name that is not what it was."""
    if frozen.plan_sha256 != receipt.plan_sha256:
        yield f"{frozen.plan} was changed after the plan was judged"
    now = _files(frozen)
    for name in sorted(receipt.files.keys() | now.keys()):
        if receipt.files.get(name) != now.get(name):
            how = "was added" if name not in receipt.files else "is gone" if name not in now else "was changed"
            yield f"{frozen.path_of(name)} {how} after the plan was judged"


def _moved(before: StateHeader, now: StateHeader) -> str:
    if not now.lineage:
        return f"had the serial {before.serial}, and is gone"
    if not before.lineage:
        return f"was not there, and has the serial {now.serial}"
    if now.lineage != before.lineage:
        return f"had the lineage {before.lineage}, and is another one, {now.lineage}"
    return f"had the serial {before.serial}, and has {now.serial}"


def _files(frozen: FrozenFiles) -> dict[str, str]:
    return {name: value for name, value in sorted(frozen.files.items()) if name != "plan"}


def digest_of(files: Mapping[str, str]) -> str:
    """One hash over names and hashes of files."""
    return hashlib.sha256("".join(f"{value}  {name}\n" for name, value in sorted(files.items())).encode()).hexdigest()
