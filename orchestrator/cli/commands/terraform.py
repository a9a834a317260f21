"""``orch terraform UNIT -- …``: reading subcommands of Terraform in a unit's root, under the plan role."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.cli.context import Common
from orchestrator.cli.project import open_project
from orchestrator.cli.session import ready_session
from orchestrator.config.catalogue import Unit
from orchestrator.errors import UsageError
from orchestrator.run.request import RunOptions
from orchestrator.run.session import Session
from orchestrator.run.unit.prepare import look
from orchestrator.run.unit.upstreams import Upstreams
from orchestrator.terraform.commands import Root

ALLOWED: dict[str, frozenset[str] | None] = {
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
"""Subcommands that change nothing; a set: only with one of these words after it ("" is none)."""

_INSTEAD = {
    "apply": "orch apply {unit}",
    "plan": "orch plan {unit}",
    "destroy": "orch destroy {unit}",
    "force-unlock": "orch unlock {unit}",
    "import": "`imports:` in the stack names ADDRESS: ID; orch adopt {unit} --state FILE takes a whole state over",
    "init": "orch show {unit} --root",
    "refresh": "orch drift {unit}",
    "state": "orch move FROM TO renames and moves, orch adopt {unit} takes over; for a look: list, show, pull",
    "taint": "orch apply {unit} --replace ADDRESS",
    "untaint": "orch apply {unit}",
    "workspace": "orch stage new NAME: a stage is what a workspace would be",
    "providers": "orch providers lock",
}


def run(common: Common, unit_id: str, arguments: Sequence[str]) -> int:
    """Run a reading subcommand; the exit code is Terraform's."""
    project = open_project(common)
    unit = project.unit(unit_id)
    _check_allowed(unit, arguments)
    request = project.request_for("plan", RunOptions(targets=(unit.id,)), (unit.id,))
    with ready_session(common, request) as session:
        root = prepare(session, unit)
        return session.context.terraform.cli.passthrough(root, list(arguments))


def prepare(session: Session, unit: Unit) -> Root:
    """Render the unit's root for people, with its upstreams' values, and initialise it."""
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
    look(context, unit, root, initialised=False)
    context.terraform.cli.init(root, timeout=unit.timeouts.plan)
    look(context, unit, root, initialised=True)  # `console -plan` would run it
    return root


def _check_allowed(unit: Unit, arguments: Sequence[str]) -> None:
    """Refuse whatever could change a state past a judged plan.

    Raises:
        UsageError: the subcommand is missing or not a reading one; the hint names orch's own verb.
    """
    words = [word for word in arguments if not word.startswith("-")]
    if not words or arguments[0].startswith("-"):
        message = "name a subcommand of Terraform first"
        raise UsageError(message, hint=f"orch terraform {unit.id} -- state list")
    subcommand = arguments[0]
    known = ALLOWED.get(subcommand, frozenset())
    after = arguments[1] if len(arguments) > 1 else ""
    if known is None or after in known or ("" in known and after.startswith("-")):
        return
    shown = f"{subcommand} {after}".strip() if subcommand in ALLOWED else subcommand
    message = f"`terraform {shown}` can change things past a judged plan, so it is not passed on"
    instead = _INSTEAD.get(subcommand)
    reading = ", ".join(sorted(ALLOWED))
    raise UsageError(message, hint=instead.format(unit=unit.id) if instead else f"reading subcommands are {reading}")
