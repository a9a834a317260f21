"""Prepares a unit's root for a plan: renders it, scans it for code that no plan shows, initializes it.

Forbidden code ends it here. The plan is not made, because making it could run that code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from orchestrator.config.catalogue import Unit
from orchestrator.errors import BlockedError, OrchError, UnitError
from orchestrator.guard.findings import PROTECTED
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.rules.code import ScannedConfiguration
from orchestrator.guard.rules.deletion_protection import switches
from orchestrator.render.prevent_destroy import Override, lift_prevent_destroy, override_resources
from orchestrator.render.values import has_unknown, unit_references
from orchestrator.report.model import Notice, Phase, UnitPhase
from orchestrator.run.context import RunContext
from orchestrator.run.history.unsaved_state import refuse_unsaved
from orchestrator.run.unit.lock_holders import wait_for_lock
from orchestrator.run.unit.upstreams import UpstreamValues
from orchestrator.terraform.commands import Root
from orchestrator.terraform.retries import repeat_passing
from orchestrator.terraform.state.reader import StateInstance, read_instances

_T = TypeVar("_T")
_NOT_IGNORED = frozenset({"timeouts"})
"""What Terraform does not accept in ``ignore_changes``."""


class ConfigurationBlockedError(BlockedError):
    """The configuration contains forbidden code. ``findings`` are all findings, including waived ones."""

    def __init__(self, unit: str, findings: tuple[Finding, ...]) -> None:
        first = next(each for each in findings if each.severity is Severity.BLOCK)
        super().__init__(f"{unit} was not planned: {first.message}", where=first.where, hint=first.hint)
        self.findings = findings


@dataclass(frozen=True, slots=True)
class PreparedUnit:
    """A root that is ready to plan.

    Attributes:
        unknown: names of variables whose values are not known yet.
        scanned: what the configuration contains, and the findings about it before waivers; the judge applies waivers
            again for the report.
    """

    unknown: frozenset[str]
    scanned: ScannedConfiguration


def prepare_unit(
    context: RunContext, unit: Unit, upstream: UpstreamValues, root: Root, *, check_stop: Callable[[], None]
) -> PreparedUnit:
    """Render and initialize a unit's root, and scan it before and after.

    Args:
        context: the run.
        unit: the unit.
        upstream: the outputs of its upstreams.
        root: the root to render into.
        check_stop: raises when the run was interrupted.

    Raises:
        ConfigurationBlockedError: the configuration contains forbidden code.
        OrchError: the unit cannot be rendered or initialized.
    """
    check_stop()
    refuse_unsaved(context.run.folders.root, unit)
    context.run.sink(UnitPhase(unit.id, Phase.RENDER))
    wait_for_lock(context, unit)
    rendered = context.terraform.renderer.render(unit, upstream.values, root.folder)
    scan_configuration(
        context, unit, root, initialized=False
    )  # Before init, so that an unlisted provider is not downloaded.
    context.run.sink(UnitPhase(unit.id, Phase.INIT))
    timeout = context.run.options.timeout or unit.timeouts.plan
    with_retries(context, unit, "init", lambda: context.terraform.cli.init(root, timeout=timeout))
    scanned = scan_configuration(context, unit, root, initialized=True)
    # Refresh the copy for people only when every value is known.
    if None not in upstream.values.values() and not has_unknown(upstream.values):
        context.terraform.renderer.refresh(root.folder, context.run.folders.shown(unit))
    return PreparedUnit(rendered.unknown, scanned)


def with_retries(context: RunContext, unit: Unit, command: str, action: Callable[[], _T]) -> _T:
    """Return the result of ``init`` or ``plan``, which is tried again after an error that passes on its own.

    An apply is never tried again: its request may have reached AWS although its answer was lost, and a second one could
    create a second resource.

    Raises:
        TerraformError: as for `repeat_passing`.
    """

    def told(pattern: str, why: str) -> None:
        context.run.journal.note("retried", unit=unit.id, command=command, pattern=pattern)
        context.run.sink(Notice(text=f"{command} failed with {why}", unit=unit.id))

    patterns = context.catalogue.settings.retry
    return repeat_passing(action, patterns=patterns, wait=context.run.stop.wait, told=told)


def scan_configuration(context: RunContext, unit: Unit, root: Root, *, initialized: bool) -> ScannedConfiguration:
    """Return what a scan finds in the configuration, with its findings before waivers.

    Raises:
        ConfigurationBlockedError: a finding is not waived.
    """
    scanned = context.guard.scanner.scan(unit, root.folder, root.data_dir, initialized=initialized)
    allowed = context.guard.judge.waiver_policy.apply(scanned.findings)
    if any(each.severity is Severity.BLOCK for each in allowed):
        raise ConfigurationBlockedError(unit.id, allowed)
    return scanned


@contextmanager
def initialize_ahead(context: RunContext, units: Iterable[Unit]) -> Iterator[None]:
    """Initialize the roots of units in a thread, one after the other, so that their own init has nothing left to do.

    What fails here fails again, and is reported, when it is the unit's turn. A unit whose turn comes during its init
    waits for it: init holds a lock.

    Args:
        context: the run.
        units: units that were not planned yet, in the order of their turns.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="init") as pool:
        for unit in units:
            pool.submit(_initialize, context, unit)
        try:
            yield
        finally:
            pool.shutdown(cancel_futures=True)


def _initialize(context: RunContext, unit: Unit) -> None:
    if context.run.stop.is_set():
        return
    root = context.root(unit, preview=True)  # The folder of previews: the other one belongs to the unit's turn.
    unknown = {ref.unit: None for _, ref in unit_references(unit)}
    with suppress(OrchError, OSError):
        context.terraform.renderer.render(unit, unknown, root.folder)
        # Before init, so that an unlisted provider is not downloaded.
        scan_configuration(context, unit, root, initialized=False)
        context.terraform.cli.init(root, timeout=context.run.options.timeout or unit.timeouts.plan)


def lift_waived(context: RunContext, unit: Unit, root: Path) -> tuple[str, ...]:
    """Lift ``prevent_destroy`` from resources that may be destroyed, before the unit is planned.

    These are the ones that valid waivers name; in a disposable stage, all of the unit's state.

    Args:
        context: the run.
        unit: the unit.
        root: its root in this run. What is written there is judged together with the plan.

    Returns:
        why ``prevent_destroy`` could not be lifted, one message per resource.
    """
    waivers = context.guard.judge.waiver_policy.waivers.for_unit(unit.id)
    addresses = [waiver.address for waiver in waivers if waiver.rule == PROTECTED]
    if context.guard.judge.disposable.permission(unit) and (state := context.aws.states.read(unit)) is not None:
        addresses += state.addresses
    return lift_prevent_destroy(root, addresses) if addresses else ()


def write_switches(context: RunContext, unit: Unit, root: Path, addresses: Sequence[str]) -> None:
    """Write override files that switch off the protection of resources.

    Every other attribute is ignored, here and in the other resources of the state, so that a plan that is limited to
    these resources and to what they depend on does nothing else, whatever the configuration says by now.

    Args:
        context: the run.
        unit: the unit.
        root: its rendered root in this run.
        addresses: the resources, as in the state.

    Raises:
        UnitError: the protection of a resource cannot be switched off by its configuration.
        DeniedError, ThrottledError, SetupError: its state cannot be read.
    """
    found = context.aws.objects.read(unit)
    instances = {each.address: each for each in (read_instances(found.data) if found is not None else ())}
    for address in addresses:
        if address not in instances:
            raise _cannot(address, "it is not in the state")
        if instances[address].tainted:
            raise _cannot(address, "it is tainted, so it would be replaced")
    overrides = {address: _override(each, switch=address in addresses) for address, each in instances.items()}
    problems = override_resources(root, overrides, required=True)
    for address in addresses:
        if address in problems:
            raise _cannot(address, problems[address])


def _override(instance: StateInstance, *, switch: bool) -> Override:
    attributes = switches(instance.type, instance.attributes) if switch else {}
    ignored = instance.attributes.keys() - attributes.keys() - _NOT_IGNORED
    return Override(attributes, tuple(sorted(ignored)))


def _cannot(address: str, why: str) -> UnitError:
    message = f"the protection of {address.removeprefix('module.this.')} cannot be switched off: {why}"
    return UnitError(message, hint="switch it off in AWS, then try again")
