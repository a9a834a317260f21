"""What the user asks of one run: units, and options parsed from the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from orchestrator.aws.endpoint import EmulatorEndpoint
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.graph import Graph
from orchestrator.errors import UsageError

THREADED = "threads"
EXECUTORS = (THREADED, "dask")
"""The values of ``--executor``."""

_LOOKING = frozenset({"show", "terraform"})
"""Commands that only prepare the root of a unit."""

REHEARSE = "rehearse"
"""The command that applies to an emulator of its own."""

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_PER_CORE = 4
_MOST_SLOTS = 16
"""A unit needs up to 500 MB with its providers, and AWS throttles the calls of one account."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Selection and limits of one run.

    Attributes:
        targets: the targets as typed.
        exclude: targets to leave out.
        changed: a git revision: only units whose files differ from it; None selects by target alone.
        parallelism: number of units that are planned or applied at the same time; 0 for the default of the run.
        fail_fast: start nothing new after the first failure.
        timeout: seconds for each unit's plan or apply; None uses the unit's own limits.
        lock_timeout: seconds that an apply waits for a state lock held by somebody else.
        break_glass: the reason for applying everything under the break-glass role; None uses it only where a waiver
            requires it.
        replace: addresses in the one selected unit to replace.
        refresh: False plans without reading the resources from AWS. Such plans are shown and judged, and never applied.
        scheduler: address of the scheduler of a Dask cluster whose workers plan and apply; None: threads do.
    """

    targets: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    changed: str | None = None
    parallelism: int = 1
    fail_fast: bool = False
    timeout: float | None = None
    lock_timeout: float = 0.0
    break_glass: str | None = None
    replace: tuple[str, ...] = ()
    refresh: bool = True
    scheduler: str | None = None

    @property
    def terraform_lock_timeout(self) -> str:
        """The lock timeout in Terraform's notation, for example ``90s``."""
        return f"{self.lock_timeout:g}s"

    @classmethod
    def parse(
        cls,
        targets: Sequence[str] | None,
        *,
        exclude: Sequence[str] | None = None,
        changed: str | None = None,
        parallelism: int | None = None,
        fail_fast: bool = False,
        timeout: str | None = None,
        lock_timeout: str = "0s",
        break_glass: str | None = None,
        replace: Sequence[str] | None = None,
        refresh: bool = True,
        executor: str = THREADED,
        scheduler: str | None = None,
    ) -> RunOptions:
        """Parse the values of command-line options.

        Raises:
            UsageError: a duration is invalid, ``--break-glass`` has no reason, or the executor cannot be used.
        """
        cluster = _scheduler(executor, scheduler)
        if break_glass is not None and not re.search(r"\w", break_glass):
            message = "--break-glass requires a reason"
            raise UsageError(message, hint='the reason goes to the AWS logs: --break-glass "CI is down, ticket 4711"')
        return cls(
            targets=tuple(targets or ()),
            exclude=tuple(exclude or ()),
            changed=changed,
            parallelism=parallelism or 0,
            fail_fast=fail_fast,
            timeout=None if timeout is None else parse_duration(timeout, "--timeout"),
            lock_timeout=parse_duration(lock_timeout, "--lock-timeout"),
            break_glass=break_glass,
            replace=tuple(replace or ()),
            refresh=refresh,
            scheduler=cluster,
        )


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run is made for.

    Attributes:
        command: ``plan``, ``apply``, ``destroy``, ``drift``, ``bootstrap``, ``move``, ``adopt``, ``rehearse``, ``show``
            or ``terraform``: the word after ``orch``.
        catalogue: the configuration.
        graph: all units of the configuration, in order.
        selected: ids of the units of this run.
        options: what the user asked for.
        emulator: the running emulator; None for AWS itself.
        reverse: run downstreams first.
        continues: id of the run that this one resumes.
        orphan_providers: provider names of each unit, when the units are no longer in ``live/`` and only their states
            exist; None for units of ``live/``.
        cold: let each Terraform command start its own providers.
        dry_run: show only what the command would do.
        plan_only: change nothing in AWS although the command can: adopt by import leaves that to the next apply.
    """

    command: str
    catalogue: Catalogue
    graph: Graph
    selected: Sequence[str]
    options: RunOptions
    emulator: EmulatorEndpoint | None = None
    reverse: bool = False
    continues: str | None = None
    orphan_providers: Mapping[str, frozenset[str]] | None = None
    cold: bool = False
    dry_run: bool = False
    plan_only: bool = False

    @property
    def checked_as(self) -> str:
        """The command whose checks the run needs: a dry run, or a look at a unit's root, needs those of a plan."""
        if self.command == REHEARSE:
            return "apply"
        return "plan" if self.dry_run or self.plan_only or self.command in _LOOKING else self.command

    @property
    def slots(self) -> int:
        """The number of units that run at the same time.

        By default, four for each CPU core: with warm providers a unit waits for AWS most of its time (docs/speed.md).
        One for each core where it does not: in the emulator, and when each command starts its own providers.
        """
        cores = os.cpu_count() or 1
        waits = self.emulator is None and not self.cold and self.catalogue.settings.warm
        return self.options.parallelism or (min(_PER_CORE * cores, max(cores, _MOST_SLOTS)) if waits else cores)

    @property
    def units(self) -> list[Unit]:
        """The selected units."""
        return [self.catalogue.units[id_] for id_ in self.selected]


def parse_duration(text: str, option: str) -> float:
    """Return the seconds of a duration such as ``90s``, ``10m`` or ``1h30m``.

    Raises:
        UsageError: the text is not a duration.
    """
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        message = f"{option}: invalid duration {text!r}"
        raise UsageError(message, hint="use a form such as 90s, 10m or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def check_scheduler(address: str) -> None:
    """Check that an address of Dask uses TLS, or is on this machine.

    Raises:
        UsageError: it does not, or is not an address.
    """
    parts = urlsplit(address)
    if parts.scheme == "tls" and parts.hostname:
        return
    if parts.scheme != "tcp" or not parts.hostname:
        raise UsageError(f"invalid scheduler {address!r}", hint="write it like tls://scheduler.example.com:8786")
    if not _is_loopback(parts.hostname):
        message = f"the scheduler {address} does not use TLS, and is not on this machine"
        raise UsageError(message, hint="start it with TLS and use tls://HOST:PORT: whoever reaches it can run code")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _scheduler(executor: str, scheduler: str | None) -> str | None:
    """Return the address of the scheduler; None for threads."""
    if executor not in EXECUTORS:
        raise UsageError(f"invalid value for --executor: {executor!r}", hint="one of " + ", ".join(EXECUTORS))
    if executor == THREADED:
        if scheduler is not None:
            raise UsageError("--scheduler requires --executor dask")
        return None
    address = scheduler or os.environ.get("DASK_SCHEDULER_ADDRESS", "")
    if not address:
        hint = "--scheduler tls://HOST:8786, or set DASK_SCHEDULER_ADDRESS"
        raise UsageError("--executor dask requires the address of a scheduler", hint=hint)
    check_scheduler(address)
    return address
