"""The checks of `policies/` as orch uses them: asks each policy's process, and proves that every check answered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Protocol, Self

from orchestrator.errors import CatalogueError, Problem
from orchestrator.guard.checkov.connection import SILENT, PolicyConnection, Resource
from orchestrator.guard.checkov.outcomes import Check, CheckOutcome, CheckOutcomes
from orchestrator.guard.checkov.process import SECONDS, Channel, CheckProcess
from orchestrator.guard.checkov.protocol import Answer, DeclaredChecks
from orchestrator.guard.policies.load import Policies, Policy

BATCH = 500
"""Number of resources that the checks get at a time."""


class Backend(Protocol):
    """What runs the checks: ``CheckProcess``."""

    def channels(self, seconds: float) -> Sequence[Channel]:
        """Return a channel for each policy."""

    def network(self) -> str:
        """Return why the checks can reach the network; empty if they cannot."""

    def close(self) -> None:
        """End it, without waiting for what it does."""


class Checks:
    """The checks of some policies. Safe to use from several threads. Close it, or use it as a context manager.

    Args:
        policies: the policies.
        start: starts what runs the checks, for a number of policies.
        seconds: time limit for each answer.

    Attributes:
        by_id: every check, once ``load`` has returned.
    """

    def __init__(
        self, policies: Policies, *, start: Callable[[int], Backend] = CheckProcess.start, seconds: float = SECONDS
    ) -> None:
        self.policies = policies
        self.by_id: dict[str, Check] = {}
        self._start = start
        self._seconds = seconds
        self._lock = threading.Lock()
        self._backend: Backend | None = None
        self._connections: list[PolicyConnection] | None = None
        self._problems: list[Problem] = []

    def __enter__(self) -> Self:
        """Return the checks themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        self.close()

    def close(self) -> None:
        """End what runs the checks, without waiting for what it does."""
        if self._backend is not None:
            self._backend.close()

    def start(self) -> None:
        """Start what runs the checks; it imports checkov while orch goes on. Otherwise ``load`` starts it.

        Raises:
            SetupError: it cannot be started.
        """
        with self._lock:
            self._started()

    def network(self) -> str:
        """Return why the checks can reach the network; empty if they cannot.

        Raises:
            SetupError: what runs the checks cannot be started.
        """
        with self._lock:
            return self._started().network()

    def load(self) -> None:
        """Load the checks, once; later calls return at once.

        Raises:
            CatalogueError: a check cannot be loaded, registers nothing, or has the id of another one.
            SetupError: what runs the checks cannot be started.
        """
        with self._lock:
            if self._connections is None:
                self._load()
            if self._problems:
                raise CatalogueError(self._problems)

    def of_policy(self, policy: str) -> frozenset[str]:
        """Return the ids of the checks of one policy."""
        return frozenset(check.id for check in self.by_id.values() if check.policy == policy)

    def run(self, resources: Iterable[dict[str, Any]], *, policy: str | None = None) -> CheckOutcomes:
        """Ask every check about every resource in its scope.

        Args:
            resources: entries of ``planned_values``, made by ``annotated_resources``. They are taken in batches, so
                that a large plan is never in memory as a whole.
            policy: ask the checks of this policy alone.

        Raises:
            CatalogueError: as for ``load``.
            SetupError: as for ``load``.
        """
        self.load()
        given: list[CheckOutcome] = []
        missing: dict[tuple[str, str], str] = {}
        waiting = map(Resource.of, resources)
        while batch := list(islice(waiting, BATCH)):
            answered = self._ask(batch, policy)
            given.extend(answered.given)
            missing.update(answered.missing)
        return CheckOutcomes(given=tuple(given), missing=missing)

    def _ask(self, batch: Sequence[Resource], policy: str | None) -> CheckOutcomes:
        """Ask about some resources. Every check that is asked and covers one of them answers, or is missing."""
        answers: dict[tuple[str, int], Answer | str] = {}
        with self._lock:
            connections = [each for each in self._connections or [] if policy in {None, each.policy.name}]
            for connection in connections:
                connection.ask(batch)
            for connection in connections:
                answers.update(connection.answers())
        given: dict[tuple[str, str], CheckOutcome] = {}
        missing: dict[tuple[str, str], str] = {}
        for position, resource in enumerate(batch):
            for check in self._covering(resource.type, policy):
                answer = answers.get((check.id, position), SILENT)
                key = (check.id, resource.address)
                if isinstance(answer, str):
                    missing[key] = answer
                elif key not in given or not answer.passed:  # of two entries for one address, a failure counts
                    given[key] = CheckOutcome(*key, passed=answer.passed, details=answer.details)
        return CheckOutcomes(given=tuple(given.values()), missing=missing)

    def _covering(self, type_: str, policy: str | None) -> tuple[Check, ...]:
        return tuple(each for each in self.by_id.values() if policy in {None, each.policy} and each.covers(type_))

    def _started(self) -> Backend:
        if self._backend is None:
            self._backend = self._start(len(self.policies.policies))
        return self._backend

    def _load(self) -> None:
        channels = self._started().channels(self._seconds)
        connections = [
            PolicyConnection(policy, channel) for policy, channel in zip(self.policies.policies, channels, strict=True)
        ]
        for each in connections:
            each.send_source()
        for each in connections:
            each.checks = self._declared(each.declaration(), each.policy)
        self._connections = connections

    def _declared(self, declared: DeclaredChecks, policy: Policy) -> tuple[Check, ...]:
        """Register the checks that a policy declares, or the problems with them."""
        if declared.problem is not None:
            self._problems.append(Problem(policy.at, f"the check cannot be loaded: {declared.problem}"))
        elif not declared.checks:
            hint = "end the file with an instance of the check class, as checkov's documentation shows"
            self._problems.append(Problem(policy.at, "the file registers no resource check", hint))
        checks: list[Check] = []
        for each in declared.checks:
            if each.id in self.by_id:
                other = self.by_id[each.id].policy
                self._problems.append(Problem(policy.at, f"the id {each.id} is already used by policies/{other}"))
                continue
            check = Check(each.id, each.name, each.guideline, policy.name, each.types)
            self.by_id[check.id] = check
            checks.append(check)
        return tuple(checks)
