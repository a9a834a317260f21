"""``orch diff``: what this tree changes in units, compared with a git revision, without AWS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.options import Exclude, Targets
from orchestrator.cli.output import color_on, write
from orchestrator.cli.project import Project, open_project, project_of
from orchestrator.config.catalogue import Catalogue
from orchestrator.config.changed import unit_sources
from orchestrator.config.revision import catalogue_at
from orchestrator.errors import CatalogueError, UsageError
from orchestrator.guard.policies.load import read_policy_files, with_builtin
from orchestrator.guard.policies.protected import PROTECTED_FILE, Protected
from orchestrator.render.compare import ComparedSide, InputChange, compare_units
from orchestrator.report.style import Paint
from orchestrator.report.tables import rows_json
from orchestrator.report.text import clean
from orchestrator.util.git import Repository
from orchestrator.util.plural import agreeing, plural

Revision = Annotated[
    str, typer.Argument(metavar="REV", help="Git revision to compare with, e.g. origin/main.", show_default=False)
]


@command_without_details
def diff(
    common: Common,
    revision: Revision,
    targets: Targets = None,
    exclude: Exclude = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 0: no differences, 2: differences.")
    ] = False,
) -> int:
    """Compare resolved inputs and module files with a git revision.

    Compares this working tree with REV, without AWS. Compares all units if no TARGET is given.
    """
    project = open_project(common, offline=True)
    root = project.catalogue.root
    repository = Repository.find(root)
    if repository is None:
        message = f"{root} is not a git repository"
        raise UsageError(message, hint="orch diff requires a git clone")
    with catalogue_at(repository, revision) as before:
        old = project_of(before)
        ids = _selected(project, old, targets, exclude)
        changed = repository.differing(repository.commit(revision) or "", ["."])
        files = {id_: _files(id_, (project.catalogue, before), changed) for id_ in ids}
        found = compare_units(_side(before), _side(project.catalogue), ids, files)
    if common.json:
        write(rows_json("diff", [_row(each) for each in found]) + "\n")
    else:
        write("\n".join(_lines(found, ids, revision, Paint(color_on(common)))) + "\n")
    return 2 if found and detailed_exitcode else 0


def _side(catalogue: Catalogue) -> ComparedSide:
    """Return a configuration with the list of its ``policies/``; without it if that is not valid (`orch check`)."""
    files = with_builtin(read_policy_files(catalogue.root))
    try:
        listed = Protected.parse(files.get(PROTECTED_FILE, b""), shown_as=PROTECTED_FILE)
    except CatalogueError:
        return ComparedSide(catalogue)
    return ComparedSide(catalogue, listed.delete_apis)


def _selected(
    new: Project, old: Project, targets: Sequence[str] | None, exclude: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the units that the targets match in this tree or in the revision.

    Raises:
        UsageError: a target matches nothing in either.
    """
    found: dict[str, None] = {}
    for target in targets or ["*"]:
        errors: list[UsageError] = []
        for project in (new, old):
            try:
                found |= dict.fromkeys(project.select([target]))
            except UsageError as error:
                errors.append(error)
        if len(errors) == 2:
            raise errors[0]
    left_out: set[str] = set()
    for project in (new, old):
        known = [each for each in exclude or () if _matches(project, each)]
        left_out |= {id_ for each in known for id_ in project.select([each])}
    return tuple(id_ for id_ in found if id_ not in left_out)


def _matches(project: Project, target: str) -> bool:
    try:
        return bool(project.select([target]))
    except UsageError:
        return False


def _files(id_: str, catalogues: Iterable[Catalogue], changed: Iterable[str]) -> list[str]:
    """Return the files of a unit's module and archives that differ; ``live/`` shows in the inputs."""
    paths: set[str] = set()
    for catalogue in catalogues:
        if (unit := catalogue.units.get(id_)) is not None:
            paths |= {path for path in unit_sources(catalogue, unit) if not path.startswith("live/")}
    folders = tuple(path for path in paths if path.endswith("/"))
    return sorted(file for file in changed if file in paths or file.startswith(folders))


def _row(each: InputChange) -> dict[str, Any]:
    change = "added" if each.before is None else "removed" if each.after is None else "changed"
    if each.key == "file":
        change = "changed"
    row = {"unit": each.unit, "key": each.key, "change": change}
    return {**row, "before": each.before, "after": each.after, "where": each.where}


def _lines(found: Sequence[InputChange], ids: Sequence[str], revision: str, paint: Paint) -> Iterable[str]:
    units = dict.fromkeys(each.unit for each in found)
    for unit in units:
        own = [each for each in found if each.unit == unit]
        whole = next((each for each in own if each.key == "unit"), None)
        if whole is not None:
            sign, style, what = ("+", "green", "new") if whole.before is None else ("-", "red", "removed")
            yield paint(f"{sign} {clean(unit)}", style) + f"  {what}  # {clean(whole.where)}"
            continue
        yield paint(f"~ {clean(unit)}", "bold")
        for each in own:
            if each.key == "file":
                yield f"    file {clean(str(each.after))}"
            else:
                yield f"    {clean(each.key)}: {_value(each.before)} -> {_value(each.after)}  # {clean(each.where)}"
    same = len(ids) - len(units)
    differ = agreeing(len(units), "differs", "differ")
    yield f"{plural(len(units), 'unit')} {differ} from {clean(revision)}, {same} equal"


def _value(value: Any) -> str:
    return "(none)" if value is None else clean(json.dumps(value, ensure_ascii=False))
