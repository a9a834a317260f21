"""Item 8 and "Judged, then applied": checks that do not answer, and files replaced between verdict and apply."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.escapes import IDENTITY, POOL, World
from tests.support.project import Project
from tests.support.terminal import on_a_terminal, once

pytestmark = pytest.mark.integration
AGAINST = "careless"

ANSWER = "        return CheckResult.FAILED if vanishes"
PROTECTED = "policies/protected/check.py"
WEAKENED = "policies/weakened/check.py"
OFF = ("= var.deletion_protection", '= "INACTIVE"')

BLIND = {
    "a check disarmed for one type": f"        if change.type == 'aws_cognito_user_pool':\n            return CheckResult.PASSED\n{ANSWER}",
    "a check that raises": f"        raise RuntimeError\n{ANSWER}",
    "a check that skips": f"        return CheckResult.SKIPPED\n{ANSWER}",
}


@pytest.mark.parametrize(
    "how", [pytest.param(each, marks=pytest.mark.way(each, item="8", against="sly author")) for each in BLIND]
)
def test_a_check_on_protected_resources_that_is_blind(world: World, how: str) -> None:
    world.edit(PROTECTED, ANSWER, BLIND[how])
    world.empty_module()
    finding = world.assert_blocked(world.attempt(), rule="ORCH_CANARY")
    assert "could be deleted: the check ORCH_PROTECTED does not stop it" in finding["cause"]
    world.assert_alive()


@pytest.mark.way("a check narrowed to another type", item="8", against="sly author")
def test_a_check_on_protected_resources_that_did_not_run(world: World) -> None:
    world.edit(PROTECTED, 'supported_resources=["*"]', 'supported_resources=["aws_sqs_queue"]')
    world.empty_module()
    world.assert_blocked(world.attempt(), rule="ORCH_CANARY")
    world.assert_alive()


@pytest.mark.way("another check that raises an exception on what it must block", item="8", against="sly author")
def test_another_check_that_raises(world: World) -> None:
    world.edit(
        WEAKENED,
        "        self.details = list(dict.fromkeys(safeguards_lost(Change.of(conf))))\n",
        "        raise RuntimeError\n",
    )
    world.edit_module(*OFF)
    world.assert_blocked(world.attempt(), rule="ORCH_CHECK_FAILED", address=POOL)
    world.assert_alive()


def destroying(world: World) -> Path:
    """Return the folder of a blocked run that planned the deletion of the pool; the repository is restored."""
    kept = {file: file.read_bytes() for file in sorted((world.root / "modules" / "user_pool").glob("*.tf"))}
    world.empty_module()
    run: str = world.attempt("plan", "prod", "--json", code=3).json["run"]
    for file, data in kept.items():
        file.write_bytes(data)
    return world.root / ".orch" / "runs" / run


def approved(world: World, swap: Callable[[Path], None]) -> str:
    """Plan a harmless change, replace files while orch asks for approval, approve, and return orch's output."""
    world.write("live/stacks/identity.yaml", IDENTITY.replace("max: 32}", "max: 32}\n    team: {type: string, max: 9}"))
    say = once("yes")

    def answer(text: str) -> str | None:
        typed = say(text)
        if typed is not None:
            swap(max((world.root / ".orch" / "runs").glob("*")))
        return typed

    project = Project.at(world.root, {"main": world.account.id})
    code, text = on_a_terminal(project, "apply", "prod", answer=answer)
    assert code == 3, text
    assert "blocked by policy" in text
    world.stopped_by("the receipt")
    return text


PLAN = "plans/prod/identity/eu-west-1.tfplan"
JSON = "plans/prod/identity/eu-west-1.json"
RECEIPT = "receipts/prod/identity/eu-west-1.json"


@pytest.mark.way("the saved plan replaced after its approval", item="receipt")
def test_the_plan_is_swapped(world: World) -> None:
    other = destroying(world)

    def swap(run: Path) -> None:
        shutil.copyfile(other / PLAN, run / PLAN)

    assert "tfplan was changed after the plan was judged" in " ".join(approved(world, swap).split())
    world.assert_alive()


LATE = """\
if [ "$1" = apply ]; then
  for each in "$@"; do given="$each"; done
  for each in {runs}/*/{plan}; do cp "{other}" "$each"; done
  cp "{other}" "$given"
  "$REAL" show -json "$given" > "{seen}"
  exit 1
fi
"""


@pytest.mark.way("the saved plan replaced between orch's last look at it and Terraform's first", item="receipt")
def test_the_plan_is_swapped_when_terraform_starts(world: World) -> None:
    other = destroying(world)
    kept, seen = world.root.parent / "other.tfplan", world.root.parent / "seen.json"
    shutil.copyfile(other / PLAN, kept)
    world.write("live/stacks/identity.yaml", IDENTITY.replace("max: 32}", "max: 32}\n    team: {type: string, max: 9}"))
    late = LATE.format(runs=world.root / ".orch" / "runs", plan=PLAN, other=kept, seen=seen)
    result = world.attempt("apply", "prod", "--yes", "--json", env=world.wrap_terraform(late))
    assert result.units()["prod/identity"]["status"] == "failed"
    changes = {each["address"]: each["change"]["actions"] for each in json.loads(seen.read_bytes())["resource_changes"]}
    assert changes[f"module.this.{POOL}"] == ["update"], "Terraform reads the plan that was judged"
    world.stopped_by("kept from Terraform, which reads the file that was hashed")
    world.assert_alive()


@pytest.mark.way("plan, JSON and receipt replaced together", item="receipt")
def test_plan_and_receipt_are_swapped_together(world: World) -> None:
    other = destroying(world)

    def swap(run: Path) -> None:
        for file in (PLAN, JSON):
            shutil.copyfile(other / file, run / file)
        form = json.loads((other / RECEIPT).read_bytes())
        receipt = {**form, "run": run.name, "blocked": False, "findings": []}
        (run / RECEIPT).write_text(json.dumps(receipt))

    assert "was edited after the plan was judged" in " ".join(approved(world, swap).split())
    world.assert_alive()


@pytest.mark.way("the receipt removed, the plan replaced", item="receipt")
def test_the_receipt_is_missing(world: World) -> None:
    other = destroying(world)

    def swap(run: Path) -> None:
        (run / RECEIPT).unlink()
        shutil.copyfile(other / PLAN, run / PLAN)

    assert "is missing, so there is no proof" in " ".join(approved(world, swap).split())
    world.assert_alive()


@pytest.mark.way("a module file replaced after it was judged", item="receipt")
def test_a_file_of_the_root_is_swapped(world: World) -> None:
    def swap(run: Path) -> None:
        (run / "units/prod/identity/eu-west-1/more.tf").write_text("removed {\n  from = module.this\n}\n")

    assert "more.tf was added after the plan was judged" in " ".join(approved(world, swap).split())
    world.assert_alive()
