"""Makes a unit's root ready for a plan: rendered, looked through for what no plan shows, initialised.

What is found in the text and not allowed ends it here: the plan is not made, because making it could run it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.config.catalogue import Unit
from orchestrator.errors import BlockedError
from orchestrator.guard.model import Finding, Severity
from orchestrator.render.values import has_unknown
from orchestrator.report.model import Phase, UnitPhase
from orchestrator.run.context import RunContext
from orchestrator.run.history.unsaved_state import refuse_unsaved
from orchestrator.run.unit.locking import wait_for_lock
from orchestrator.run.unit.upstreams import UpstreamValues
from orchestrator.terraform.commands import Root


class ConfigurationBlockedError(BlockedError):
    """The configuration brings along what is not allowed. ``findings`` say what, those that waivers allow as well."""

    def __init__(self, unit: str, findings: tuple[Finding, ...]) -> None:
        first = next(each for each in findings if each.severity is Severity.BLOCK)
        super().__init__(f"{unit} was not planned: {first.message}", where=first.where, hint=first.hint)
        self.findings = findings


@dataclass(frozen=True, slots=True)
class PreparedUnit:
    """A root that may be planned.

    Attributes:
        unknown: the variables whose value is not known yet.
        findings: what was found in the configuration, before waivers: the judge applies them again, for the report.
    """

    unknown: frozenset[str]
    findings: tuple[Finding, ...]


def prepare_unit(
    context: RunContext, unit: Unit, inflow: UpstreamValues, root: Root, *, check_stop: Callable[[], None]
) -> PreparedUnit:
    """Render, look, initialise, look at what init fetched.

    Args:
        context: the run.
        unit: the unit.
        inflow: what its upstreams give.
        root: where its root goes.
        check_stop: raises when the run was interrupted.

    Raises:
        ConfigurationBlockedError: something in the configuration is not allowed.
        OrchError: it cannot be rendered or initialised.
    """
    check_stop()
    refuse_unsaved(context.run.folders.root, unit)
    context.run.sink(UnitPhase(unit.id, Phase.RENDER))
    wait_for_lock(context, unit)
    rendered = context.terraform.renderer.render(unit, inflow.values, root.folder)
    scan_configuration(
        context, unit, root, initialised=False
    )  # before init: a provider that nobody listed is not even fetched
    context.run.sink(UnitPhase(unit.id, Phase.INIT))
    context.terraform.cli.init(root, timeout=context.run.options.timeout or unit.timeouts.plan)
    findings = scan_configuration(context, unit, root, initialised=True)
    # the root for people is brought up to date when every value is known
    if None not in inflow.values.values() and not has_unknown(inflow.values):
        context.terraform.renderer.refresh(root.folder, context.run.folders.shown(unit))
    return PreparedUnit(rendered.unknown, findings)


def scan_configuration(context: RunContext, unit: Unit, root: Root, *, initialised: bool) -> tuple[Finding, ...]:
    """What the configuration brings along that no plan shows, before waivers.

    Raises:
        ConfigurationBlockedError: something that no waiver allows.
    """
    found = context.guard.scanner.scan(unit, root.folder, root.data_dir, initialised=initialised)
    allowed = context.guard.judge.waiver_policy.apply(found)
    if any(each.severity is Severity.BLOCK for each in allowed):
        raise ConfigurationBlockedError(unit.id, allowed)
    return found
