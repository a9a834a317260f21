"""Records and forms survive JSON, and what the scheduler sees holds no secret."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.state.work import StoredObject
from orchestrator.config.catalogue import Roles
from orchestrator.errors import Location
from orchestrator.guard.model import Finding, Severity, Verdict
from orchestrator.render.values import UNKNOWN
from orchestrator.report.model import AttributeChange, ChangeLine, Status, UnitReport
from orchestrator.run.executor.forms import PlannedForm, StepOutput, dump_form, dump_inputs, load_form, load_inputs
from orchestrator.run.executor.records import Claim, StepKind, UnitResult, UnitTask, WorkPlace
from orchestrator.run.unit.backups import CopyEntry
from orchestrator.terraform.model import Action

texts = st.text(max_size=12)
objects = st.builds(StoredObject, texts, texts, st.integers(min_value=0))
places = st.builds(WorkPlace, texts, texts, texts, texts, st.builds(Roles, texts, texts), st.none() | texts)
tasks = st.builds(
    UnitTask,
    orch=texts,
    run=texts,
    kind=st.sampled_from(StepKind),
    unit=texts,
    baseline=st.booleans(),
    place=places,
    snapshot=objects,
    inputs=st.none() | objects,
    pending=st.lists(texts, max_size=2).map(tuple),
    claim=texts,
    destroy=st.booleans(),
    emulator=texts,
)
claims = st.builds(Claim, texts, texts, texts)
results = st.builds(UnitResult, texts, st.none() | objects, texts, texts, st.booleans(), st.none() | claims)
findings = st.builds(
    Finding,
    **dict.fromkeys(("id", "rule", "unit", "address", "action", "cause", "message", "hint", "lost"), texts),
    severity=st.sampled_from(Severity),
    where=st.none() | st.builds(Location, texts, st.integers(0, 9), st.integers(0, 9)),
    inside=texts,
    waiver=texts,
)
changes = st.builds(
    ChangeLine,
    address=texts,
    action=st.sampled_from(Action),
    attributes=st.lists(st.builds(AttributeChange, texts, texts, texts), max_size=2).map(tuple),
    moved_from=st.none() | texts,
)
reports = st.builds(
    UnitReport,
    unit=texts,
    account=texts,
    region=texts,
    status=st.sampled_from(Status),
    changes=st.lists(changes, max_size=2).map(tuple),
    findings=st.lists(findings, max_size=2).map(tuple),
    cause=texts,
    outputs_changed=st.lists(texts, max_size=2).map(tuple),
    preview=st.booleans(),
    seconds=st.floats(0, 1e6),
    worker=texts,
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.just(UNKNOWN),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "$unknown", "$map", "ü"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(tasks)
def test_a_task_survives_json(task: UnitTask) -> None:
    assert UnitTask.parse(task.text()) == task


@given(results)
def test_a_result_survives_json(result: UnitResult) -> None:
    assert UnitResult.parse(result.text()) == result


@given(st.dictionaries(texts, st.none() | st.dictionaries(texts, values, max_size=3), max_size=3))
def test_upstream_values_survive_json_with_what_is_unknown(given_values: dict[str, Any]) -> None:
    assert load_inputs(dump_inputs(given_values, ["aws_x.y"])) == (given_values, ("aws_x.y",))


@given(reports, st.lists(findings, max_size=2), st.booleans())
def test_what_a_step_returns_survives_json(report: UnitReport, found: list[Finding], overtaken: bool) -> None:
    verdict = Verdict("prod/a", tuple(found), ("ORCH_PROTECTED",))
    planned = PlannedForm("run", report, plan="sha256:1", json=True, verdict=verdict, frozen={"plan": "x"})
    copy = CopyEntry("prod/a", "a", "t", "update", "what", ("where",), "at")
    output = StepOutput("/root", planned, ({"event": "apply-ended", "ok": True},), (copy,), overtaken=overtaken)
    assert load_form(StepOutput, dump_form(StepOutput, output)) == output


def test_the_scheduler_sees_names_hashes_and_places_only() -> None:
    names = {field.name for field in fields(UnitTask)} | {field.name for field in fields(UnitResult)}
    assert names == {
        *("orch", "run", "kind", "unit", "baseline", "place", "snapshot", "inputs", "claim", "destroy", "emulator"),
        "pending",
        *("worker", "bundle", "error", "hint", "begun"),
    }, "a new field must not carry a value of a plan, a variable or a credential"
    task = UnitTask(
        "0", "r", StepKind.PLAN, "u", False, WorkPlace("a", "1", "r", "b", Roles()), StoredObject("k", "h", 1)
    )
    assert isinstance(json.loads(task.text()), dict)
