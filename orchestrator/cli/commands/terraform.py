"""``orch terraform UNIT -- …``: read-only Terraform subcommands in a unit's root, with the plan role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.options import OneUnit
from orchestrator.cli.project import open_project
from orchestrator.cli.session import ready_session
from orchestrator.config.catalogue import Unit
from orchestrator.errors import UsageError
from orchestrator.run.request import RunOptions
from orchestrator.run.session import Session
from orchestrator.run.unit.prepare import scan_configuration
from orchestrator.run.unit.upstreams import Upstreams
from orchestrator.terraform.commands import Root

_READ_ONLY: dict[str, frozenset[str] | None] = {
    "console": None,
    "fmt": frozenset({"-check"}),
    "graph": None,
    "metadata": frozenset({"functions"}),
    "modules": None,
    "output": None,
    "providers": frozenset({"", "schema"}),
    "show": None,
    "state": frozenset({"list", "show", "pull"}),
    "validate": None,
    "version": None,
}
"""The subcommands that change nothing; with a set: only if the next word is in it ("": no next word)."""

_INSTEAD = {
    "apply": "orch apply {unit}",
    "plan": "orch plan {unit}",
    "destroy": "orch destroy {unit}",
    "force-unlock": "orch unlock {unit}",
    "import": "orch adopt {unit} --resource ADDRESS=ID imports it; for a whole state: orch adopt {unit} --state FILE",
    "init": "orch show {unit} --root",
    "refresh": "orch drift {unit}",
    "state": "orch move FROM TO to rename or move, orch adopt {unit} to take over; read-only: list, show, pull",
    "taint": "orch apply {unit} --replace ADDRESS",
    "untaint": "orch apply {unit}",
    "workspace": "a stage takes the place of a workspace: add live/stages/NAME.yaml",
    "providers": "orch providers lock",
}


@command_without_details
def terraform(
    common: Common,
    unit: OneUnit,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- SUBCOMMAND...", help="The subcommand and its arguments.", show_default=False),
    ] = None,
) -> int:
    """Run a read-only Terraform subcommand in a unit's root.

    For example: orch terraform prod/api -- state list
    """
    project = open_project(common)
    found = project.unit(unit)
    _check_allowed(found, arguments or [])
    request = project.request_for("terraform", RunOptions(targets=(found.id,)), (found.id,))
    with ready_session(common, request) as session:
        root = initialized_root(session, found)
        return session.context.terraform.cli.passthrough(root, arguments or [])


def initialized_root(session: Session, unit: Unit) -> Root:
    """Write the unit's root with the values of its upstreams, run ``terraform init`` in it, and return it."""
    context = session.context
    values = Upstreams(context.catalogue, context.aws.states).for_apply(unit)
    rendered = context.terraform.renderer.render(unit, values, context.run.folders.unit(unit))
    shown = context.run.folders.shown(unit)
    context.terraform.renderer.refresh(rendered.folder, shown)
    root = Root(
        unit=unit.id,
        folder=shown,
        data_dir=context.run.folders.data(unit),
        env=context.plan_environment(unit),
        log=context.run.folders.log(unit),
    )
    scan_configuration(context, unit, root, initialized=False)
    context.terraform.cli.init(root, timeout=unit.timeouts.plan)
    scan_configuration(context, unit, root, initialized=True)  # `console -plan` would run them
    return root


def _check_allowed(unit: Unit, arguments: Sequence[str]) -> None:
    """Refuse a subcommand that could change a state without a judged plan.

    Raises:
        UsageError: the subcommand is missing or not read-only; the hint names the command of orch to use.
    """
    words = [word for word in arguments if not word.startswith("-")]
    if not words or arguments[0].startswith("-"):
        message = "no Terraform subcommand given"
        raise UsageError(message, hint=f"orch terraform {unit.id} -- state list")
    subcommand = arguments[0]
    known = _READ_ONLY.get(subcommand, frozenset())
    after = arguments[1] if len(arguments) > 1 else ""
    if known is None or after in known or ("" in known and after.startswith("-")):
        return
    shown = f"{subcommand} {after}".strip() if subcommand in _READ_ONLY else subcommand
    message = f"`terraform {shown}` is not allowed: it can change resources or state without a judged plan"
    instead = _INSTEAD.get(subcommand)
    raise UsageError(
        message,
        hint=instead.format(unit=unit.id) if instead else f"read-only subcommands: {', '.join(sorted(_READ_ONLY))}",
    )
