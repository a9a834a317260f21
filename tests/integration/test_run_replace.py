"""``--replace``: a resource made anew on request, through the real Terraform; judged like any replacement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.report.model import Status
from orchestrator.run.plan import plan_units
from tests.support.project import Project
from tests.support.session import session_of

pytestmark = pytest.mark.integration


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {box: , below: }\n")
    made.write("live/stacks/box.yaml", "module: box\ninputs: {value: one}\n")
    made.write("live/stacks/below.yaml", "module: box\ninputs: {value: '${{ box.id }}'}\n")
    return made.ready()


def test_one_resource_of_one_unit_is_made_anew(project: Project) -> None:
    project.orch("apply", "prod", "--yes")
    before = project.orch("output", "prod/box", "id", "--raw").out
    for address in ("terraform_data.this", "module.this.terraform_data.this"):
        unit = project.orch("plan", "prod/box", "--replace", address, "--json").units()["prod/box"]
        assert unit["counts"]["replace"] == 1
        assert unit["changes"][0]["reason"]
    assert project.orch("output", "prod/box", "id", "--raw").out == before, "a plan changes nothing"
    project.orch("apply", "prod/box", "--replace", "terraform_data.this", "--yes")
    assert project.orch("output", "prod/box", "id", "--raw").out != before
    project.orch("plan", "prod/box", "--detailed-exitcode", code=0)


def test_an_address_that_nothing_has_and_more_than_one_unit_are_refused(project: Project) -> None:
    refused = project.orch("plan", "prod", "--replace", "terraform_data.this", code=2)
    assert "2 are selected" in refused.err
    assert "prod/box" in refused.err
    assert (
        "has no terraform_data.this" in project.orch("plan", "prod/box", "--replace", "terraform_data.this", code=2).err
    )
    project.orch("apply", "prod/box", "--yes")
    refused = project.orch("apply", "prod/box", "--replace", "terraform_data.thos", "--yes", code=2)
    assert 'did you mean "terraform_data.this"' in refused.err


def test_what_is_protected_is_not_replaced_on_request(project: Project) -> None:
    with (project.root / "policies/protected.yaml").open("a") as file:
        file.write(
            "\nterraform_data:\n  lost: all that was put into it\n  severity: data\n  delete_apis: ['none:Delete']\n"
        )
    project.orch("apply", "prod", "--yes")
    result = project.orch("apply", "prod/box", "--replace", "terraform_data.this", "--yes", "--json", code=3)
    (finding,) = result.units()["prod/box"]["findings"]
    assert (finding["rule"], finding["action"]) == ("ORCH_PROTECTED", "replace")
    assert "was requested" in finding["cause"]


def test_what_another_run_changes_after_the_states_were_read_is_seen(project: Project) -> None:
    project.orch("apply", "prod", "--yes")
    with session_of(project, "prod") as session:
        context = session.context
        assert context.aws.states.read(context.unit("prod/box")) is not None
        project.orch("apply", "prod/box", "--replace", "terraform_data.this", "--yes")
        new = project.orch("output", "prod/box", "id", "--raw").out.strip()
        planned = plan_units(context)
    assert planned["prod/box"].report.status is Status.UNCHANGED
    below = planned["prod/below"].plan
    assert below is not None
    assert [change.after["input"] for change in below.changes if change.after] == [new], "not what was there before"
