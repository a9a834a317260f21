"""``orch rehearse``: a change is tried on an emulator with data in it; the work is in ``rehearse_run.py``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli.commands.rehearse_run import RehearsalPlan, run_rehearsal, terminated_as_interrupt
from orchestrator.cli.context import Common, command
from orchestrator.cli.options import Changed, DryRun, Exclude, Parallelism, SetValues, Targets, Timeout, given_values
from orchestrator.cli.output import color_on, print_nothing_changed, print_progress, print_rows, write
from orchestrator.cli.project import Project, open_project
from orchestrator.config.catalogue import Unit
from orchestrator.config.live.outline import read_outline
from orchestrator.config.nodes import PlainValue
from orchestrator.errors import CatalogueError, OrchError, UsageError
from orchestrator.guard.trust.base_commit import find_base
from orchestrator.hcl.modules.contents import resource_types
from orchestrator.report.comment.rehearsal import rehearsal_markdown
from orchestrator.report.rehearsal.json_form import rehearsal_form
from orchestrator.report.rehearsal.model import Rehearsal
from orchestrator.report.rehearsal.text import render_rehearsal
from orchestrator.report.result_files import write_result
from orchestrator.report.style import width_of
from orchestrator.report.tables import Column, dump
from orchestrator.run.rehearse.contents import CONTENTS, NUMBER
from orchestrator.run.rehearse.scope import RehearsalScope, rehearsal_scope
from orchestrator.run.request import RunOptions
from orchestrator.util.git import Repository
from orchestrator.util.plural import plural


@command
def rehearse(
    common: Common,
    targets: Targets = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="REV",
            help="Git revision to start from. Default: where this branch left the protected branch.",
            show_default=False,
        ),
    ] = None,
    exclude: Exclude = None,
    changed: Changed = None,
    parallelism: Parallelism = None,
    timeout: Timeout = None,
    values: SetValues = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="FILE", help="Also write the result as Markdown; - is stdout.", show_default=False
        ),
    ] = None,
    dry_run: DryRun = False,
) -> int:
    """Try a change on an emulator with data in it.

    Applies REV to a private emulator, puts users, items and objects into it, applies the working tree, and says what
    survived. Never uses AWS.
    """
    options = RunOptions.parse(targets, exclude=exclude, changed=changed, parallelism=parallelism, timeout=timeout)
    given = given_values(values)
    head = open_project(common, given=given)
    if not options.targets and options.changed is None:
        head.select(())  # says which targets there are
    repository = Repository.find(head.catalogue.root)
    if repository is None:
        message = f"{head.catalogue.root} is not a git repository"
        raise UsageError(message, hint="orch rehearse compares with a git revision, so it requires a git clone")
    name, commit = _revision(repository, base)
    with terminated_as_interrupt(), _private_folder() as folder, _worktree(repository, commit, folder) as root:
        before = _open_base(replace(common, folder=root), name, given)
        scope = _scope(before, head, options)
        if not scope.units():
            empty = Rehearsal("", options.targets, name, commit, repository.head, ())
            return _print_nothing(common, empty, options, None if dry_run else file, dry_run=dry_run)
        if dry_run:
            return _print_plan(common, before, head, scope)
        rehearsal = run_rehearsal(common, RehearsalPlan(before, head, scope, options, name, commit), folder)
    _print(common, rehearsal, file)
    return rehearsal.exit_code


def _scope(before: Project, head: Project, options: RunOptions) -> RehearsalScope:
    """Return the units of both revisions. A target that only one of them has is what the change adds or removes.

    Raises:
        UsageError: a target matches nothing in either, or ``--exclude`` leaves none.
    """
    targets = options.targets or ("*",)
    in_base, in_head = (_matching(project, targets) for project in (before, head))
    for target in (*targets, *options.exclude):
        if not _matching(before, [target]):
            head.select([target])
    without = set(_matching(before, options.exclude)) | set(_matching(head, options.exclude))
    in_base, in_head = ([id_ for id_ in ids if id_ not in without] for ids in (in_base, in_head))
    if not in_base and not in_head:
        raise UsageError("--exclude removes every selected unit", hint="exclude less, or select more")
    if options.changed is not None:
        differing = head.select(["*"], changed=options.changed)
        in_base = [id_ for id_ in in_base if id_ not in head.catalogue.units]
        in_head = [id_ for id_ in in_head if id_ in differing]
    both = ((before.catalogue, before.graph), (head.catalogue, head.graph))
    return rehearsal_scope(*both, in_base=in_base, in_head=in_head)


def _matching(project: Project, targets: Sequence[str]) -> list[str]:
    """Return the units of one revision that any of the targets matches."""
    found: dict[str, None] = {}
    for target in targets:
        with suppress(UsageError):
            found |= dict.fromkeys(project.select([target]))
    return list(found)


def _revision(repository: Repository, base: str | None) -> tuple[str, str]:
    """Return name and commit of the revision to start from.

    Raises:
        UsageError: it does not exist here.
        SetupError: in CI, if the target of the change cannot be determined.
    """
    if base is None:
        found = find_base(repository, os.environ)
        if found is None:
            raise UsageError("this repository has no commit", hint="commit first, or name a revision with --base REV")
        return f"the merge base with {found.description}", found.forked
    commit = repository.commit(base)
    if commit is None:
        message = f"unknown git revision {base!r}"
        raise UsageError(message, hint="`git fetch` it, or name another one, e.g. --base origin/main")
    return base, commit


@contextmanager
def _private_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="orch-rehearse-", ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


@contextmanager
def _worktree(repository: Repository, commit: str, folder: Path) -> Iterator[Path]:
    """Yield the folder of a revision that has ``live/``, checked out.

    Raises:
        SetupError: git failed.
    """
    path = folder / "base"
    inside = repository.root.resolve().relative_to(repository.top())
    try:
        repository.add_worktree(commit, path)
        yield path / inside
    finally:
        repository.remove_worktree(path)


def _open_base(common: Common, name: str, given: Mapping[str, PlainValue]) -> Project:
    """Load the configuration of base, with those values of the run that it declares.

    Raises:
        UsageError: it has none, or it is not valid.
    """
    if not (common.folder / "live" / "orch.yaml").is_file():
        message = f"{name} has no live/orch.yaml"
        raise UsageError(message, hint="name a revision since the first one with live/")
    try:
        declared = read_outline(common.folder).settings.run
        return open_project(common, given={key: value for key, value in given.items() if key in declared})
    except CatalogueError as error:
        message = f"the configuration of {name} is not valid: {error.problems[0]}"
        raise UsageError(message, hint="start from a revision whose `orch check` passes") from error


def _print(common: Common, rehearsal: Rehearsal, file: Path | None) -> None:
    if file is not None and str(file) != "-":
        write_result(file, rehearsal_markdown(rehearsal))
    if common.json:
        write(dump(rehearsal_form(rehearsal)) + "\n")
    elif file is not None and str(file) == "-":
        write(rehearsal_markdown(rehearsal))
    else:
        color, width = color_on(common), width_of(sys.stdout)
        text = render_rehearsal(rehearsal, verbose=common.verbose, color=color, width=width, stack=sys.stdout.isatty())
        write(text + "\n")


def _print_nothing(common: Common, empty: Rehearsal, options: RunOptions, file: Path | None, *, dry_run: bool) -> int:
    """Print that no selected unit differs, in the form that a rehearsal has: who reads it expects that."""
    if file is not None and str(file) != "-":
        write_result(file, f"No selected unit differs from {options.changed}.\n")
    if not common.json:
        return print_nothing_changed(common, "rehearse", options)
    if dry_run:
        print_rows(common, "rehearse", [])
    else:
        write(dump(rehearsal_form(empty)) + "\n")
    return 0


def _print_plan(common: Common, before: Project, head: Project, scope: RehearsalScope) -> int:
    """Print the units that would be applied, and the data that would be created."""
    rows = [_plan_row(id_, before, head, scope) for id_ in scope.units()]
    columns = ("unit", "account", "base", "head", "target", Column("data", wrap=True))
    print_rows(common, "rehearse", rows, columns)
    print_progress(common, "Nothing was started. Without --dry-run, all of it happens on an emulator.")
    return 0


def _plan_row(id_: str, before: Project, head: Project, scope: RehearsalScope) -> dict[str, Any]:
    old, new = before.catalogue.units.get(id_), head.catalogue.units.get(id_)
    unit = new or old
    return {
        "unit": id_,
        "account": unit.account if unit is not None else "",
        "base": id_ in scope.base,
        "head": id_ in scope.head,
        "target": id_ in scope.targets,
        "data": scope.left_out.get(id_) or _data(before, old),
    }


def _data(project: Project, unit: Unit | None) -> str:
    """Return what would be put into the resources of a unit, by the types that its module has."""
    if unit is None:
        return "none: the unit is new"
    if unit.module.path is None:
        return "not known before its module is fetched"
    try:
        types = resource_types(unit.module.path, project.catalogue.root)
    except OrchError:
        return "not known"
    return ", ".join(
        f"{plural(NUMBER, CONTENTS[each].noun)} in each {each}" for each in sorted(types & CONTENTS.keys())
    )
