"""Warm providers with a provider that tests can crash, in each version of the protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.terraform.failures import TerraformError
from orchestrator.terraform.setup.lock_file import LOCK_FILE
from tests.support.probe import Probe, probe
from tests.support.warm import actions, plan_file, state_of

pytestmark = pytest.mark.integration


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Probe]:
    with probe(tmp_path) as made:
        yield made


@pytest.mark.parametrize("protocol", ["5", "6"])
def test_a_protocol_that_the_proxy_knows(unit: Probe, protocol: str) -> None:
    unit = unit.with_environment(PROBE_PROTOCOL=protocol)
    pair, root = unit.pair, unit.root
    pair.warm.init(root, timeout=60)
    for value, expected in (("1", "create"), ("2", "update")):
        unit.write(value)
        assert list(actions(pair.same_plan(root)).values()) == [expected]
        pair.apply(root)
        (thing,) = state_of(root)["resources"]
        assert thing["instances"][0]["attributes"] == {"name": "this", "value": value}
    assert not actions(pair.same_plan(root))
    assert pair.warm.validate(root) == pair.cold.validate(root) == ()
    assert set(actions(pair.same_plan(root, destroy=True)).values()) == {"delete"}
    pair.apply(root)
    assert state_of(root)["resources"] == []
    assert pair.told == []


def test_a_provider_gets_no_token_of_a_job_and_its_checksum_is_known_however_it_ran(unit: Probe) -> None:
    seen = unit.folder / "environments"
    secrets = dict.fromkeys(
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "CI_JOB_TOKEN", "GITHUB_TOKEN", "TF_VAR_x"), "token-of-the-job"
    )
    unit = unit.with_environment(PROBE_ENVIRONMENT=str(seen), **secrets)
    pair, root = unit.pair, unit.root
    pair.warm.init(root, timeout=60)
    pair.same_plan(root)
    environments = [json.loads(line) for line in seen.read_text().splitlines()]
    assert {each["HOME"] for each in environments} == {str(pair.cold.cli_config.absolute().parent / "home")}
    assert len(environments) > 2, "processes of Terraform and of the provider server"
    assert "token-of-the-job" not in seen.read_text()
    lock = root.folder / LOCK_FILE
    (checksum,) = pair.warm.provider_checksums(lock, root.data_dir).values()
    assert f'"{checksum}"' in lock.read_text()
    assert pair.cold.provider_checksums(lock, root.data_dir) == pair.warm.provider_checksums(lock, root.data_dir)


@pytest.mark.parametrize("protocol", ["4", "7"])
def test_a_protocol_that_the_proxy_does_not_know(unit: Probe, protocol: str) -> None:
    unit = unit.with_environment(PROBE_PROTOCOL=protocol)
    unit.pair.warm.init(unit.root, timeout=60)
    assert "Incompatible" in unit.pair.same_error(unit.root).block
    assert f"protocol '{protocol}'" in unit.pair.warm.providers_of(unit.root.unit)
    assert len(unit.pair.told) == 1


@pytest.mark.parametrize(
    "method",
    [
        "GetProviderSchema",
        "ValidateProviderConfig",
        "ValidateResourceConfig",
        "ConfigureProvider",
        "UpgradeResourceState",
        "ReadResource",
        "PlanResourceChange",
    ],
)
def test_a_crash_before_apply_is_repeated_cold(unit: Probe, method: str) -> None:
    pair, root = unit.pair, unit.root
    pair.warm.init(root, timeout=60)
    if method in {"UpgradeResourceState", "ReadResource"}:
        pair.plan(pair.warm, root, "warm")
        pair.apply(root)
    unit.write("2")
    unit.crash(method)
    (change,) = json.loads(pair.plan(pair.warm, root, "warm"))["resource_changes"]
    assert change["change"]["after"]["value"] == "2"
    assert unit.crashed()
    assert pair.warm.providers_of(root.unit).startswith("cold: ")
    assert len(pair.told) == 1


def test_a_crash_in_apply_is_a_failed_unit_and_never_a_second_try(unit: Probe) -> None:
    pair, root = unit.pair, unit.root
    pair.warm.init(root, timeout=60)
    errors = []
    for tool in (pair.warm, pair.cold):
        pair.plan(tool, root, "warm")
        unit.calls()
        unit.crash("ApplyResourceChange")
        with pytest.raises(TerraformError) as caught:
            pair.apply(root, tool=tool)
        errors.append(caught.value)
        assert unit.calls()["ApplyResourceChange"] == 1
        assert state_of(root)["resources"] == []
    assert errors[0].first_line == errors[1].first_line
    assert root.log.read_text().count("panic: a test wants ApplyResourceChange to crash") == 2
    # Nothing is left of it: the next plan has processes of its own.
    pair.same_plan(root)
    pair.apply(root)
    assert plan_file(root, "warm").exists()
    assert len(state_of(root)["resources"]) == 1


def test_a_process_serves_one_command(unit: Probe) -> None:
    """Nobody tried whether this provider keeps something between two configurations, or what its schema depends on."""
    pair, root = unit.pair, unit.root
    pair.warm.init(root, timeout=60)
    seen: list[set[str]] = []
    for _ in range(3):
        (unit.folder / "calls").write_text("")
        pair.plan(pair.warm, root, "warm")
        calls = [line.split() for line in (unit.folder / "calls").read_text().splitlines()]
        seen.append({pid for _, pid, _ in calls})
        assert {folder for _, _, folder in calls} == {str(root.folder)}
    assert len(set.union(*seen)) == sum(map(len, seen))
    # Every run has an environment of its own, so a schema on disk would never be read again.
    assert not list((unit.folder / "cache").rglob("*.schema"))
