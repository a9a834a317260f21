"""Nothing sensitive is ever shown, whatever the shape of the plan and of its marks."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.report.final.report import render_changes, render_report
from orchestrator.report.final.sections import SharedChanges, UnitBlock, arrange
from orchestrator.report.final.units import render_unit
from orchestrator.report.json import run_json
from orchestrator.report.live.plain import PlainLines
from orchestrator.report.model import ChangeLine, Status, UnitDone, UnitReport
from orchestrator.report.values.changes import change_lines, scrub
from orchestrator.terraform.model import Action, OutputChange, PlanRecord
from tests.support.reports import change, lines, plan, run, unit

KEYS = ("name", "password", "tags", "environment", "variables", "policy", "value", "a b")
WORDS = ("", "on", "eu-west-1", "prod", "a\nb", "\x1b[31m", "{", "[1]", "ünï")


@dataclass
class Made:
    """A value with its mirrors, and the parts of it that must never be seen."""

    value: Any
    sensitive: Any = False
    unknown: Any = False


@dataclass
class Secrets:
    """Hands out unique secrets and remembers them."""

    long: tuple[str, ...]
    made: list[str] = field(default_factory=list)
    number: int = 7_000_000

    def text(self, *, odd: bool) -> str:
        self.number += 1
        self.made.append(f"sk-{self.number}")
        return f'sk-{self.number}"<\n&é>' if odd else f"sk-{self.number}"

    def short(self) -> str:
        self.number += 1
        self.made.append(f"§{self.number % 1000}§")
        return self.made[-1]

    def integer(self) -> int:
        self.number += 1
        self.made.append(str(self.number))
        return self.number


def hidden_leaf(draw: st.DrawFn, secrets: Secrets) -> Any:
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return secrets.short()
    if kind == 1:
        return secrets.integer()
    if kind == 2:
        return [secrets.text(odd=True), {"k": secrets.integer()}]
    if kind == 3:
        return json.dumps({"password": secrets.text(odd=False), "deep": [secrets.integer()]})
    return draw(st.sampled_from(secrets.long))


def open_leaf(draw: st.DrawFn, secrets: Secrets) -> Any:
    """A value without a mark; some repeat a secret that is marked elsewhere."""
    kind = draw(st.integers(0, 7))
    long = draw(st.sampled_from(secrets.long))
    echoes = {
        0: f"https://user:{long}@host/",
        1: json.dumps({"inner": {"url": long}}),
        2: {long: "as a key"},
        3: [long, "x"],
        4: "not json {" + json.dumps(long),
    }
    return echoes[kind] if kind in echoes else draw(st.one_of(st.sampled_from(WORDS), st.booleans(), st.integers(0, 9)))


def node(draw: st.DrawFn, secrets: Secrets, depth: int) -> Made:
    kind = draw(st.integers(0, 9))
    if kind <= 1:
        return Made(hidden_leaf(draw, secrets), sensitive=True)
    if kind == 2:
        return Made(None, unknown=True)
    if kind <= 4 or depth == 0:
        return Made(open_leaf(draw, secrets))
    if kind <= 6:
        items = [node(draw, secrets, depth - 1) for _ in range(draw(st.integers(0, 3)))]
        return Made([i.value for i in items], [i.sensitive for i in items], [i.unknown for i in items])
    return mapping(draw, secrets, depth)


def mapping(draw: st.DrawFn, secrets: Secrets, depth: int) -> Made:
    """As in Terraform's JSON: the sensitive mirror leaves out false, and the value leaves out what is unknown."""
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=4))
    items = {key: node(draw, secrets, depth - 1) for key in keys}
    return Made(
        {k: m.value for k, m in items.items() if m.unknown is not True},
        {k: m.sensitive for k, m in items.items() if m.sensitive is not False},
        {k: m.unknown for k, m in items.items()},
    )


@st.composite
def plans(draw: st.DrawFn) -> tuple[PlanRecord, list[str]]:
    """A plan and every piece of text that must not appear in anything made from it."""
    base = draw(st.integers(1000, 9999))
    secrets = Secrets(long=(f"LONG-{base}-one", f'LONG-{base}-"two"\n<&é>'))
    marked = {f"s{i}": secret for i, secret in enumerate(secrets.long)}
    changes = [
        change(
            Action.CREATE,
            None,
            marked,
            address="module.this.random_password.this",
            after_sensitive=dict.fromkeys(marked, True),
        )
    ]
    for number in range(draw(st.integers(1, 3))):
        action = draw(st.sampled_from([a for a in Action if a is not Action.READ]))
        before, after = mapping(draw, secrets, 3), mapping(draw, secrets, 3)
        changes.append(
            change(
                action,
                None if action is Action.CREATE else before.value,
                None if action in {Action.DELETE, Action.FORGET} else after.value,
                address=f"module.this.aws_x.y[{number}]",
                before_sensitive=before.sensitive,
                after_sensitive=after.sensitive,
                after_unknown=after.unknown,
                replace_paths=tuple((key,) for key in draw(st.lists(st.sampled_from(KEYS), max_size=2))),
            )
        )
    output = OutputChange("token", Action.CREATE, {"t": [secrets.text(odd=True)]}, False, sensitive=True)
    return plan(*changes, outputs={"token": output}), [*secrets.made, f"LONG-{base}-"]


def everything(record: PlanRecord) -> str:
    """Return everything that the report package makes of a plan."""
    marks = {(c.address, key): ("prod/identity",) for c in record.changes for key in KEYS}
    report = unit("prod/x", Status.BLOCKED, change_lines(record, marks), outputs_changed=tuple(record.outputs))
    second = replace(report, unit="prod/y", status=Status.PLANNED, changes=change_lines(record))
    whole = run(report, second)
    stream = io.StringIO()
    sink = PlainLines(stream)
    sink(UnitDone(report))
    sink.close()
    return "\n".join(
        [
            render_unit(report, width=60),
            render_unit(second, color=True, width=200),
            render_changes(run(report, second, verb="destroy")),
            render_report(whole),
            render_report(run(replace(report, status=Status.APPLIED)), verbose=True),
            run_json(whole),
            repr(whole),
            stream.getvalue(),
        ]
    )


@given(plans())
@settings(max_examples=150, deadline=None)
def test_no_sensitive_leaf_appears_in_any_output(made: tuple[PlanRecord, list[str]]) -> None:
    record, secrets = made
    text = everything(record)
    assert [secret for secret in secrets if secret in text] == []


@given(plans())
@settings(max_examples=100, deadline=None)
def test_counts_are_the_plans_own(made: tuple[PlanRecord, list[str]]) -> None:
    record, _ = made
    report = unit("prod/x", changes=change_lines(record))
    assert {a: report.count(a) for a in Action} == {a: record.count(a) for a in Action}


@given(st.lists(plans(), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_grouping_loses_no_change(made: list[tuple[PlanRecord, list[str]]]) -> None:
    units = [unit(f"prod/u{i}", changes=change_lines(record)) for i, (record, _) in enumerate([*made, made[0]])]
    items = [item for section in arrange(run(*units, verb="plan")) for item in section.items]
    shared = [item for item in items if isinstance(item, SharedChanges)]
    own = [
        (item.unit.unit, entry.change)
        for item in items
        if isinstance(item, UnitBlock)
        for entry in item.entries
        if entry.change is not None
    ]
    together = [(name, each) for item in shared for each in item.changes for name in item.units]
    assert {*own, *together} == {(u.unit, c) for u in units for c in u.changes}
    assert not {*own} & {*together}
    assert all(len(item.units) == len(set(item.units)) > 1 for item in shared)
    assert not any(each.action.destructive for item in shared for each in item.changes)
    assert len({item.units for item in shared}) == len(shared)


@given(plans())
@settings(max_examples=100, deadline=None)
def test_what_is_printed_is_printable(made: tuple[PlanRecord, list[str]]) -> None:
    record, _ = made
    report = unit("prod/x", changes=change_lines(record))
    text = render_unit(report) + render_report(run(report))
    assert all(c == "\n" or c.isprintable() for c in text)
    assert json.loads(run_json(run(report)))["units"][0]["unit"] == "prod/x"


SECRET = "correct-horse-battery"


def seen(*made: ChangeLine) -> str:
    report: UnitReport = unit("prod/x", changes=made)
    return render_unit(report) + run_json(run(report))


@pytest.mark.parametrize(
    "mirror",
    [True, {"x": True}, {"x": [True]}, {"x": {"a": {"b": True}}}, {"x": {"a": ["no", True]}}, [True], {"x": "yes"}],
)
def test_marks_of_a_wrong_shape_hide_the_whole_value(mirror: Any) -> None:
    after = {"x": {"a": ["hunter2", "hunter3", "3"]}}  # too short to be looked for elsewhere
    assert "hunter" not in seen(*lines(change(Action.CREATE, None, after, after_sensitive=mirror)))


def test_a_mark_that_goes_away_reveals_nothing() -> None:
    (line,) = lines(
        change(
            Action.UPDATE,
            {"pin": 1234, "l": [1234, 5678]},
            {"pin": 4321, "l": [4321]},
            before_sensitive={"pin": True, "l": [True, True]},
            after_sensitive={},
        )
    )
    assert "4321" not in seen(line)
    assert ("pin", "(sensitive)", "(sensitive)") in [(a.path, a.before, a.after) for a in line.attributes]


def test_a_sensitive_value_that_stays_is_no_change() -> None:
    mark = {"pw": True}
    (line,) = lines(
        change(Action.UPDATE, {"pw": "x", "n": 1}, {"pw": "x", "n": 2}, before_sensitive=mark, after_sensitive=mark)
    )
    assert [a.path for a in line.attributes] == ["n"]


def test_a_provider_that_copies_a_value_does_not_reveal_it() -> None:
    after = {"tags": {"t": SECRET}, "tags_all": {"t": SECRET}, "url": f"https://x:{SECRET}@y", "region": "eu-west-1"}
    (line,) = lines(change(Action.CREATE, None, after, after_sensitive={"tags": {"t": True}}))
    assert SECRET not in seen(line)
    assert ("region", '"eu-west-1"') in [(a.path, a.after) for a in line.attributes]


def test_a_value_inside_terraforms_jsonencode_does_not_reveal_it() -> None:
    after = {"pw": "a<b>&c-secret", "script": 'export C={"pw":"a\\u003cb\\u003e\\u0026c-secret"}'}
    (line,) = lines(change(Action.CREATE, None, after, after_sensitive={"pw": True}))
    assert "c-secret" not in seen(line)


def test_words_inside_a_marked_map_do_not_hide_every_arn() -> None:
    after = {"settings": {"region": "eu-west-1"}, "arn": "arn:aws:sqs:eu-west-1:1:q", "region": "eu-west-1"}
    (line,) = lines(change(Action.CREATE, None, after, after_sensitive={"settings": True}))
    assert {a.path: a.after for a in line.attributes} == {
        "arn": '"arn:aws:sqs:eu-west-1:1:q"',
        "region": "(sensitive)",
        "settings": "(sensitive)",
    }


@pytest.mark.parametrize(
    ("variables", "hidden"),
    [
        ({"DB_PASSWORD": "abc"}, True),
        ({"apiKey": "abc"}, True),
        ({"STRIPE_TOKEN_2": "abc"}, True),
        ({"DATABASE_URL": "postgres://u:abc@h/d"}, True),
        ({"TOKEN_TTL": "abc"}, False),
        ({"SECRET_ARN": "abc"}, False),
        ({"TABLE": "abc"}, False),
        ({"COMPASS": "abc"}, False),
    ],
)
def test_environment_variables_are_hidden_by_their_name(variables: dict[str, str], hidden: bool) -> None:
    blocks = {"environment": [{"variables": variables}]}
    container = {
        "container_definitions": json.dumps([{"environment": [{"name": k, "value": v} for k, v in variables.items()]}])
    }
    for after in (blocks, container):
        text = seen(*lines(change(Action.CREATE, None, after)))
        assert ("abc" not in text) is hidden


def test_names_are_judged_in_environments_only() -> None:
    assert "abc" in seen(*lines(change(Action.CREATE, None, {"password": "abc"})))


def test_an_error_that_repeats_a_secret_is_scrubbed() -> None:
    record = plan(change(Action.CREATE, None, {"pw": SECRET, "n": "short"}, after_sensitive={"pw": True, "n": True}))
    block = f'Error: InvalidParameter: "{SECRET}" is too short\n\n  with {SECRET}-2'
    assert scrub(record, block) == 'Error: InvalidParameter: "(sensitive)" is too short\n\n  with (sensitive)-2'


def test_a_secret_that_reads_like_a_name_hides_neither_address_nor_attribute() -> None:
    after = {"secret_string": "deletion_protection", "deletion_protection": "ACTIVE"}
    made = change(
        Action.REPLACE,
        {"secret_string": "x", "deletion_protection": "INACTIVE"},
        after,
        address="module.this.aws_x.deletion_protection",
        after_sensitive={"secret_string": True},
        replace_paths=(("deletion_protection",),),
    )
    (line,) = lines(made)
    assert line.address == "aws_x.deletion_protection"
    assert line.reason.endswith(": deletion_protection")
    assert [(a.path, a.after) for a in line.attributes] == [
        ("deletion_protection", '"ACTIVE"'),
        ("secret_string", "(sensitive)"),
    ]
