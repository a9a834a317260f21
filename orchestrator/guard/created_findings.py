"""Judges the resources of units by the policies before there is a plan: what ``orch check`` finds without AWS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.guard.checkov.annotate import annotated_resources
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.findings import PROTECTED, FindingBuilder
from orchestrator.guard.model import Finding
from orchestrator.guard.modules.created import CreatedResource, created_resources
from orchestrator.guard.plan.reader import PlanDocument
from orchestrator.hcl.modules.read import local_closure
from orchestrator.hcl.modules.scanned import ScannedModule, scan_modules


@dataclass
class CreatedFindings:
    """What the policies find.

    Attributes:
        findings: what they reject, in the order of the units.
        resources: how many resources they judged.
        open: how many verdicts need a plan, because the files do not tell every value.
    """

    findings: list[Finding] = field(default_factory=list)
    resources: int = 0
    open: int = 0


def judge_created(catalogue: Catalogue, units: Iterable[Unit], checks: Checks) -> CreatedFindings:
    """Let every policy judge the resources of units as if a plan would create them.

    A check that rejects a resource of which not every value is known here is only counted: a plan decides about it. So
    is one that gives no answer, since a plan has attributes that nobody writes.

    Args:
        catalogue: the loaded configuration.
        units: the units. One whose module Terraform downloads has no files to read.
        checks: the policies.

    Raises:
        CatalogueError: a module or a check cannot be read.
        SetupError: the process of the checks cannot be started.
    """
    found = CreatedFindings()
    modules: dict[Path, ScannedModule] = {}
    for unit in units:
        path = unit.module.path
        if path is None:
            continue
        if path not in modules:
            modules[path] = scan_modules(local_closure(path, catalogue.root), catalogue.root)[0]
        imported = {f"module.this.{address}" for address in unit.imports}
        created = [
            each for each in created_resources(catalogue, unit, modules[path]) if each.change.address not in imported
        ]
        _judge(unit, created, checks, found, root=catalogue.root)
    return found


def _judge(
    unit: Unit, created: Sequence[CreatedResource], checks: Checks, found: CreatedFindings, *, root: Path
) -> None:
    changes = tuple(each.change for each in created)
    by_address = {each.change.address: each for each in created}
    builder = FindingBuilder(unit, root, checks.policies.protected, changes)
    document = PlanDocument(
        errored=False,
        changes=changes,
        deferred=frozenset(),
        prior=frozenset(),
        planned=frozenset(by_address),
        faults=(),
    )
    resources = annotated_resources(document, checks.policies.protected, one_place=not unit.providers)
    outcomes = checks.run(resources)
    found.resources += len(created)
    found.open += len(outcomes.missing)
    for each in outcomes.given:
        if each.passed or each.check == PROTECTED:  # Nothing is lost by a creation.
            continue
        resource = by_address[each.address]
        if not resource.determined:
            found.open += 1
            continue
        check = checks.by_id[each.check]
        finding = builder.violation(
            each.check,
            resource.change,
            name=check.name,
            hint=check.guideline,
            details=each.details,
            guards_data=False,
        )
        found.findings.append(finding)
