"""Policies with one more check, and the checks of policies in the test's own process.

`local_checks` makes the same requests and replies as orch, with the same checkov, but without a child, which takes 0.2 s.
It is for tests of what the checks decide. Tests of the process use `Checks` as orch does.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import CatalogueError, Problem
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.checkov.responder import Responder
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.policy_cases import case_problems

ROOT = Path(__file__).parents[2]

CHECK = """
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

class Extra(BaseResourceCheck):
    def __init__(self):
        super().__init__(name="the extra check objects", id="{id}", categories=[CheckCategories.CONVENTION],
                         supported_resources={types}, guideline="do as it says")

    def scan_resource_conf(self, conf):
        {body}

check = Extra()
"""


def run_cases(root: Path) -> tuple[Problem, ...]:
    """Run the cases of a repository's policies, or of the built-in ones; what `orch check` reports."""
    try:
        with Checks(Policies.load(root)) as checks:
            return case_problems(checks)
    except CatalogueError as error:
        return error.problems


def with_policy(
    folder: Path, body: str, *, name: str = "extra", id_: str = "ORCH_EXTRA", types: str = "['*']"
) -> Policies:
    """The project's policies with one more, or with one replaced, in a folder.

    Args:
        folder: the repository to write; several calls add several policies.
        body: what `scan_resource_conf` does; the first line is indented already.
        name: the policy.
        id_: the id of its check.
        types: the list of types that it covers, as Python.
    """
    policies = folder / "policies"
    if not policies.exists():
        shutil.copytree(ROOT / "policies", policies, ignore=shutil.ignore_patterns("__pycache__"))
    (policies / name).mkdir(exist_ok=True)
    (policies / name / "check.py").write_text(CHECK.format(id=id_, types=types, body=body))
    for case in ("pass", "fail"):
        (policies / name / f"{case}.json").write_text("{}")
    return Policies.load(folder)


class LocalChannel:
    """A channel whose other side is in this process."""

    def __init__(self) -> None:
        self._responder = Responder()
        self._reply = b""

    def send(self, frame: bytes) -> None:
        self._reply = self._responder.reply(frame)

    def receive(self) -> bytes:
        return self._reply

    def close(self) -> None:
        pass


class LocalBackend:
    """What runs the checks, in this process."""

    def __init__(self, policies: int) -> None:
        self._channels = [LocalChannel() for _ in range(policies)]

    def channels(self, seconds: float) -> Sequence[LocalChannel]:
        return self._channels

    def network(self) -> str:
        return "the checks run in the process of the test"

    def close(self) -> None:
        pass


def local_checks(policies: Policies) -> Checks:
    return Checks(policies, start=LocalBackend)
