"""Renders the roots that ``orch check`` looks at, and runs ``terraform validate`` on one of each module."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.aws.identity.profiles import clean_environment
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.load import load
from orchestrator.errors import CatalogueError, OrchError
from orchestrator.guard.findings import READS_FILE, UNTRUSTED_SOURCE
from orchestrator.guard.model import Severity
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.rules.code import CodeScanner
from orchestrator.guard.trust.base_commit import find_base
from orchestrator.guard.trust.live_files import trusted_live
from orchestrator.guard.trust.live_modules import merged_modules
from orchestrator.render.values import unit_references
from orchestrator.render.write import RootRenderer
from orchestrator.report.check_result import CheckResult
from orchestrator.run.assemble import make_terraform
from orchestrator.run.failure.wrong_inputs import wrong_inputs
from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.process.supervisor import Processes
from orchestrator.terraform.setup.binary import user_cache
from orchestrator.terraform.warm.providers import WarmProviders, cold_notice
from orchestrator.terraform.warm.start import provider_server
from orchestrator.util.ci import is_protected
from orchestrator.util.git import Repository


def check_roots(
    catalogue: Catalogue, units: Sequence[Unit], *, fast: bool, tell: Callable[[str], None], cold: bool
) -> Iterator[CheckResult]:
    """Render every root, and run ``terraform validate`` on one root of each module."""
    with tempfile.TemporaryDirectory(prefix="orch-check-") as name:
        base = Path(name)
        found: dict[str, CheckResult] = {}
        chosen: dict[str, tuple[Unit, Path]] = {}
        workspace = RootRenderer(catalogue, _delete_apis(catalogue))
        for unit in units:
            upstream = {ref.unit: None for _, ref in unit_references(unit)}
            try:
                folder = workspace.render(unit, upstream, base / "roots" / unit.folder).folder
                chosen.setdefault(unit.module.address, (unit, folder))
            except OrchError as error:
                found[unit.id] = CheckResult("roots", unit.id, str(error), where=unit.at)
        if not fast and chosen:
            tell(f"terraform validate: {', '.join(sorted(chosen))}")
            found |= _validate_all(catalogue, list(chosen.values()), base, tell=tell, cold=cold)
        for unit in units:
            yield found.get(unit.id, CheckResult("roots", unit.id, where=unit.at))


def _validate_all(
    catalogue: Catalogue, chosen: Sequence[tuple[Unit, Path]], base: Path, *, tell: Callable[[str], None], cold: bool
) -> Mapping[str, CheckResult]:
    """Return what `terraform validate` says about rendered roots: unit -> result."""
    try:
        scanner = _scanner(catalogue)
    except OrchError as error:
        note = f"not validated: {error}"
        return {unit.id: CheckResult("roots", unit.id, note=note, where=unit.at) for unit, _ in chosen}
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


def _scanner(catalogue: Catalogue) -> CodeScanner:
    """Return what finds untrusted sources; in CI, what is trusted comes from the protected commit.

    Raises:
        CatalogueError: the files of the protected commit do not fit.
        SetupError: in CI, if the target of the change cannot be determined.
    """
    trusted = trusted_live(catalogue.root, os.environ)
    counts = catalogue if trusted is None else load(catalogue.root, trusted=trusted)
    if not is_protected(os.environ):
        return CodeScanner(counts, merged=None)
    repository = Repository.find(catalogue.root)
    return CodeScanner(counts, merged=merged_modules(catalogue, repository, find_base(repository, os.environ)))


def _delete_apis(catalogue: Catalogue) -> tuple[str, ...]:
    """Return the delete APIs for the roots; none if the policies have errors, which ``check_policies`` reports."""
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
            return CheckResult("roots", unit.id, note=f"not validated: {untrusted}", where=unit.at)
        found = [each for each in terraform.validate(root) if each.severity == "error"]
    except OrchError as error:
        return CheckResult("roots", unit.id, str(error), where=unit.at)
    wrong = list(wrong_inputs(unit, found))
    others = [f"{each.file}:{each.line}: {each.summary}" for each in found if not each.argument]
    where = wrong[0].where if wrong else unit.at
    return CheckResult("roots", unit.id, "; ".join([*map(str, wrong), *others]), where=where)


def _untrusted(scanner: CodeScanner, root: Root, unit: Unit, *, initialized: bool) -> str:
    """Return why a root is not validated: a provider or module that is not listed, in CI also a file; or empty.

    Programs in it do not run here. A file would be read, and a message of Terraform could show what is in it.
    """
    rules = {UNTRUSTED_SOURCE} if scanner.merged is None else {UNTRUSTED_SOURCE, READS_FILE}
    found = scanner.scan(unit, root.folder, root.data_dir, initialized=initialized).findings
    return next((each.message for each in found if each.rule in rules and each.severity is Severity.BLOCK), "")
