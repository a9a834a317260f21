"""Item 3: other versions of providers and modules."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.escapes.test_delete import IDENTITY
from tests.support.comparison import PASSES, STOPS, checkov
from tests.support.escapes import POOL, World, commit, git

pytestmark = pytest.mark.integration
AGAINST = "sly author"

ADDRESS = "https://git.example.com/modules/user_pool.git"
PLANS = Path(__file__).parent / "plans"


@pytest.mark.way("module version that renames its resources", item="3")
def test_another_version_of_a_module(world: World) -> None:
    """The module comes from git, in two versions; git is configured to use a local folder for the address."""
    repository = world.root.parent / "module"
    shutil.copytree(world.root / "modules" / "user_pool", repository, ignore=shutil.ignore_patterns("tests"))
    git(repository, "init", "-q", "-b", "main")
    commit(repository, "As it is")
    git(repository, "tag", "v1")
    for file in repository.glob("*.tf"):
        text = file.read_text().replace("aws_cognito_user_pool.this", "aws_cognito_user_pool.main")
        file.write_text(text.replace('"aws_cognito_user_pool" "this"', '"aws_cognito_user_pool" "main"'))
    commit(repository, "Call the main thing main")
    git(repository, "tag", "v2")
    from_git = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
    }
    name = world.project_name
    names = f"names: {{pool: {name}-prod-identity, domain: {name}-prod-identity-{world.account.id}}}"
    world.edit(IDENTITY, "module: user_pool\ninputs:\n", f"module: git::{ADDRESS}\nversion: v1\ninputs:\n  {names}\n")
    unit = world.attempt("plan", "prod", "--json", code=0, env=from_git).units()["prod/identity"]
    assert unit["findings"] == []

    world.edit(IDENTITY, "version: v1", "version: v2")
    finding = world.assert_blocked(world.attempt(env=from_git), rule="ORCH_PROTECTED", address=POOL)
    assert "aws_cognito_user_pool.main" in finding["hint"]
    world.assert_alive()


@pytest.mark.way("provider upgrade that turns an update into a replacement (recorded plans)", item="3")
def test_another_version_of_the_provider(world: World) -> None:
    """The same change, as provider 5.100 plans it, and as a provider would that cannot make it in place.

    No two releases differ in this way, so the second recorded plan is the first with another action and a path that
    forces it. Terraform runs for real; the output of `show -json` is replayed.
    """
    world.edit(IDENTITY, "  domain: {}\n", "  domain: {}\n  password_policy: {minimum_length: 20}\n")
    unit = world.attempt("plan", "prod", "--json", code=0, env=replay(world, "update.json")).units()["prod/identity"]
    assert (unit["counts"]["update"], unit["findings"]) == (1, [])

    finding = world.assert_blocked(
        world.attempt(env=replay(world, "replace.json")), rule="ORCH_PROTECTED", address=POOL
    )
    assert "password_policy" in finding["cause"]
    world.no_comparison("prevented")  # Terraform itself still planned the update
    world.assert_alive()


def replay(world: World, plan: str) -> dict[str, str]:
    """Return an environment in which `terraform show` returns a recorded plan."""
    return world.wrap_terraform(f'if [ "$1" = show ]; then exec cat "{PLANS / plan}"; fi')


def test_the_recorded_plans_differ_in_the_providers_answer_alone() -> None:
    """Otherwise the pair would prove nothing."""
    update, replaced = (json.loads((PLANS / name).read_text()) for name in ("update.json", "replace.json"))
    (change,) = (each["change"] for each in update["resource_changes"] if each["change"]["actions"] == ["update"])
    (other,) = (each for each in replaced["resource_changes"] if each["change"]["actions"] == ["delete", "create"])
    assert other["change"].pop("replace_paths") == [["password_policy"]]
    assert other.pop("action_reason") == "replace_because_cannot_update"
    other["change"]["actions"] = change["actions"]
    assert update == replaced


@pytest.mark.full
def test_checkov_stops_the_plain_case() -> None:
    """The control of the comparison: checkov's documented check does fail for a plain replacement."""
    assert checkov(PLANS / "replace.json", os.environ) == STOPS
    assert checkov(PLANS / "update.json", os.environ) == PASSES
