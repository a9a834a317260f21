"""A rehearsal as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from orchestrator.errors import UsageError
from orchestrator.report.rehearsal.json_form import parse_rehearsal, rehearsal_form
from orchestrator.report.rehearsal.model import Outcome, Rehearsal, RehearsedUnit, rehearsal_headline
from orchestrator.report.rehearsal.text import render_rehearsal
from orchestrator.report.tables import dump
from tests.support.rehearsals import kept, lost, mixed, whole


def test_the_text(golden: Callable[[str, str], None]) -> None:
    golden("report/rehearsal.txt", render_rehearsal(mixed(), verbose=False, color=False, width=100) + "\n")


def test_when_everything_survives_it_says_so() -> None:
    text = render_rehearsal(
        whole(RehearsedUnit("prod/identity", Outcome.SURVIVED, resources=(kept(),)), calls=()),
        verbose=False,
        color=False,
        width=100,
    )
    assert "The emulator models every call that was made." in text
    assert text.splitlines()[-2].endswith(" from origin/main (0a1b2c3), 42s")
    assert text.splitlines()[-1] == "orch rehearse prod: 1 survived"


def test_what_holds_no_data_and_stays_is_shown_with_verbose_only() -> None:
    key = kept("aws_kms_key.this", "", before=0, after=0)
    rehearsal = whole(RehearsedUnit("prod/keys", Outcome.SURVIVED, resources=(key,)))
    assert "aws_kms_key" not in render_rehearsal(rehearsal, verbose=False, color=False, width=100)
    assert "aws_kms_key" in render_rehearsal(rehearsal, verbose=True, color=False, width=100)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([Outcome.SURVIVED, Outcome.NEW, Outcome.REMOVED], 0),
        ([Outcome.SURVIVED, Outcome.FAILED], 1),
        ([Outcome.SURVIVED, Outcome.NOT_REHEARSED], 1),
        ([Outcome.FAILED, Outcome.BLOCKED], 3),
        ([Outcome.NOT_REHEARSED, Outcome.LOST], 3),
        ([], 0),
    ],
)
def test_exit_codes(outcomes: list[Outcome], code: int) -> None:
    assert whole(*(RehearsedUnit(f"prod/{each.name.lower()}", each) for each in outcomes)).exit_code == code


def test_json_is_read_back_as_it_was_written_and_newer_keys_are_ignored() -> None:
    form = json.loads(dump(rehearsal_form(mixed())))
    assert (form["format"], form["kind"], form["exit_code"]) == (1, "rehearsal", 3)
    assert form["result"] == rehearsal_headline(mixed().units)
    form["later"] = form["units"][0]["later"] = 1
    read: Rehearsal = parse_rehearsal(form, source="x")
    assert read == mixed()


@pytest.mark.parametrize("change", [{"format": 2}, {"units": [{}]}, {"units": "x"}, {"run": None}])
def test_a_record_of_another_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"rehearsal\.json"):
        parse_rehearsal({**rehearsal_form(mixed()), **change}, source="rehearsal.json")


def test_a_loss_counts_once_what_is_protected_or_had_data() -> None:
    assert lost().lost
    assert not kept().lost
    assert kept(after=None).lost
