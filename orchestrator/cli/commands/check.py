"""``orch check``: everything that can be checked without AWS."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.commands.check_policies import check_policies
from orchestrator.cli.commands.check_roots import check_roots
from orchestrator.cli.context import Common, command
from orchestrator.cli.options import Changed, CodeQuality, Exclude, Targets
from orchestrator.cli.output import print_progress, print_rows
from orchestrator.cli.project import Project, open_project, start_folder
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.changed import units_of_files
from orchestrator.config.schema.json_schema import stale_schemas
from orchestrator.config.secret_literals import credentials_in_files, literal_secrets
from orchestrator.errors import CatalogueError, Location, Problem, UsageError
from orchestrator.guard.checkov.own_checks import ScannedRoot, run_own_checks
from orchestrator.guard.model import POLICY_WEAKENED
from orchestrator.guard.modules.check import check_modules
from orchestrator.guard.modules.pinned import unpinned_modules
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.trust.trust import check_waivers, weakened_against
from orchestrator.render.scan import ScanRenderer
from orchestrator.report.annotations import github_annotations
from orchestrator.report.check_result import CheckResult
from orchestrator.report.result_files import ResultFiles
from orchestrator.report.tables import Column
from orchestrator.util.plural import plural
from orchestrator.util.streams import write_stderr

_COLUMNS = (
    Column("check"),
    Column("subject"),
    Column("rule", detail=True),
    Column("severity", detail=True),
    Column("guideline", detail=True),
    Column("result"),
)


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
    quality_file: CodeQuality = None,
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Also print problems as annotations of GitHub Actions, on stderr.")
    ] = False,
    by_file: Annotated[
        bool, typer.Option("--files", help="TARGETs are files: check the units that they belong to.")
    ] = False,
) -> int:
    """Check configuration, modules and policies, without AWS.

    Exits with 2 if there is a problem.
    """
    files = ResultFiles(time.monotonic(), sarif_file, junit_file, quality_file)
    try:
        project = open_project(common, offline=True)
    except CatalogueError as error:  # an invalid configuration ends here, with all its problems
        _report([_problem("configuration", each) for each in error.problems], files, annotate=annotate)
        raise
    catalogue = project.catalogue
    if by_file:
        if exclude or changed is not None:
            raise UsageError("--files selects the units by itself: omit --exclude and --changed")
        targets = _units_of(project, common, targets or ())
    selected = project.select_or_all(targets, exclude=exclude, changed=changed) if targets or not by_file else ()
    units = [catalogue.units[id_] for id_ in selected]
    if changed is not None and not units:
        print_progress(common, f"No selected unit differs from {changed}.")
    results = [
        CheckResult(
            "configuration", f"{plural(len(catalogue.units), 'unit')} in {plural(len(catalogue.accounts), 'account')}"
        )
    ]
    results += _schemas(catalogue)
    results += check_policies(catalogue, units)
    results += _modules(catalogue)
    results += _waivers(catalogue)
    results += _secrets(catalogue, units)
    weaker = list(_weaker(catalogue, base)) if base is not None else []
    results += _own_checks(catalogue, units, tell=lambda text: print_progress(common, text)) if not fast else ()
    results += check_roots(
        catalogue, units, fast=fast, tell=lambda text: print_progress(common, text), cold=common.cold
    )
    _report([*results, *weaker], files, annotate=annotate)
    rows = [_row(result) for result in (*results, *weaker)]
    print_rows(common, "check", rows, _COLUMNS)
    if any(result.problem for result in results):
        return 2
    return 3 if any(result.problem for result in weaker) else 0


def _report(results: Sequence[CheckResult], files: ResultFiles, *, annotate: bool) -> None:
    files.write(results)
    if annotate:
        write_stderr(github_annotations(results))


def _units_of(project: Project, common: Common, names: Sequence[str]) -> list[str]:
    """Return the ids of the units that files belong to, in graph order, and name the files that belong to none."""
    root, folder = project.catalogue.root.resolve(), start_folder(common)
    paths = {name: Path(os.path.normpath((folder / name).absolute())) for name in names}
    files: dict[str, frozenset[str]] = {}
    for name, path in paths.items():
        both = (path, path.resolve())  # /tmp is a link on some machines
        files[name] = frozenset(each.relative_to(root).as_posix() for each in both if each.is_relative_to(root))
    found = units_of_files(project.catalogue, _united(files))
    for text in _without_units(project.catalogue, files, paths, found):
        print_progress(common, text)
    return [id_ for id_ in project.graph.order if id_ in found]


def _united(files: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*files.values())


def _without_units(
    catalogue: Catalogue,
    files: Mapping[str, frozenset[str]],
    paths: Mapping[str, Path],
    found: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    """Yield a note for each file that belongs to no unit; the policies are checked without units."""
    used = {each for reasons in found.values() for each in reasons}
    rest = {name: each for name, each in files.items() if not each & used}
    # Where one file belongs to every unit, the others were not looked at.
    looked_again = units_of_files(catalogue, _united(rest)) if rest else {}
    used |= {each for reasons in looked_again.values() for each in reasons}
    for name, each in rest.items():
        if not paths[name].exists():
            yield f"note: {name} does not exist"
        elif not each & used and not any(path.startswith("policies/") for path in each):
            yield f"note: {name} belongs to no unit"


def _row(result: CheckResult) -> dict[str, str]:
    row = {"check": result.check, "subject": result.subject, "problem": result.problem, "note": result.note}
    row |= {"rule": result.rule, "severity": result.severity, "guideline": result.guideline}
    return {**row, "result": result.problem or result.note or "ok"}


def _problem(check: str, problem: Problem) -> CheckResult:
    text = problem.what + (f" — {problem.hint}" if problem.hint else "")
    return CheckResult(check, str(problem.where), text, where=problem.where)


def _schemas(catalogue: Catalogue) -> Iterator[CheckResult]:
    stale = stale_schemas(catalogue.root)
    if not stale:
        yield CheckResult("schemas", "live/.schema")
    for name in stale:
        yield CheckResult("schemas", name, "out of date — run `orch schema`", where=Location(name))


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
    for each in (*found.notes, *unpinned_modules(catalogue)):
        yield CheckResult("modules", str(each.where), note=f"{each.what} — {each.hint}", where=each.where)
    if not found.problems:
        yield CheckResult(
            "modules", f"{plural(len(found.folders), 'folder')}: protected resources have prevent_destroy"
        )


def _waivers(catalogue: Catalogue) -> Iterator[CheckResult]:
    problems = list(check_waivers(catalogue.root))
    if not problems:
        yield CheckResult("waivers", "policies/waivers.yaml, policies/owners.yaml")
    for problem in problems:
        yield _problem("waivers", problem)


def _secrets(catalogue: Catalogue, units: Sequence[Unit]) -> Iterator[CheckResult]:
    """Warn of secrets in ``live/`` and in modules."""
    found = [*credentials_in_files(catalogue), *literal_secrets(catalogue, units)]
    if not found:
        yield CheckResult("secrets", "no literal in a sensitive variable, no credential in live/ and modules")
    for each in found:
        yield CheckResult("secrets", str(each.where), note=f"{each.what} — {each.hint}", where=each.where)


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
        yield CheckResult("checkov", plural(len(roots), "unit"))
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
