"""The report of a run as JSON. ``docs/output.md`` describes it; an incompatible change raises ``RUN_FORMAT``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from orchestrator.errors import Location
from orchestrator.guard.model import Finding, Severity
from orchestrator.report.model import (
    ApprovedPlans,
    AttributeChange,
    ChangeLine,
    Judged,
    RunReport,
    StoredPlans,
    UnitReport,
)
from orchestrator.report.outcome import outcome, sums
from orchestrator.report.tables import dump
from orchestrator.report.text import short_address

RUN_FORMAT = 1


def run_json(report: RunReport) -> str:
    """Return the whole run as JSON: every unit, change, attribute and finding, without sensitive values."""
    return dump(run_form(report))


def run_form(report: RunReport) -> dict[str, Any]:
    """Return a run as plain values for JSON."""
    return {
        "format": RUN_FORMAT,
        "kind": "run",
        "run": report.run,
        "verb": report.verb,
        "targets": list(report.targets),
        "refresh": report.refresh,
        "dry_run": report.dry_run,
        "outcome": str(outcome(report)),
        "interrupted": report.interrupted,
        "seconds": round(report.seconds, 3),
        "counts": {str(action): number for action, number in sums(report.units).items()},
        "units": [unit_form(unit) for unit in report.units],
        "notes": list(report.notes),
        "error": report.error,
        "changed_lines": {file: [list(each) for each in lines] for file, lines in report.changed_lines.items()},
        "stored": _plain(report.stored),
        "approved": _plain(report.approved),
    }


def _plain(record: StoredPlans | ApprovedPlans | None) -> dict[str, Any] | None:
    return None if record is None else asdict(record)


def unit_form(unit: UnitReport) -> dict[str, Any]:
    """Return a unit as plain values for JSON."""
    return {
        "unit": unit.unit,
        "account": unit.account,
        "region": unit.region,
        "status": str(unit.status),
        "preview": unit.preview,
        "refresh": unit.refresh,
        "cause": unit.cause,
        "error": unit.error,
        "log": unit.log,
        "seconds": round(unit.seconds, 3),
        "providers": unit.providers,
        "worker": unit.worker,
        "judged": _judged(unit.judged),
        "counts": {str(action): number for action, number in sums([unit]).items()},
        "changes": [_change(change) for change in unit.changes],
        "outputs_changed": list(unit.outputs_changed),
        "findings": [finding_form(finding) for finding in unit.findings],
    }


def finding_form(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain values for JSON.

    ``address`` is that of the change, without ``module.this.``; ``resource`` is the address as Terraform writes it.
    """
    return {
        "id": finding.id,
        "rule": finding.rule,
        "severity": str(finding.severity),
        "unit": finding.unit,
        "address": short_address(finding.address),
        "resource": finding.address,
        "action": finding.action,
        "cause": finding.cause,
        "message": finding.message,
        "hint": finding.hint,
        "lost": finding.lost,
        "inside": finding.inside,
        "waiver": finding.waiver,
        "where": location_form(finding.where),
    }


def finding_of(form: Mapping[str, Any]) -> Finding:
    """Return the finding of a JSON form; keys that a newer orch added are ignored.

    Raises:
        KeyError, TypeError, ValueError: the form is not that of a finding.
    """
    known = {field.name for field in fields(Finding)}
    values = {key: value for key, value in form.items() if key in known}
    where = form["where"]
    values |= {
        "address": form["resource"],
        "severity": Severity(form["severity"]),
        "where": Location(**where) if where else None,
    }
    return Finding(**values)


def location_form(where: Location | None) -> dict[str, Any] | None:
    """Return a place in a file; line and column are 0 if unknown."""
    return {"file": where.file, "line": where.line, "column": where.column} if where else None


def _change(change: ChangeLine) -> dict[str, Any]:
    return {
        "address": change.address,
        "action": str(change.action),
        "reason": change.reason,
        "moved_from": change.moved_from,
        "imported_id": change.imported_id,
        "deposed": change.deposed,
        "attributes": [_attribute(attribute) for attribute in change.attributes],
    }


def _attribute(attribute: AttributeChange) -> dict[str, Any]:
    return {
        "path": attribute.path,
        "before": attribute.before,
        "after": attribute.after,
        "forces_replacement": attribute.forces_replacement,
        "after_upstream": attribute.after_upstream,
        "upstreams": list(attribute.upstreams),
        "where": location_form(attribute.where),
    }


def _judged(judged: Judged | None) -> dict[str, Any] | None:
    return {"checks": list(judged.checks), "expected": list(judged.expected)} if judged else None
