"""Runs the checks of one policy over resources: checkov's registry and checks, without its runner.

Only the process of the policy imports this module, and with it checkov. checkov keeps its checks in global registries
and ignores what a check raises. Here an engine has its own registry, records exceptions, and reports exactly which
check answered for which resource. checkov's runner would add a graph and a report, whose import takes most of 1.8 s.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import Any

from orchestrator.guard.checkov.postponed import POSTPONED, postponed_packages
from orchestrator.guard.checkov.protocol import Answer, DeclaredCheck, NoAnswer, Reply

with postponed_packages():
    import checkov.terraform.checks.resource.base_resource_check  # noqa: F401 - each policy imports it
    from checkov.common.models.enums import CheckResult
    from checkov.runner_filter import RunnerFilter
    from checkov.terraform.checks.resource.base_registry import Registry
    from checkov.terraform.checks.resource.registry import resource_registry
    from checkov.terraform.plan_parser import _prepare_resource_block

_FILE = "/plan.json"
"""The file name that checkov passes on. The plan is in memory, so no secret is written to disk."""

_FRAMEWORK = "terraform_plan"


class PolicyEngine:
    """Runs the checks of one policy.

    Args:
        policy: its name.
        file: the name of its source, for tracebacks.
        source: the content of ``check.py``.

    Raises:
        BaseException: whatever the source raises, SystemExit included.
    """

    def __init__(self, policy: str, file: str, source: bytes) -> None:
        self._registry = _Registry()
        self.checks: list[DeclaredCheck] = []
        for check in _registered(policy, file, source):
            types = tuple(str(each) for each in check.supported_entities)
            self.checks.append(
                DeclaredCheck(id=check.id, name=str(check.name), guideline=str(check.guideline or ""), types=types)
            )
            self._registry.register(check)
        self._filter = RunnerFilter(framework=[_FRAMEWORK], checks=[each.id for each in self.checks])

    def answer(self, number: int, resources: Sequence[Mapping[str, Any]]) -> Reply:
        """Run every check for every resource in its scope.

        Args:
            number: the number of the request.
            resources: entries of ``planned_values``, made by ``annotated_resources``.
        """
        given: list[Answer] = []
        raised: list[NoAnswer] = []
        for position, resource in enumerate(resources):
            results = self._registry.results(resource, self._filter)
            for check, result in results.items():
                if result.error is not None:
                    raised.append(NoAnswer(check=check, resource=position, error=result.error))
                elif result.passed is not None:
                    answer = Answer(check=check, resource=position, passed=result.passed, details=result.details)
                    given.append(answer)
        return Reply(request=number, given=tuple(given), raised=tuple(raised))


@dataclass(frozen=True, slots=True)
class _Result:
    """What a check made of a resource: passed or failed, or the type of what it raised, or neither."""

    passed: bool | None = None
    details: tuple[str, ...] = ()
    error: str | None = None


class _Registry(Registry):  # type: ignore[misc]  # checkov is not followed by mypy
    """The registry of one policy: without built-in checks, without skip comments, and with a record of exceptions."""

    def __init__(self) -> None:
        super().__init__(_FRAMEWORK)
        self._results: dict[str, _Result] = {}

    def results(self, resource: Mapping[str, Any], runner_filter: RunnerFilter) -> Mapping[str, _Result]:
        """Run every check that covers a resource, as checkov's runner for plans does."""
        self._results = {}
        try:
            block, _, _ = _prepare_resource_block(resource, None, {})
        except Exception as error:  # noqa: BLE001 - a resource that checkov cannot read; no answer is a block
            found = self.get_checks(resource["type"])
            return {check.id: _Result(error=type(error).__name__) for check in found}
        self.scan(_FILE, block, [], runner_filter, report_type=_FRAMEWORK)
        return self._results

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
            self._results[check.id] = _result(result, check.details)
        except BaseException as error:  # noqa: BLE001 - a check may raise anything; no answer is a block
            self._results[check.id] = _Result(error=type(error).__name__)  # the message may contain a value
        return {"result": CheckResult.UNKNOWN}  # what scan() collects is not read


def _result(result: Any, details: Any) -> _Result:
    if result is not CheckResult.PASSED and result is not CheckResult.FAILED:
        return _Result()
    return _Result(passed=result is CheckResult.PASSED, details=tuple(str(each) for each in details or ()))


def _registered(policy: str, file: str, source: bytes) -> list[Any]:
    """Execute a check file and return the checks that it registers, leaving checkov's global registry unchanged."""
    module = ModuleType(f"orch_policy_{policy}")
    module.__file__ = file
    code = compile(source, file, "exec")
    found: list[Any] = []
    resource_registry.register = found.append
    sys.modules[module.__name__] = module  # dataclasses look up their module
    try:
        exec(code, module.__dict__)  # noqa: S102 - policies are trusted code of the repository
    finally:
        del resource_registry.register
    built_in = _built_in_checks()
    return [check for check in found if id(check) not in built_in]


def _built_in_checks() -> frozenset[int]:
    """Return the identities of checkov's own checks: a policy that imports one does not register it by that."""
    newest = islice(reversed(sys.modules), max(0, len(sys.modules) - _COUNT))  # a dict keeps the order of insertion
    return _LOADED | _identities(frozenset(filter(_is_checkovs, newest)) | (POSTPONED.keys() & sys.modules.keys()))


def _is_checkovs(module: str) -> bool:
    return module.startswith("checkov.")


def _identities(names: frozenset[str]) -> frozenset[int]:
    """Return the identities of what is in modules. A process of a policy gets a copy of each page that this touches."""
    return frozenset(id(value) for name in names for value in list(vars(sys.modules[name]).values()))


_COUNT = len(sys.modules)
"""The number of modules that are loaded before the process of a policy is forked."""
_LOADED = _identities(frozenset(filter(_is_checkovs, sys.modules)) - POSTPONED.keys())
"""What is in checkov's modules until then; a postponed one can get more later."""
