"""The hidden line about the units of a comment: it comes back, and nothing else is believed."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.ci.planned_units import PlannedUnit, PlannedUnits, parse_units, planned_units, units_line
from orchestrator.errors import Location
from orchestrator.report.comment.marker import Marker
from orchestrator.report.comment.rows import UnitKind
from orchestrator.report.model import Status
from tests.support.comments import RUN, attribute, only_plan, pool_finding, pool_replacement, receipt, unit, update

MARKER = Marker("prod", "1187.1", "3f9c2d1", "9b1c4e2a")
DIGEST = st.from_regex(r"[0-9a-f]{12}", fullmatch=True)
UNITS = st.builds(
    PlannedUnit,
    unit=st.from_regex(r"[a-z]{1,9}/[a-z]{1,9}(@eu-west-1)?", fullmatch=True),
    kind=st.sampled_from(UnitKind),
    preview=st.booleans(),
    shown=DIGEST,
    actions=DIGEST,
    lineage=st.sampled_from(["", "662730bc-dc40-f66d-b115-c358a3185284"]),
    serial=st.integers(-1, 10**6),
)


def body(line: str) -> str:
    return f"{MARKER}\n{line}\n### headline\n"


def planned(*units: PlannedUnit) -> PlannedUnits:
    return PlannedUnits("prod", MARKER.plans, RUN, units)


def encoded(form: object) -> str:
    return f"<!-- orch:units {base64.b64encode(zlib.compress(json.dumps(form).encode())).decode()} -->"


@given(st.lists(UNITS, max_size=12))
def test_what_is_written_is_read(units: list[PlannedUnit]) -> None:
    line = units_line(planned(*units))
    assert "\n" not in line
    assert parse_units(body(line), MARKER) == planned(*units)


def test_the_units_of_a_plan() -> None:
    change = update("aws_s3_bucket.this", attribute("tags.Owner", '"a"', '"b"'))
    plan = only_plan(
        unit("prod/data", change),
        unit("prod/identity", pool_replacement(), status=Status.BLOCKED, findings=(pool_finding("prod/identity"),)),
        unit("prod/api", status=Status.UNCHANGED),
        receipts={"prod/data": receipt("prod/data")},
    )
    found = planned_units(plan)
    assert [(each.unit, each.kind, each.serial) for each in found.units] == [
        ("prod/identity", UnitKind.BLOCKED, -1),
        ("prod/data", UnitKind.UPDATE, 4),
    ]
    assert found.run == RUN
    assert found.planned_at is not None
    assert found.planned_at.isoformat() == "2026-11-24T13:02:07+00:00"


def test_the_digests_follow_what_is_shown() -> None:
    def digests(value: str, address: str = "aws_s3_bucket.this") -> tuple[str, str]:
        (found,) = planned_units(only_plan(unit("prod/data", update(address, attribute("acl", "", value))))).units
        return found.shown, found.actions

    one = digests('"private"')
    assert digests('"private"') == one
    assert digests('"public"')[0] != one[0]
    assert digests('"public"')[1] == one[1], "the same resource, updated as well"
    assert digests('"private"', "aws_s3_bucket.other")[1] != one[1]


def test_a_line_that_moves_does_not_make_it_another_change() -> None:
    places = (None, Location("live/stages/prod.yaml", 7), Location("live/stages/prod.yaml", 9))
    plans = [only_plan(unit("prod/data", update("x.y", attribute("a", "1", "2", where=where)))) for where in places]
    assert len({planned_units(plan).units[0].shown for plan in plans}) == 1


def test_a_thousand_units_fit_and_the_least_important_are_only_counted() -> None:
    units = [
        PlannedUnit(f"prod/u{n}", UnitKind.UPDATE, False, f"{n * 7919:012x}", f"{n * 104729:012x}") for n in range(2000)
    ]
    line = units_line(planned(*units))
    assert len(line) < 12_100
    found = parse_units(body(line), MARKER)
    assert found is not None
    assert found.units[0] == units[0]
    assert len(found.units) + found.more == 2000


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    parse_units(body(f"<!-- orch:units {base64.b64encode(text.encode()).decode()} -->"), MARKER)
    parse_units(f"{MARKER}\n{text}", MARKER)


@pytest.mark.parametrize(
    "form",
    [
        None,
        [],
        {"v": 2},
        {"v": 1, "stage": "prod", "plans": "9b1c4e2a", "run": 7, "more": 0, "units": []},
        {"v": 1, "stage": "prod", "plans": "9b1c4e2a", "run": "", "more": -1, "units": []},
        {"v": 1, "stage": "prod", "plans": "9b1c4e2a", "run": "", "more": True, "units": []},
        {"v": 1, "stage": "prod", "plans": "9b1c4e2a", "run": "", "more": 0, "units": ["prod/x"]},
        {
            "v": 1,
            "stage": "prod",
            "plans": "9b1c4e2a",
            "run": "",
            "more": 0,
            "units": [["<b>", "UPDATE", False, "0" * 12, "0" * 12, "", 1]],
        },
        {
            "v": 1,
            "stage": "prod",
            "plans": "9b1c4e2a",
            "run": "",
            "more": 0,
            "units": [["prod/x", "NEW", False, "0" * 12, "0" * 12, "", 1]],
        },
        {
            "v": 1,
            "stage": "prod",
            "plans": "9b1c4e2a",
            "run": "",
            "more": 0,
            "units": [["prod/x", "UPDATE", 0, "0" * 12, "0" * 12, "", 1]],
        },
        {"v": 1, "stage": "test", "plans": "9b1c4e2a", "run": "", "more": 0, "units": []},
        {"v": 1, "stage": "prod", "plans": "00000000", "run": "", "more": 0, "units": []},
    ],
)
def test_a_line_that_somebody_wrote_is_not_believed(form: object) -> None:
    assert parse_units(body(encoded(form)), MARKER) is None


def test_a_small_line_that_becomes_large_is_not_read_to_its_end() -> None:
    bomb = base64.b64encode(zlib.compress(b"[" + b" " * 9_000_000)).decode()
    assert len(bomb) < 20_000
    assert parse_units(body(f"<!-- orch:units {bomb} -->"), MARKER) is None


def test_only_the_second_line_counts() -> None:
    line = units_line(planned())
    assert parse_units(f"{MARKER}\n### headline\n{line}\n", MARKER) is None
    assert parse_units(str(MARKER), MARKER) is None
