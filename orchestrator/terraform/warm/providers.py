"""Warm providers as the Terraform commands use them: attach a command to them, or say why it runs cold."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.terraform.environment import REATTACH
from orchestrator.terraform.root import Root
from orchestrator.terraform.setup.lock_file import LOCK_FILE, locked_providers
from orchestrator.terraform.warm.client import ServerError
from orchestrator.terraform.warm.constraints import unmet_constraint
from orchestrator.terraform.warm.fallback import why_repeat
from orchestrator.terraform.warm.locate import find_packages, link_packages
from orchestrator.terraform.warm.messages import Lease, LeaseEnd, LeaseRequest, LockedPackage
from orchestrator.terraform.warm.start import StartedServer

_REGISTRIES: Mapping[str, str] = {"terraform": "registry.terraform.io", "tofu": "registry.opentofu.org"}
_TRACES = ("TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER")
_NOBODY = json.dumps({"Protocol": "grpc", "ProtocolVersion": 5, "Pid": 1, "Test": True,
                      "Addr": {"Network": "unix", "String": "/dev/null"}})  # fmt: skip
"""A provider that ``terraform init`` neither installs nor starts."""

Notify = Callable[[str, str], None]
"""Takes a unit's id and the reason why its providers are not warm."""


@dataclass(frozen=True, slots=True)
class Attached:
    """One Terraform command that is attached to warm providers. ``variables`` are added to its environment."""

    variables: Mapping[str, str]
    lease: Lease


class WarmProviders:
    """Attaches Terraform commands to warm providers; thread-safe.

    Args:
        started: the provider server, which the caller stops.
        notify: called once for each reason why a unit runs cold although it should not.
    """

    def __init__(self, started: StartedServer, *, notify: Notify) -> None:
        self.off = started.off
        self._server = started.server
        self._registry = _REGISTRIES[started.binary]
        self._places = started.places
        self._notify = notify
        self._lock = threading.Lock()
        self._cold: dict[str, str] = {}
        self._told: set[str] = set()
        self._warm: set[str] = set()
        self._whole: set[str] = set()

    def use_of(self, unit: str) -> str:
        """Return how a unit's providers ran: ``warm``, ``cold: REASON``, or empty if no provider could be needed."""
        with self._lock:
            if unit in self._cold:
                return f"cold: {self._cold[unit]}"
            return "warm" if unit in self._warm else ""

    def attach(
        self, root: Root, environment: Mapping[str, str], *, prepare: bool, whole: bool = False
    ) -> Attached | None:
        """Attach a Terraform command to warm providers; None if it runs cold.

        Args:
            root: the root that it runs in.
            environment: its environment.
            prepare: start provider processes ahead of their first call.
            whole: serve the whole schema: the command cannot be repeated.
        """
        request = self._request(root, environment, note=True)
        if request is None or self._server is None or not request.packages:
            return None
        with self._lock:
            whole = whole or root.unit in self._whole
        try:
            lease = self._server.open(replace(request, prepare=prepare, whole=whole))
        except ServerError as error:
            self.note_cold(root.unit, str(error))
            return None
        for address, reason in lease.cold.items():
            self.note_cold(root.unit, f"{address}: {reason}")
        if not lease.reattach:
            self._close(lease, normal=True)
            return None
        with self._lock:
            self._warm.add(root.unit)
        return Attached({REATTACH: lease.reattach}, lease)

    def detach(self, root: Root, attached: Attached, lines: tuple[str, ...], *, normal: bool) -> str:
        """End the use of warm providers by a command that has ended.

        Args:
            root: the root that it ran in. The last words of a provider that crashed are added to its log.
            attached: what `attach` returned.
            lines: the output of Terraform.
            normal: it succeeded.

        Returns:
            Why the command must be repeated cold, if it may be repeated; empty if its answer stands.
        """
        end = self._close(attached.lease, normal=normal)
        if end.crashed:
            with suppress(OSError), root.log.open("a", encoding="utf-8") as log:
                log.write(f"The provider crashed:\n{end.crashed}\n")
        reason = "" if normal else why_repeat(lines, end)
        if reason:
            with self._lock:  # What its plan needed, its apply needs too, which cannot be repeated.
                self._whole.add(root.unit)
        return reason

    def attachable(self, root: Root, environment: Mapping[str, str]) -> Mapping[str, LockedPackage]:
        """Return the providers that ``terraform init`` need not install: address -> package.

        A package that the lock file does not allow is found when its first process starts: the plan is then cold.
        """
        request = self._request(root, environment, note=False)
        if request is None:
            return {}
        return {each.address: each for each in request.packages}

    def init_variables(self, packages: Mapping[str, LockedPackage]) -> Mapping[str, str]:
        """Return the variables with which ``terraform init`` installs none of these providers."""
        entries = ", ".join(f"{json.dumps(address)}: {_NOBODY}" for address in packages)
        return {REATTACH: f"{{{entries}}}"}

    def finish_init(self, root: Root, packages: Mapping[str, LockedPackage]) -> str:
        """Link the packages into the data folder, and check what init did not.

        Returns:
            Why init must be repeated cold; empty if not.
        """
        try:
            lock_text = (root.folder / LOCK_FILE).read_text(encoding="utf-8")
            link_packages(root.data_dir, lock_text, packages.values())
        except OSError as error:
            return f"providers cannot be linked: {error.strerror}"
        return unmet_constraint(root.folder, root.data_dir, locked_providers(lock_text), self._registry) or ""

    def checksums(self, lock_text: str, providers: Path) -> Mapping[str, str]:
        """Return the checksums of the packages in a data folder that the server verified: address -> ``h1:``."""
        packages, _ = find_packages(lock_text, (providers,))
        if self._server is not None and packages:
            with suppress(ServerError):
                return self._server.checksums(LeaseRequest(packages=tuple(packages.values())))
        return {}

    def note_cold(self, unit: str, reason: str) -> None:
        """Remember that a unit's providers ran cold, and tell the user once for each reason."""
        with self._lock:
            self._cold.setdefault(unit, reason)
            told = reason in self._told
            self._told.add(reason)
        if not told and reason != self.off:
            self._notify(unit, reason)

    def _request(self, root: Root, environment: Mapping[str, str], *, note: bool) -> LeaseRequest | None:
        reason = self.off or _why_cold(environment)
        if not reason:
            try:
                lock_text = (root.folder / LOCK_FILE).read_text(encoding="utf-8")
            except OSError:
                reason = "the root has no lock file"
        if reason:
            if note:
                self.note_cold(root.unit, reason)
            return None
        packages, missing = find_packages(lock_text, (root.data_dir / "providers", *self._places))
        for address, why in missing.items() if note else ():
            self.note_cold(root.unit, f"{address}: {why}")
        return LeaseRequest(
            identity=root.identity,
            environment={name: value for name, value in environment.items() if name != "TF_DATA_DIR"},
            folder=str(root.folder.absolute()),
            data_dir=str(root.data_dir.absolute()),
            types=tuple(sorted(root.types)),
            packages=tuple(packages.values()),
        )

    def _close(self, lease: Lease, *, normal: bool) -> LeaseEnd:
        if self._server is None:
            return LeaseEnd()
        try:
            return self._server.close(lease, normal=normal)
        except ServerError as error:
            return LeaseEnd(failure=str(error))


def cold_notice(reason: str) -> str:
    """Return the line that tells the user why a unit runs cold."""
    return f"each Terraform command starts its own providers: {reason}"


def diagnose(started: StartedServer, lock_text: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return for each locked provider why it is not warm; an empty text if it is. For ``orch doctor``."""
    packages, missing = find_packages(lock_text, started.places)
    reason = started.off or _why_cold(environment)
    cold: Mapping[str, str] = {}
    if started.server is not None and not reason:
        try:
            cold = started.server.verify(LeaseRequest(packages=tuple(packages.values())))
        except ServerError as error:
            reason = str(error)
    return {**missing, **{address: reason or cold.get(address, "") for address in packages}}


def _why_cold(environment: Mapping[str, str]) -> str:
    """Return why an environment needs providers that Terraform itself starts; empty if it does not."""
    if environment.get("AWS_CA_BUNDLE"):
        # Measured with provider 5.100.0: the second Configure of a process fails.
        return "AWS_CA_BUNDLE is set"
    if environment.get(REATTACH):
        return f"{REATTACH} is set"
    trace = next((name for name in _TRACES if environment.get(name)), None)
    return f"{trace} is set: only Terraform can log what its own providers do" if trace else ""
