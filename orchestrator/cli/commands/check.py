"""``orch check``: everything that can be checked without AWS."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.aws.identity.profiles import clean_environment
from orchestrator.cli.context import Common, command
from orchestrator.cli.options import Changed, Exclude, Targets
from orchestrator.cli.output import print_progress, print_rows
from orchestrator.cli.project import open_project
from orchestrator.cli.result_files import ResultFiles
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.load import load
from orchestrator.config.schema.json_schema import stale_schemas
from orchestrator.errors import CatalogueError, Location, OrchError, Problem
from orchestrator.guard.checkov.own_checks import ScannedRoot, run_own_checks
from orchestrator.guard.findings import UNTRUSTED_SOURCE
from orchestrator.guard.model import POLICY_WEAKENED
from orchestrator.guard.modules.check import check_modules
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.policy_cases import run_cases
from orchestrator.guard.rules.code import CodeScanner
from orchestrator.guard.trust.live_files import trusted_live
from orchestrator.guard.trust.trust import check_waivers, weakened_against
from orchestrator.render.scan import ScanRenderer
from orchestrator.render.values import unit_references
from orchestrator.render.write import RootRenderer
from orchestrator.report.check_result import CheckResult
from orchestrator.report.tables import Column
from orchestrator.run.assemble import make_terraform
from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.process.supervisor import Processes
from orchestrator.terraform.setup.binary import user_cache
from orchestrator.terraform.warm.providers import WarmProviders, cold_notice
from orchestrator.terraform.warm.start import provider_server


@command
def check(
    common: Common,
    targets: Targets = None,
    exclude: Exclude = None,
    changed: Changed = None,
    fast: Annotated[bool, typer.Option("--fast", help="Skip `terraform validate` and checkov's own checks.")] = False,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="REV",
            help="Exit with 3 if the policies are weaker than at the git revision REV, e.g. origin/main.",
            show_default=False,
        ),
    ] = None,
    sarif_file: Annotated[
        Path | None,
        typer.Option("--sarif", metavar="FILE", help="Also write the results as SARIF 2.1.0.", show_default=False),
    ] = None,
    junit_file: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Also write the results as JUnit XML.", show_default=False),
    ] = None,
) -> int:
    """Check configuration, modules and policies, without AWS.

    Exits with 2 if there is a problem.
    """
    files = ResultFiles(time.monotonic(), sarif_file, junit_file)
    try:
        project = open_project(common, offline=True)
    except CatalogueError as error:  # an invalid configuration ends here, with all its problems
        files.write([_problem("configuration", each) for each in error.problems])
        raise
    catalogue = project.catalogue
    units = [catalogue.units[id_] for id_ in project.select_or_all(targets, exclude=exclude, changed=changed)]
    results = [CheckResult("configuration", f"{len(catalogue.units)} units in {len(catalogue.accounts)} accounts")]
    results += _schemas(catalogue)
    results += _policies(catalogue)
    results += _modules(catalogue)
    results += _waivers(catalogue)
    weaker = list(_weaker(catalogue, base)) if base is not None else []
    results += _own_checks(catalogue, units, tell=lambda text: print_progress(common, text)) if not fast else ()
    results += _roots(catalogue, units, fast=fast, tell=lambda text: print_progress(common, text), cold=common.cold)
    files.write([*results, *weaker])
    rows = [_row(result) for result in (*results, *weaker)]
    print_rows(common, "check", rows, [Column("check"), Column("subject"), Column("result")])
    if any(result.problem for result in results):
        return 2
    return 3 if any(result.problem for result in weaker) else 0


def _row(result: CheckResult) -> dict[str, str]:
    row = {"check": result.check, "subject": result.subject, "problem": result.problem, "note": result.note}
    return {**row, "rule": result.rule, "severity": result.severity, "result": result.problem or result.note or "ok"}


def _problem(check: str, problem: Problem) -> CheckResult:
    text = problem.what + (f" — {problem.hint}" if problem.hint else "")
    return CheckResult(check, str(problem.where), text, where=problem.where)


def _schemas(catalogue: Catalogue) -> Iterator[CheckResult]:
    stale = stale_schemas(catalogue.root)
    if not stale:
        yield CheckResult("schemas", "live/.schema")
    for name in stale:
        yield CheckResult("schemas", name, "out of date — run `orch schema`", where=Location(name))


def _policies(catalogue: Catalogue) -> Iterator[CheckResult]:
    """Report which policies are in force, and run their test cases."""
    problems = run_cases(catalogue.root)
    if not problems:
        yield CheckResult("policies", Policies.load(catalogue.root).source)
    for problem in problems:
        yield _problem("policies", problem)


def _modules(catalogue: Catalogue) -> Iterator[CheckResult]:
    """Check that the modules protect the types that the policies list."""
    try:
        listed = Policies.load(catalogue.root).protected
    except CatalogueError:
        return  # the check of the policies reports it
    try:
        found = check_modules(catalogue, listed)
    except CatalogueError as error:
        for problem in error.problems:
            yield CheckResult("modules", str(problem.where), problem.what, where=problem.where)
        return
    for each in found.problems:
        yield _problem("modules", each)
    for each in found.notes:
        yield CheckResult("modules", str(each.where), note=f"{each.what} — {each.hint}", where=each.where)
    if not found.problems:
        yield CheckResult("modules", f"{len(found.folders)} folders: protected resources have prevent_destroy")


def _waivers(catalogue: Catalogue) -> Iterator[CheckResult]:
    problems = list(check_waivers(catalogue.root))
    if not problems:
        yield CheckResult("waivers", "policies/waivers.yaml, policies/owners.yaml")
    for problem in problems:
        yield _problem("waivers", problem)


def _weaker(catalogue: Catalogue, base: str) -> Iterator[CheckResult]:
    """Check that the policies of the working tree are at least as strict as those at a git revision."""
    weakened = weakened_against(catalogue.root, base)
    if not weakened:
        yield CheckResult("judge", f"as strict as at {base}")
    for each in weakened:
        text = f"weaker than at {base}: {each.what}"
        yield CheckResult("judge", str(each.where), text, where=each.where, rule=POLICY_WEAKENED)


def _own_checks(catalogue: Catalogue, units: Sequence[Unit], *, tell: Callable[[str], None]) -> Iterator[CheckResult]:
    """Run checkov's own checks that ``checks:`` in live/orch.yaml selects."""
    selected = catalogue.settings.checks
    if not selected:
        return
    tell(f"checkov's own checks: {', '.join(selected)}")
    with tempfile.TemporaryDirectory(prefix="orch-checkov-") as name:
        folder = Path(name)
        renderer = ScanRenderer(catalogue)
        roots = [ScannedRoot(unit.folder, unit.id) for unit in units if renderer.render(unit, folder / unit.folder)]
        failed = run_own_checks(folder, roots, selected, repository=catalogue.root) if roots else ()
    if not failed:
        yield CheckResult("checkov", f"{len(roots)} units")
    for each in failed:
        problem = f"{each.check} {each.severity}: {each.resource}: {each.name} (in {', '.join(each.units)})"
        yield CheckResult(
            "checkov",
            str(each.where),
            problem,
            where=each.where,
            rule=each.check,
            severity=each.severity,
            guideline=each.guideline,
        )


def _roots(
    catalogue: Catalogue, units: Sequence[Unit], *, fast: bool, tell: Callable[[str], None], cold: bool
) -> Iterator[CheckResult]:
    """Render every root, and run ``terraform validate`` on one root of each module."""
    with tempfile.TemporaryDirectory(prefix="orch-check-") as name:
        base = Path(name)
        problems: dict[str, str] = {}
        notes: dict[str, str] = {}
        chosen: dict[str, tuple[Unit, Path]] = {}
        workspace = RootRenderer(catalogue, _delete_apis(catalogue))
        for unit in units:
            upstream = {ref.unit: None for _, ref in unit_references(unit)}
            try:
                folder = workspace.render(unit, upstream, base / "roots" / unit.folder).folder
                chosen.setdefault(unit.module.address, (unit, folder))
            except OrchError as error:
                problems[unit.id] = str(error)
        if not fast and chosen:
            tell(f"terraform validate: {', '.join(sorted(chosen))}")
            found = _validate_all(catalogue, list(chosen.values()), base, tell=tell, cold=cold)
            problems.update({unit: each.problem for unit, each in found.items() if each.problem})
            notes.update({unit: each.note for unit, each in found.items() if each.note})
        for unit in units:
            problem, note = problems.get(unit.id, ""), notes.get(unit.id, "")
            yield CheckResult("roots", unit.id, problem, note, where=unit.at)


def _validate_all(
    catalogue: Catalogue, chosen: Sequence[tuple[Unit, Path]], base: Path, *, tell: Callable[[str], None], cold: bool
) -> Mapping[str, CheckResult]:
    """Return what `terraform validate` says about rendered roots: unit -> result."""
    try:
        trusted = trusted_live(catalogue.root, os.environ)
        scanner = CodeScanner(catalogue if trusted is None else load(catalogue.root, trusted=trusted))
    except OrchError as error:
        return {unit.id: CheckResult("roots", unit.id, note=f"not validated: {error}") for unit, _ in chosen}
    cores, cache = os.cpu_count() or 1, user_cache(os.environ)
    with (
        provider_server(
            catalogue.settings, catalogue.root, env=os.environ, cache=cache, slots=cores, cold=cold
        ) as started,
        ThreadPoolExecutor(max_workers=cores) as pool,
    ):
        warm = WarmProviders(started, notify=lambda unit, why: tell(f"{unit}: {cold_notice(why)}"))
        terraform = make_terraform(catalogue, Processes(), base, warm=warm)
        validated = pool.map(lambda each: _validate(terraform, scanner, each[0], each[1], base), chosen)
        return {result.subject: result for result in validated}


def _delete_apis(catalogue: Catalogue) -> tuple[str, ...]:
    """Return the delete APIs for the roots; none if the policies have errors, which ``_policies`` reports."""
    try:
        return Policies.load(catalogue.root).protected.delete_apis
    except CatalogueError:
        return ()


def _validate(terraform: Terraform, scanner: CodeScanner, unit: Unit, folder: Path, base: Path) -> CheckResult:
    """Validate one root. Validating starts its providers, so nothing is done with one that may not run."""
    root = Root(
        unit=unit.id,
        folder=folder,
        data_dir=base / "data" / unit.folder,
        env=clean_environment(os.environ, emulated=True),  # It needs no AWS.
        log=base / "logs" / f"{unit.folder}.log",
    )
    try:
        untrusted = _untrusted(scanner, root, unit, initialized=False)
        if not untrusted:
            terraform.init(root, timeout=unit.timeouts.plan, backend=False)
            untrusted = _untrusted(scanner, root, unit, initialized=True)
        if untrusted:
            return CheckResult("roots", unit.id, note=f"not validated: {untrusted}")
        found = [each for each in terraform.validate(root) if each.severity == "error"]
    except OrchError as error:
        return CheckResult("roots", unit.id, str(error))
    return CheckResult("roots", unit.id, "; ".join(f"{each.file}:{each.line}: {each.summary}" for each in found))


def _untrusted(scanner: CodeScanner, root: Root, unit: Unit, *, initialized: bool) -> str:
    """Return a provider or module of a root that is not listed, or empty. Programs in it do not run here."""
    found = scanner.scan(unit, root.folder, root.data_dir, initialized=initialized)
    return next((each.message for each in found.findings if each.rule == UNTRUSTED_SOURCE), "")
