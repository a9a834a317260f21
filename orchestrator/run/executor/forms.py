"""What a step reads and returns, as JSON: upstream values, a judged plan, a run's trust. It may contain secrets."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from orchestrator.aws.identity.roles import BreakGlass
from orchestrator.config.catalogue import Unit
from orchestrator.config.nodes import PlainValue
from orchestrator.errors import SetupError
from orchestrator.guard.judge import Judge
from orchestrator.guard.model import Verdict
from orchestrator.guard.policies.load import Policies, judges
from orchestrator.guard.receipt.freeze import FrozenFiles
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.guard.trust.live_modules import MergedModules
from orchestrator.guard.trust.owners import Owners
from orchestrator.guard.trust.trust import Trust
from orchestrator.guard.trust.waiver_policy import DeclaredWaiver, WaiverPolicy
from orchestrator.guard.trust.waivers import Waiver, Waivers
from orchestrator.guard.trust.weakening import Weakening
from orchestrator.render.values import UNKNOWN, Upstream
from orchestrator.report.model import UnitReport
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.request import RunOptions
from orchestrator.run.unit.backups import CopyEntry
from orchestrator.run.unit.planned import Planned, without_placeholder
from orchestrator.terraform.model import PlanRecord
from orchestrator.terraform.plan.reader import empty_plan, read_plan

_UNKNOWN_KEY = "$unknown"
_MAP_KEY = "$map"
_T = TypeVar("_T")


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Return the codec of a record; making one takes milliseconds."""
    return TypeAdapter(kind)


def dump_form(kind: type[_T], value: _T) -> bytes:
    """Return a record as JSON."""
    codec: Any = kind  # A class is hashable, which its type does not say.
    return _adapter(codec).dump_json(value)


def load_form(kind: type[_T], data: bytes) -> _T:
    """Return the record of a JSON text.

    Raises:
        ValueError: it is not one.
    """
    codec: Any = kind
    found: _T = _adapter(codec).validate_json(data)
    return found


def dump_inputs(upstream: Upstream, disarm: Sequence[str]) -> bytes:
    """Return what a plan needs as JSON; in upstream outputs, ``UNKNOWN`` becomes ``{"$unknown": true}``.

    Args:
        upstream: the outputs of the unit's upstreams.
        disarm: addresses whose protection the plan switches off.
    """
    values = {name: _marked(outputs) for name, outputs in upstream.items()}
    return json.dumps({"values": values, "disarm": list(disarm)}).encode()


def load_inputs(data: bytes) -> tuple[Upstream, tuple[str, ...]]:
    """Return the upstream outputs and addresses of `dump_inputs`."""
    document = json.loads(data)
    return {name: _unmarked(outputs) for name, outputs in document["values"].items()}, tuple(document["disarm"])


def _marked(value: Any) -> Any:
    if value is UNKNOWN:
        return {_UNKNOWN_KEY: True}
    if isinstance(value, Mapping):
        inner = {key: _marked(item) for key, item in value.items()}
        return {_MAP_KEY: inner} if {_UNKNOWN_KEY, _MAP_KEY} & inner.keys() else inner
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_marked(item) for item in value]
    return value


def _unmarked(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value == {_UNKNOWN_KEY: True}:
            return UNKNOWN
        inner = value[_MAP_KEY] if value.keys() == {_MAP_KEY} else value
        return {key: _unmarked(item) for key, item in inner.items()}
    if isinstance(value, list):
        return [_unmarked(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class PlannedForm:
    """A `Planned` as JSON. Its plan, its JSON and its receipt are files beside it.

    Attributes:
        run: the run whose folders have these files.
        plan: hash of the plan file, empty if it was not taken; None when there is no plan.
        json: whether the plan has JSON; a plan that Terraform itself reports as empty has none.
        frozen: name of each frozen file -> hash.
        receipt: whether there is a receipt.
    """

    run: str
    report: UnitReport
    plan: str | None = None
    json: bool = False
    verdict: Verdict | None = None
    frozen: Mapping[str, str] | None = None
    receipt: bool = False

    @classmethod
    def of(cls, planned: Planned, run: str) -> PlannedForm:
        """Return the form of a plan that a run made."""
        return cls(
            run=run,
            report=planned.report,
            plan=planned.plan.sha256 if planned.plan is not None else None,
            json=planned.plan is not None and planned.plan.json_file is not None,
            verdict=planned.verdict,
            frozen=planned.frozen.files if planned.frozen is not None else None,
            receipt=planned.receipt is not None,
        )

    def read(self, root: Path, unit: Unit) -> Planned:
        """Return the plan, read from its files.

        Raises:
            UnreadablePlanError: its JSON cannot be read.
            BlockedError: its receipt cannot be read.
        """
        folders = RunPaths(root=root, run=self.run)
        frozen = None
        if self.frozen is not None:
            frozen = FrozenFiles(
                root=folders.unit(unit),
                plan=folders.plan(unit),
                extra=(folders.data(unit) / "modules",),
                files=self.frozen,
                plan_sha256=self.frozen["plan"].removeprefix("sha256:"),
            )
        return Planned(
            report=self.report,
            plan=self._record(folders, unit),
            verdict=self.verdict,
            frozen=frozen,
            receipt=Receipt.read(folders.receipt(unit)) if self.receipt else None,
        )

    def _record(self, folders: RunPaths, unit: Unit) -> PlanRecord | None:
        if self.plan is None:
            return None
        file = folders.preview_plan(unit) if self.report.preview else folders.plan(unit)
        if not self.json:
            return empty_plan(file)
        return replace(without_placeholder(read_plan(file, file.with_suffix(".json"))), sha256=self.plan)


@dataclass(frozen=True, slots=True)
class StepOutput:
    """What a worker returns of one step, beside the files that it wrote.

    Attributes:
        root: the worker's copy of the repository; messages name files in it.
        planned: the plan, or only a report.
        records: what it wrote to the journal: event and fields.
        copies: the safety copies that it made: entries of ``copies.json``.
        overtaken, objection: see `ApplyEnd`.
    """

    root: str
    planned: PlannedForm
    records: tuple[Mapping[str, Any], ...] = ()
    copies: tuple[CopyEntry, ...] = ()
    overtaken: bool = False
    objection: str = ""


@dataclass(frozen=True, slots=True)
class RunForm:
    """What is the same for every unit of a run: options and trust, as they were decided where the run began.

    Attributes:
        run: id of the run.
        session: the session name that AWS logs show.
        commit: git's commit of the repository.
        live: the files whose privileged keys come from the protected commit: name -> content in base64; None: none.
        policies: name below ``policies/`` -> content in base64, without the policies that ship with orch.
        digest: of all policies in force.
        waivers, owners, declared, weakened: see `Trust`.
        disposable: stage -> why it may lose everything; see `DisposableStages`.
        break_glass: owner and reason, if the whole run uses the break-glass role.
        cold: let each Terraform command start its own providers.
        values: the values of the run, by name.
        modules: which downloaded modules are merged; None outside CI.
    """

    run: str
    options: RunOptions
    session: str
    commit: str
    policies: Mapping[str, str]
    digest: str
    waivers: tuple[Waiver, ...]
    owners: Mapping[str, tuple[str, ...]]
    declared: tuple[DeclaredWaiver, ...]
    weakened: tuple[Weakening, ...]
    disposable: Mapping[str, str]
    break_glass: tuple[str, str] | None = None
    cold: bool = False
    live: Mapping[str, str] | None = None
    values: Mapping[str, PlainValue] = field(default_factory=dict)
    modules: MergedModules | None = None

    @classmethod
    def of(
        cls,
        judge: Judge,
        *,
        run: str,
        options: RunOptions,
        session: str,
        commit: str,
        break_glass: BreakGlass | None,
        cold: bool,
        live: Mapping[str, bytes] | None,
        values: Mapping[str, PlainValue],
        modules: MergedModules | None,
    ) -> RunForm:
        """Return the form of a run whose plans this judge judges."""
        policies, waivers = judge.policies, judge.waiver_policy
        files = {name: data for name, data in policies.files.items() if not (policies.builtin and judges(name))}
        return cls(
            run=run,
            options=options,
            session=session,
            commit=commit,
            policies={name: base64.b64encode(data).decode() for name, data in files.items()},
            digest=policies.digest,
            waivers=waivers.waivers.entries,
            owners={name: tuple(sorted(emails)) for name, emails in waivers.waivers.owners.emails.items()},
            declared=waivers.declared,
            weakened=judge.weakened,
            disposable=dict(judge.disposable.permissions),
            break_glass=(break_glass.owner, break_glass.reason) if break_glass is not None else None,
            cold=cold,
            live=None if live is None else {name: base64.b64encode(data).decode() for name, data in live.items()},
            values=values,
            modules=modules,
        )

    @property
    def trusted(self) -> Mapping[str, bytes] | None:
        """The files whose privileged keys come from the protected commit; None: none."""
        return None if self.live is None else {name: base64.b64decode(text) for name, text in self.live.items()}

    def trust(self, root: Path) -> Trust:
        """Return what judges the run.

        Raises:
            SetupError: the built-in policies of this orch are others.
        """
        policies = Policies.of(root, {name: base64.b64decode(text) for name, text in self.policies.items()})
        if policies.digest != self.digest:
            message = "the policies of this worker are not those of the run"
            raise SetupError(message, hint="install the same version of orch on each worker")
        owners = Owners({name: frozenset(emails) for name, emails in self.owners.items()})
        waivers = WaiverPolicy(Waivers(entries=self.waivers, owners=owners), self.declared)
        return Trust(base=None, policies=policies, waiver_policy=waivers, weakened=self.weakened)
