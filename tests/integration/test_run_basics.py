"""plan, apply, destroy through the real Terraform and the S3 backend on the emulator, with boxes that need no provider."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.project import Project

pytestmark = pytest.mark.integration

STAGE = """\
account: main
stacks:
  first:
  second:
  third:
"""
FIRST = "module: box\ninputs: {value: {greeting: hello}}\n"
SECOND = "module: box\ninputs: {value: '${{ first.value.greeting }} ${{ stage }}'}\n"
THIRD = "module: box\ninputs: {value: {from: '${{ second.id }}', text: '${{ second.value }}'}}\n"


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", STAGE)
    made.write("live/stacks/first.yaml", FIRST)
    made.write("live/stacks/second.yaml", SECOND)
    made.write("live/stacks/third.yaml", THIRD)
    return made.ready()


def statuses(units: dict[str, dict[str, object]]) -> dict[str, object]:
    return {name: unit["status"] for name, unit in units.items()}


def test_a_stage_that_does_not_exist_yet_is_previewed_whole_and_then_applied_as_it_said(project: Project) -> None:
    plan = project.orch("plan", "prod", "--json")
    units = plan.units()
    assert statuses(units) == dict.fromkeys(("prod/first", "prod/second", "prod/third"), "planned")
    assert [units[name]["preview"] for name in units] == [False, True, True]
    shown = project.orch("plan", "prod").out
    assert '"hello prod"' in shown, "a value that the upstream's plan knows is shown as it will be"
    assert "(known after upstream)" in shown, "what comes from an unknown is marked"

    applied = project.orch("apply", "prod", "--yes", "--json").units()
    assert statuses(applied) == dict.fromkeys(units, "applied")
    assert {name: unit["counts"] for name, unit in applied.items()} == {
        name: unit["counts"] for name, unit in units.items()
    }
    third = project.orch("output", "prod/third", "value").json
    assert third["text"] == "hello prod"
    assert third["from"] == project.orch("output", "prod/second", "id", "--raw").out

    again = project.orch("apply", "prod", "--yes", "--json").units()
    assert statuses(again) == dict.fromkeys(units, "unchanged")


def test_a_preview_shows_the_new_value_of_an_upstream_and_the_apply_brings_it(project: Project) -> None:
    project.orch("apply", "prod", "--yes")
    project.write("live/stacks/first.yaml", FIRST.replace("hello", "good morning"))
    plan = project.orch("plan", "prod")
    assert '"hello prod" -> "good morning prod"' in plan.out.replace("→", "->")
    units = project.orch("plan", "prod", "--json", "--detailed-exitcode", code=2).units()
    assert [units[name]["preview"] for name in units] == [False, True, True]
    project.orch("apply", "prod", "--yes")
    assert project.orch("output", "prod/third", "value").json["text"] == "good morning prod"
    project.orch("plan", "prod", "--detailed-exitcode", code=0)


def test_a_failed_unit_skips_its_downstreams_and_the_rest_goes_on(project: Project) -> None:
    project.write("live/stages/prod.yaml", STAGE + "  alone:\n")
    project.write("live/stacks/alone.yaml", "module: box\n")
    tool = FIRST.replace("module: box", "module: tool")
    project.write("live/stacks/first.yaml", tool.replace("}}", "}, run: 'echo it broke >&2; exit 3'}"))
    project.allow("prod/first")
    result = project.orch("apply", "prod", "--yes", "--json", code=1)
    units = result.units()
    assert statuses(units) == {
        "prod/alone": "applied",
        "prod/first": "failed",
        "prod/second": "skipped",
        "prod/third": "skipped",
    }
    assert "prod/first" in units["prod/third"]["cause"]
    assert "it broke" in units["prod/first"]["error"]
    log = project.root / units["prod/first"]["log"]
    assert "it broke" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    # What failed is repaired, and the next apply does the rest.
    project.write("live/stacks/first.yaml", tool)
    assert statuses(project.orch("apply", "prod", "--yes", "--json").units()) == {
        "prod/alone": "unchanged",
        "prod/first": "applied",
        "prod/second": "applied",
        "prod/third": "applied",
    }


def test_an_upstream_that_is_not_applied_is_unknown_in_a_preview_and_stops_an_apply(project: Project) -> None:
    units = project.orch("plan", "prod/second", "--json").units()
    assert units["prod/second"]["preview"] is True
    stopped = project.orch("apply", "prod/second", "--yes", code=1)
    assert "prod/first has not been applied yet" in stopped.text
    assert "orch apply prod/first" in stopped.text
    assert "live/stacks/second.yaml:2" in stopped.text


def test_upstream_values_are_private_and_the_root_is_plain_terraform(project: Project) -> None:
    project.orch("apply", "prod", "--yes")
    root = Path(project.orch("show", "prod/second", "--root").out.strip())
    upstream = root / "upstream.json"
    assert "hello" in upstream.read_text()
    assert stat.S_IMODE(upstream.stat().st_mode) == 0o600
    assert "hello" not in (root / "main.tf").read_text()
    assert 'profile             = "orch-main"' in (root / "terraform.tf").read_text()
    listed = project.orch("terraform", "prod/second", "--", "state", "list")
    assert listed.out.strip() == "module.this.terraform_data.this"
    before = {path.name: path.read_bytes() for path in root.glob("[!.]*.*") if path.is_file()}
    project.orch("plan", "prod")
    assert {path.name: path.read_bytes() for path in root.glob("[!.]*.*") if path.is_file()} == before


def test_terraform_subcommands_that_change_things_are_not_passed_on(project: Project) -> None:
    for words in (["apply"], ["state", "rm", "x"], ["import", "a", "b"], ["taint", "x"], ["-chdir=/", "plan"]):
        refused = project.orch("terraform", "prod/first", "--", *words, code=2)
        assert "→" in refused.err or "hint" in refused.err


def test_a_plan_that_needs_its_upstream_applied_comes_after_it(project: Project) -> None:
    project.write(
        "modules/many/main.tf",
        'variable "names" {\n  type = any\n}\nresource "terraform_data" "x" {\n'
        "  for_each = toset(var.names)\n  input = each.key\n}\n",
    )
    project.write("live/stages/prod.yaml", STAGE + "  many:\n")
    project.write("live/stacks/many.yaml", "module: many\ninputs: {names: ['${{ first.id }}']}\n")
    units = project.orch("plan", "prod", "--json").units()
    assert units["prod/many"]["status"] == "after its upstreams"
    assert "Invalid for_each argument" in units["prod/many"]["cause"]
    assert statuses(project.orch("apply", "prod", "--yes", "--json").units())["prod/many"] == "applied"


def test_destroy_goes_downstreams_first_and_names_what_depends_on_it(project: Project) -> None:
    project.orch("apply", "prod", "--yes")
    refused = project.orch("destroy", "prod/first", "--yes", code=2)
    assert "cannot destroy prod/first: prod/second depends on it" in refused.err
    done = project.orch("destroy", "prod", "--yes", "--json")
    assert list(done.units()) == ["prod/third", "prod/second", "prod/first"]
    assert set(statuses(done.units()).values()) == {"destroyed"}
    assert statuses(project.orch("destroy", "prod", "--yes", "--json").units()) == dict.fromkeys(
        ("prod/third", "prod/second", "prod/first"), "unchanged"
    )
    assert "not been applied" in project.orch("apply", "prod/second", "--yes", code=1).text


@pytest.mark.full
def test_a_value_of_another_account_comes_from_what_it_published(
    tmp_path: Path, emulator: Path, account_ids: Callable[[], str]
) -> None:
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids(), "bpm": account_ids()})
    project.write("live/stages/bpm-prod.yaml", "account: bpm\nstacks: {tasks: }\n")
    project.write("live/stages/prod.yaml", "account: main\nstacks: {api: }\nuses: {tasks: bpm-prod/tasks}\n")
    project.write("live/stacks/tasks.yaml", "module: box\ninputs: {value: {queue: q-1}}\n")
    project.write("live/stacks/api.yaml", "module: box\ninputs: {value: '${{ tasks.value.queue }}'}\n")
    project.ready()
    assert project.orch("plan", "prod", "--json").units()["prod/api"]["preview"] is True
    project.orch("apply", "bpm-prod", "prod", "--yes")
    assert project.orch("output", "prod/api", "value", "--raw").out == "q-1"
    project.write("live/stacks/tasks.yaml", "module: box\ninputs: {value: {queue: q-2}}\n")
    shown = project.orch("plan", "bpm-prod", "prod").out
    assert '"q-1"' in shown
    assert '"q-2"' in shown
    project.orch("apply", "bpm-prod", "--yes")
    project.orch("apply", "prod", "--yes")
    assert project.orch("output", "prod/api", "value", "--raw").out == "q-2"


def test_time_limits_and_unknown_options_are_said_clearly(project: Project) -> None:
    assert "invalid duration" in project.orch("plan", "prod", "--timeout", "soon", code=2).err
    tool = FIRST.replace("module: box", "module: tool")
    project.write("live/stacks/first.yaml", tool.replace("}}", "}, run: 'sleep 60'}"))
    project.allow("prod/first")
    result = project.orch("apply", "prod/first", "--yes", "--timeout", "3s", "--json", code=1)
    assert "time limit" in result.text
