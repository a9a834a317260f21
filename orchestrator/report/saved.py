"""Reads the saved report of a run back: ``report.json``, in the form that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from orchestrator.errors import UsageError
from orchestrator.report.model import RunReport

_REPORT = TypeAdapter(RunReport)
_LONGEST = 300


def parse_report(form: Mapping[str, Any], *, source: str) -> RunReport:
    """Return a report from its ``--json`` form. Keys that a newer orch added are ignored.

    Args:
        form: the JSON document.
        source: its name in error messages.

    Raises:
        UsageError: it is not a report.
    """
    try:
        units = [{**unit, "findings": [_finding(each) for each in unit["findings"]]} for unit in form["units"]]
        report = _REPORT.validate_python({**form, "units": units})
    except (ValidationError, KeyError, TypeError) as error:
        what = error.errors()[0]["loc"] if isinstance(error, ValidationError) else error
        message = f"{source} is not the report of a run: {what}"
        raise UsageError(message, hint="name the report.json of a run, or the run's id") from error
    check_names([*(unit.unit for unit in report.units), *report.targets], source=source)
    return report


def check_names(names: Iterable[str], *, source: str) -> None:
    """Check that a record names units and targets as people can: other names fit into no comment.

    Raises:
        UsageError: a name is too long.
    """
    if any(len(name) > _LONGEST for name in names):
        message = f"{source} has a unit with a name of more than {_LONGEST} characters"
        raise UsageError(message, hint="no version of orch writes such a record: look at who made it")


def _finding(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return a finding's form with the address as Terraform writes it."""
    return {**form, "address": form["resource"]}
