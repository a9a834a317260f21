"""Lineage and serial, from the first bytes of a state or from a saved plan."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from orchestrator.terraform.state.header import HEAD_BYTES, StateHeader, planned_from
from orchestrator.terraform.state.reader import UnreadableStateError

STATE = {
    "version": 4,
    "terraform_version": "1.11.4",
    "serial": 12,
    "lineage": "662730bc-dc40-f66d-b115-c358a3185284",
    "outputs": {"serial": {"value": 99, "type": "number"}, "big": {"value": "x" * 100_000, "type": "string"}},
    "resources": [],
    "check_results": None,
}
HEADER = StateHeader("662730bc-dc40-f66d-b115-c358a3185284", 12)


def test_the_first_bytes_of_what_terraform_wrote_are_enough() -> None:
    assert StateHeader.of(json.dumps(STATE, indent=2).encode()[:HEAD_BYTES]) == HEADER
    assert StateHeader.of(json.dumps(STATE, separators=(",", ":")).encode()[:HEAD_BYTES]) == HEADER


def test_what_a_person_wrote_is_read_whole() -> None:
    data = json.dumps(STATE, sort_keys=True).encode()
    assert StateHeader.of(data) is None
    assert StateHeader.read(data) == HEADER


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b'{"serial": true, "lineage": "x"}', b'{"serial": 1, "lineage": 2}']
)
def test_what_is_no_state_is_said(data: bytes) -> None:
    with pytest.raises(UnreadableStateError):
        StateHeader.read(data)


def test_a_plan_says_which_state_it_was_made_from(tmp_path: Path) -> None:
    plan = tmp_path / "plan"
    with zipfile.ZipFile(plan, "w") as archive:
        archive.writestr("tfplan", b"...")
        archive.writestr("tfstate", json.dumps(STATE, sort_keys=True))
    assert planned_from(plan) == HEADER
    with zipfile.ZipFile(plan, "w") as archive:
        archive.writestr("tfplan", b"...")
    with pytest.raises(UnreadableStateError, match="cannot read which state"):
        planned_from(plan)
    plan.write_bytes(b"encrypted")
    with pytest.raises(UnreadableStateError, match="cannot read which state"):
        planned_from(plan)
