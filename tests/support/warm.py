"""Terraform with and without warm providers, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.failures import TerraformError
from orchestrator.terraform.setup.lock_file import LOCK_FILE, SHARED_LOCK_FILE
from orchestrator.terraform.warm.providers import WarmProviders
from orchestrator.terraform.warm.start import StartedServer
from tests.support.emulator import ENTRY_ROLE, Account
from tests.support.platform import environment
from tests.support.terraform import REPOSITORY, TEST_VARIABLES, make_root, make_terraform, shared_server

PROVIDER = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}
"""
_SECONDS = 300.0


class _Number(str):
    """A number of JSON as it is written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """The same Terraform twice, with the same settings and the same plugin cache.

    Attributes:
        warm: with the warm providers that all tests of this process share.
        cold: without.
        told: what the user was told: unit and reason.
    """

    warm: Terraform
    cold: Terraform
    told: list[tuple[str, str]]

    @classmethod
    def make(cls, folder: Path, *, started: StartedServer | None = None, env: Mapping[str, str] | None = None) -> Pair:
        """Both, with a CLI configuration in ``folder``.

        Args:
            folder: where their files go.
            started: the provider server; by default the one that all tests of this process share.
            env: where mirrors are.
        """
        told: list[tuple[str, str]] = []
        providers = WarmProviders(started or shared_server(), notify=lambda unit, why: told.append((unit, why)))
        cold = make_terraform(folder, env=env)
        warm = Terraform(
            cold.binary,
            cold.processes,
            cold.cli_config,
            plugin_cache=cold.plugin_cache,
            warm=providers,
            passed=TEST_VARIABLES,
        )
        return cls(warm, cold, told)

    def same_plan(self, root: Root, **options: Any) -> dict[str, Any]:
        """Plan warm and cold and compare; the plans stay beside the root, see `plan_file`.

        The JSON must be the same byte for byte, but for the time at which the plan was made.

        Returns:
            the plan.
        """
        cold, warm = (
            self.plan(tool, root, name, **options) for name, tool in (("cold", self.cold), ("warm", self.warm))
        )
        assert warm == cold, "\n".join(differences(json.loads(warm), json.loads(cold)))
        assert self.warm.providers_of(root.unit) == "warm", self.told
        plan: dict[str, Any] = json.loads(warm)
        return plan

    def plan(self, tool: Terraform, root: Root, name: str, **options: Any) -> str:
        """Plan with one of both; return the plan as JSON. The other one's `show` takes a tenth of the time."""
        plan = plan_file(root, name)
        plan.parent.mkdir(exist_ok=True)
        shown = plan.with_suffix(".json")
        tool.plan(root, out=plan, timeout=_SECONDS, **options)
        self.warm.show_json(root, plan, shown)
        return comparable_plan(shown.read_text())

    def apply(self, root: Root, name: str = "warm", *, tool: Terraform | None = None) -> None:
        """Apply a plan that `same_plan` left."""
        (tool or self.warm).apply(root, plan_file(root, name), timeout=_SECONDS)

    def same_error(self, root: Root, **options: Any) -> TerraformError:
        """Plan warm and cold; both must fail with the same words."""
        raised: list[TerraformError] = []
        for tool in (self.cold, self.warm):
            with pytest.raises(TerraformError) as caught:
                tool.plan(root, out=root.folder.parent / "failed.plan", timeout=_SECONDS, **options)
            raised.append(caught.value)
        cold, warm = raised
        # The versions of the protocol that Terraform knows come in the order of a Go map.
        texts = [each.block.replace("[6 5]", "[5 6]") for each in raised]
        assert texts[0] == texts[1], "\n\n".join(texts)
        assert str(warm) == str(cold)
        return warm


def plan_file(root: Root, name: str) -> Path:
    """Where the plan ``warm`` or ``cold`` is, as in a run of orch not in the root: a plan's JSON can contain paths."""
    return root.folder.parent / f"{root.folder.name}.plans" / f"{name}.plan"


def aws_root(
    folder: Path, files: Mapping[str, str], account: Account, *, unit: str = "test/unit", types: Iterable[str] = ()
) -> Root:
    """A root with the repository's lock file, under the account's all-powerful role."""
    lock = (REPOSITORY / SHARED_LOCK_FILE).read_text()
    root = make_root(folder, {LOCK_FILE: lock, **files}, unit=unit)
    env = environment(account, ENTRY_ROLE)
    return replace(root, env=env, identity=f"{account.id} as {ENTRY_ROLE}", types=frozenset(types))


def state_of(root: Root) -> dict[str, Any]:
    """The state of a root with a local backend."""
    state: dict[str, Any] = json.loads((root.folder / "terraform.tfstate").read_bytes())
    return state


def comparable_state(root: Root, account: Account) -> dict[str, Any]:
    """The state without what differs between two accounts and two histories, or is in the order of a Go map."""
    text = (root.folder / "terraform.tfstate").read_text().replace(account.id, "ACCOUNT")
    state: dict[str, Any] = json.loads(text)
    del state["serial"], state["lineage"]
    for instance in (each for resource in state["resources"] for each in resource["instances"]):
        instance["sensitive_attributes"].sort(key=json.dumps)
    return state


def actions(plan: Mapping[str, object]) -> dict[str, str]:
    """Address -> actions of a plan."""
    changes = plan["resource_changes"]
    assert isinstance(changes, list)
    return {
        each["address"]: "/".join(each["change"]["actions"])
        for each in changes
        if each["mode"] == "managed" and each["change"]["actions"] != ["no-op"]
    }


def comparable_plan(shown: str) -> str:
    """A plan as JSON without what differs between two cold plans: its time, and orders that Terraform leaves to chance.

    Where modules have ``for_each``, Terraform 1.11 lists ``relevant_attributes`` and the modules of ``planned_values``
    in the order of a Go map.
    """
    # Numbers stay the text that they are, and keys their order: what is compared is each byte but for white space.
    plan = json.loads(shown, parse_float=_Number, parse_int=_Number)
    plan["timestamp"] = ""
    plan.get("relevant_attributes", []).sort(key=json.dumps)
    _sort_modules(plan["planned_values"]["root_module"])
    return json.dumps(plan, indent=0)


def _sort_modules(module: dict[str, Any]) -> None:
    module.get("child_modules", []).sort(key=lambda each: each["address"])
    for child in module.get("child_modules", []):
        _sort_modules(child)


def differences(warm: Any, cold: Any, path: str = "") -> Iterator[str]:
    """Where two values of JSON differ, a line each."""
    if isinstance(warm, dict) and isinstance(cold, dict):
        for key in sorted({*warm, *cold}):
            yield from differences(warm.get(key), cold.get(key), f"{path}.{key}")
    elif isinstance(warm, list) and isinstance(cold, list) and len(warm) == len(cold):
        for number, (one, other) in enumerate(zip(warm, cold, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif warm != cold:
        yield f"{path}: warm {warm!r}, cold {cold!r}"
