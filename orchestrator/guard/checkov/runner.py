"""Runs checkov in this process, with the checks of ``policies/`` and no others.

Importing this module imports checkov (2 s), so ``judge`` imports it only when it needs it. checkov keeps its checks in
global registries and ignores what a check raises. Here each engine has its own registry, records exceptions, and
reports exactly which check answered for which resource.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from types import ModuleType
from typing import Any

import colorama  # type: ignore[import-untyped]  # checkov depends on it

from orchestrator.errors import CatalogueError, Problem
from orchestrator.guard.policies.load import Policies, Policy


@contextmanager
def quiet_import() -> Iterator[None]:
    """Keep checkov from changing the terminal and the log while it is imported.

    checkov logs through the module-level ``logging`` functions, which install a handler for stderr if the root logger
    has none; so a null handler is added first. It also calls ``colorama.init``, which wraps stdout and stderr; so that
    call is disabled during the import.
    """
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    level = root.level
    real = colorama.init

    def nothing(*_args: object, **_kwargs: object) -> None:
        """Leave stdout and stderr alone."""

    colorama.init = nothing
    try:
        yield
    finally:
        colorama.init = real
        root.setLevel(level)


with quiet_import():
    from checkov.common.models.enums import CheckResult
    from checkov.common.output.report import Report
    from checkov.runner_filter import RunnerFilter
    from checkov.terraform.checks.resource.base_registry import Registry
    from checkov.terraform.checks.resource.registry import resource_registry
    from checkov.terraform.plan_parser import TF_PLAN_RESOURCE_ADDRESS, _prepare_resource_block
    from checkov.terraform.plan_runner import Runner

_FILE = "/plan.json"
"""The file name that checkov reports. The plan is passed in memory, so no secret is written to disk."""

BATCH = 500
"""Number of resources that checkov examines at a time."""

_LOADING = threading.Lock()
"""Held while a check is loaded: it registers itself in checkov's registry, which is global to the process."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a policy. ``name`` says what is wrong if it fails, ``guideline`` what to do."""

    id: str
    name: str
    guideline: str
    policy: str


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """The answer of one check for one resource. ``details`` are the check's reasons."""

    check: str
    address: str
    passed: bool
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckOutcomes:
    """The answers of all checks for one plan.

    Attributes:
        given: every answer.
        missing: (check, address) without an answer -> the reason.
    """

    given: tuple[CheckOutcome, ...]
    missing: Mapping[tuple[str, str], str] = field(default_factory=dict)


class Engine:
    """Runs the checks over prepared plans, one plan at a time.

    Args:
        policies: the policies to load.

    Raises:
        CatalogueError: a check cannot be loaded, registers nothing, or has the id of another one.
    """

    def __init__(self, policies: Policies) -> None:
        self._lock = threading.Lock()
        self._registry = _Registry()
        self.checks: dict[str, Check] = {}
        problems: list[Problem] = []
        for policy in policies.policies:
            self._load(policy, policies.digest, problems)
        if problems:
            raise CatalogueError(problems)
        self._filter = RunnerFilter(framework=["terraform_plan"], checks=sorted(self.checks))

    def run(self, resources: Iterable[dict[str, Any]]) -> CheckOutcomes:
        """Run every check for every resource in its scope.

        Args:
            resources: entries of ``planned_values``, made by ``annotated_resources``. They are taken in batches, so
                that a large plan is never in memory as a whole.

        Raises:
            Exception: whatever checkov itself raises; the caller must treat it as a block.
        """
        given: list[CheckOutcome] = []
        missing: dict[tuple[str, str], str] = {}
        waiting = iter(resources)
        while batch := list(islice(waiting, BATCH)):
            answers = self._ask(batch)
            given.extend(answers.given)
            missing.update(answers.missing)
        return CheckOutcomes(given=tuple(given), missing=missing)

    def _ask(self, resources: list[dict[str, Any]]) -> CheckOutcomes:
        with self._lock:
            self._registry.raised.clear()
            report = _Runner(self._registry, resources).run(files=[_FILE], runner_filter=self._filter)
            given = {
                (each.check_id, each.resource_address): _answer(each, passed=True) for each in report.passed_checks
            }
            failed = {
                (each.check_id, each.resource_address): _answer(each, passed=False) for each in report.failed_checks
            }
            raised = dict(self._registry.raised)
        given.update(failed)
        missing = {
            (check, resource["address"]): raised.get((check, resource["address"]), "it returned no result")
            for resource in resources
            for check in self.for_type(resource["type"])
            if (check, resource["address"]) not in given
        }
        return CheckOutcomes(given=tuple(given.values()), missing=missing)

    def for_type(self, resource_type: str) -> tuple[str, ...]:
        """Return the ids of the checks that must answer for a resource of this type."""
        return tuple(check.id for check in self._registry.get_checks(resource_type))

    def of_policy(self, policy: str) -> frozenset[str]:
        """Return the ids of the checks of one policy."""
        return frozenset(check.id for check in self.checks.values() if check.policy == policy)

    def _load(self, policy: Policy, digest: str, problems: list[Problem]) -> None:
        try:
            found = _registered(policy, digest)
        except BaseException as error:  # a check file may raise anything, including SystemExit
            if isinstance(error, KeyboardInterrupt):
                raise
            problems.append(Problem(policy.at, f"the check cannot be loaded: {type(error).__name__}: {error}"))
            return
        if not found:
            hint = "end the file with an instance of the check class, as checkov's documentation shows"
            problems.append(Problem(policy.at, "the file registers no resource check", hint))
        for check in found:
            if check.id in self.checks:
                other = self.checks[check.id].policy
                problems.append(Problem(policy.at, f"the id {check.id} is already used by policies/{other}"))
                continue
            self.checks[check.id] = Check(check.id, str(check.name), str(check.guideline or ""), policy.name)
            self._registry.register(check)


class _Registry(Registry):  # type: ignore[misc]  # checkov is not followed by mypy
    """The registry of one engine: without built-in checks, without skip comments, and with a record of exceptions."""

    def __init__(self) -> None:
        super().__init__("terraform_plan")
        self.raised: dict[tuple[str, str], str] = {}

    def run_check(  # noqa: PLR0917 - the signature is checkov's
        self,
        check: Any,
        entity_configuration: dict[str, Any],
        entity_name: str,
        entity_type: str,
        scanned_file: str,
        skip_info: Any,  # noqa: ARG002 - nothing is skipped
    ) -> dict[str, Any]:
        """Run one check; checkov's own version ignores exceptions and logs the resource's values."""
        check.details = []
        check.evaluated_keys = []
        check.entity_path = f"{scanned_file}:{entity_type}:{entity_name}"
        try:
            result = check.scan_entity_conf(entity_configuration, entity_type)
        except Exception as error:  # noqa: BLE001 - a check may raise anything; no answer is a block
            key = (check.id, str(entity_configuration.get(TF_PLAN_RESOURCE_ADDRESS)))
            self.raised[key] = f"it raised {type(error).__name__}"  # the message may contain a value
            result = CheckResult.UNKNOWN
        return {"result": result, "evaluated_keys": [], "entity": entity_configuration}


class _Runner(Runner):  # type: ignore[misc]  # checkov is not followed by mypy
    """checkov's plan runner with the definitions passed in: parsing a file and building a graph takes 60 ms a plan."""

    def __init__(self, registry: _Registry, resources: Iterable[Mapping[str, Any]]) -> None:
        super().__init__()
        self.block_type_registries = {"resource": registry}
        blocks = [_prepare_resource_block(resource, None, {}) for resource in resources]
        self.definitions = {_FILE: {"resource": [block for block, _, _ in blocks]}}
        context = {"start_line": 0, "end_line": 0, "code_lines": []}
        self.context = {
            _FILE: {each["address"]: {**context, "address": each["address"]} for each in resources},
        }

    def get_graph_checks_report(self, *_args: object, **_kwargs: object) -> Report:
        """Return an empty report: policies have no graph checks."""
        return Report(self.check_type)


def _answer(record: Any, *, passed: bool) -> CheckOutcome:
    details = tuple(str(each) for each in record.details or ())
    return CheckOutcome(check=record.check_id, address=record.resource_address, passed=passed, details=details)


def _registered(policy: Policy, digest: str) -> list[Any]:
    """Execute a check file and return the checks that it registers, leaving checkov's global registry unchanged."""
    short = hashlib.sha256(f"{policy.folder}{digest}".encode()).hexdigest()[:12]
    module = ModuleType(f"orch_policy_{policy.name}_{short}")
    module.__file__ = str(policy.folder / "check.py")
    code = compile(policy.source, module.__file__, "exec")
    with _LOADING:
        previous = resource_registry.checks, resource_registry.wildcard_checks
        resource_registry.checks, resource_registry.wildcard_checks = defaultdict(list), defaultdict(list)
        sys.modules[module.__name__] = module  # dataclasses look up their module
        try:
            exec(code, module.__dict__)  # noqa: S102 - policies are trusted code of the repository
            found = {id(check): check for _, check in resource_registry.all_checks()}
        finally:
            resource_registry.checks, resource_registry.wildcard_checks = previous
    return list(found.values())
