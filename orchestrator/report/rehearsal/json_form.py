"""A rehearsal as JSON, and read back. ``docs/rehearse.md`` describes the form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from orchestrator.errors import UsageError
from orchestrator.report.json import finding_form
from orchestrator.report.rehearsal.model import Rehearsal, RehearsedUnit, ResourceFate, rehearsal_headline
from orchestrator.report.saved import check_names

REHEARSAL_FORMAT = 1
_REHEARSAL = TypeAdapter(Rehearsal)


def rehearsal_form(rehearsal: Rehearsal) -> dict[str, Any]:
    """Return a rehearsal as plain values for JSON."""
    return {
        "format": REHEARSAL_FORMAT,
        "kind": "rehearsal",
        "run": rehearsal.run,
        "targets": list(rehearsal.targets),
        "base": rehearsal.base,
        "base_commit": rehearsal.base_commit,
        "head_commit": rehearsal.head_commit,
        "result": rehearsal_headline(rehearsal.units),
        "exit_code": rehearsal.exit_code,
        "seconds": round(rehearsal.seconds, 3),
        "units": [_unit(unit) for unit in rehearsal.units],
        "calls": [asdict(call) for call in rehearsal.calls],
        "differences": list(rehearsal.differences),
        "placeholders": list(rehearsal.placeholders),
    }


def parse_rehearsal(form: Mapping[str, Any], *, source: str) -> Rehearsal:
    """Return a rehearsal from its JSON form. Keys that a newer orch added are ignored.

    Args:
        form: the JSON document.
        source: its name in error messages.

    Raises:
        UsageError: it is not a rehearsal, or another version of orch wrote it.
    """
    try:
        if form["format"] != REHEARSAL_FORMAT:
            message = f"{source} has format {form['format']!r}; this version of orch reads {REHEARSAL_FORMAT}"
            raise UsageError(message, hint="use the version of orch that wrote it")
        units = [{**unit, "findings": [_finding(each) for each in unit["findings"]]} for unit in form["units"]]
        rehearsal = _REHEARSAL.validate_python({**form, "units": units})
    except (ValidationError, KeyError, TypeError) as error:
        what = error.errors()[0]["loc"] if isinstance(error, ValidationError) else error
        message = f"{source} is not the record of a rehearsal: {what}"
        raise UsageError(message, hint="name a run of `orch rehearse`") from error
    check_names((unit.unit for unit in rehearsal.units), source=source)
    return rehearsal


def _finding(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return a finding's form with the address as Terraform writes it."""
    return {**form, "address": form["resource"]}


def _unit(unit: RehearsedUnit) -> dict[str, Any]:
    return {
        "unit": unit.unit,
        "outcome": str(unit.outcome),
        "target": unit.target,
        "cause": unit.cause,
        "error": unit.error,
        "resources": [_resource(each) for each in unit.resources],
        "findings": [finding_form(each) for each in unit.findings],
    }


def _resource(each: ResourceFate) -> dict[str, Any]:
    return {**asdict(each), "fate": str(each.fate), "lost": each.lost}
