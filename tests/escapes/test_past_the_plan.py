"""Item 5: a state or resource changed without a judged plan: with commands, options, environment variables and links."""

from __future__ import annotations

import pytest

from tests.support.escapes import POOL, World

pytestmark = pytest.mark.integration
AGAINST = "careless"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("prod/identity", marks=pytest.mark.way("`orch destroy` of the unit", item="5")),
        pytest.param("prod", marks=pytest.mark.way("`orch destroy` of the stage", item="5")),
    ],
)
def test_destroying_is_blocked(world: World, target: str) -> None:
    finding = world.assert_blocked(
        world.attempt("destroy", target, "--yes", "--json"), rule="ORCH_PROTECTED", address=POOL
    )
    assert finding["action"] == "delete"
    world.assert_alive()


@pytest.mark.way("`orch destroy`, `prevent_destroy` removed", item="5")
def test_destroying_without_prevention_is_blocked(world: World) -> None:
    world.edit_module("prevent_destroy = true", "prevent_destroy = false")
    result = world.attempt("destroy", "prod", "--yes", "--json")
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()


@pytest.mark.way("`--replace`", item="5")
def test_it_is_not_replaced_on_request(world: World) -> None:
    world.edit_module("prevent_destroy = true", "prevent_destroy = false")
    result = world.attempt("apply", "prod/identity", "--replace", POOL, "--yes", "--json")
    finding = world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    assert finding["action"] == "replace"
    assert "was requested" in finding["cause"]
    world.assert_alive()


@pytest.mark.way("`-target`, `-refresh=false`, `-state`, `-generate-config-out` as options", item="5")
def test_options_of_terraform_are_not_options_of_orch(world: World) -> None:
    world.edit_module("prevent_destroy = true", "prevent_destroy = false")
    options = (f"-target=module.this.{POOL}", "-refresh=false", "-state=x", "-generate-config-out=x", "-lock=false")
    for option in options:
        world.assert_refused(world.attempt("apply", "prod", "--yes", option))
    world.assert_refused(world.attempt("destroy", "prod", "--yes", options[0]))
    world.assert_alive()


CHANGING = {
    "apply": "orch apply",
    "destroy": "orch destroy",
    "force-unlock x": "orch unlock",
    "import module.this.a.b x": "orch adopt",
    "init -migrate-state": "orch show",
    "plan -destroy -out=x": "orch plan",
    "refresh": "orch drift",
    "state mv a b": "orch move",
    "state push errored.tfstate": "orch adopt",
    "state replace-provider a b": "orch move",
    "state rm module.this.aws_cognito_user_pool.this": "orch move",
    "taint module.this.aws_cognito_user_pool.this": "orch apply",
    "untaint module.this.aws_cognito_user_pool.this": "orch apply",
    "workspace new x": "live/stages/NAME.yaml",
}


@pytest.mark.way("`orch terraform UNIT -- apply, destroy, import, state rm, taint …`", item="5")
def test_subcommands_that_change_something_are_refused(world: World) -> None:
    for subcommand, verb in CHANGING.items():
        world.assert_refused(world.attempt("terraform", "prod/identity", "--", *subcommand.split()), verb)
    for sneaky in ("-chdir=/ apply", "-help", "Apply", "state", "state show-rm", "fmt", "providers mirror x"):
        world.assert_refused(world.attempt("terraform", "prod/identity", "--", *sneaky.split()))
    world.assert_alive()


HARMLESS = {"TF_VAR_deletion_protection": "INACTIVE", "TF_IGNORE": "trace"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, marks=pytest.mark.way(f"`{name}={value}` in the environment", item="5"))
        for name, value in (
            ("TF_CLI_ARGS_plan", "-destroy"),
            ("TF_CLI_ARGS_plan", f"-replace=module.this.{POOL}"),
            ("TF_WORKSPACE", "other"),
        )
    ],
)
def test_the_environment_changes_nothing(world: World, name: str, value: str) -> None:
    """The plan is unchanged, so there is nothing to block."""
    world.edit_module("prevent_destroy = true", "prevent_destroy = false")
    result = world.attempt(code=0, env={**HARMLESS, name: value})
    assert result.units()["prod/identity"]["status"] == "unchanged"
    world.stopped_by("kept from Terraform")
    world.assert_alive()
