"""Outputs that are null: Terraform keeps none in its state, and still every reader gets null, and nobody else does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.states import States

pytestmark = pytest.mark.integration

SOURCE = """\
variable "domain" {
  type    = string
  default = null
}
resource "terraform_data" "this" {
}
output "id" {
  value = terraform_data.this.id
}
output "domain" {
  value = var.domain
}
output "after_apply" {
  value = terraform_data.this.output
}
output "hidden" {
  value     = var.domain
  sensitive = true
}
"""
READER = "module: box\ninputs: {value: {domain: '${{ a.domain }}', late: '${{ a.after_apply }}', id: '${{ a.id }}'}}\n"


def test_a_null_output_is_null_for_every_reader(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> None:
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids(), "bpm": account_ids()})
    project.write("modules/source/main.tf", SOURCE)
    project.write("live/stages/prod.yaml", "account: main\nstacks: {a: , b: }\n")
    project.write("live/stages/other.yaml", "account: bpm\nstacks: {c: }\nuses: {a: prod/a}\n")
    project.write("live/stacks/a.yaml", "module: source\n")
    project.write("live/stacks/b.yaml", READER)
    project.write("live/stacks/c.yaml", READER)
    project.ready()
    assert project.orch("plan", "prod", "other", "--json").units()["other/c"]["status"] == "planned"
    done = project.orch("apply", "prod", "other", "--yes", "--json").units()
    assert {unit["status"] for unit in done.values()} == {"applied"}
    for reader in ("prod/b", "other/c"):  # also alone, when only the state says what is there
        value = project.orch("output", reader, "value").json
        assert (value["domain"], value["late"]) == (None, None)
        assert project.orch("plan", reader, "--json").units()[reader]["status"] == "unchanged"

    assert project.orch("output", "prod/a", "domain").json is None
    rows = {row["name"]: row for row in project.orch("output", "prod/a", "--json").json["rows"]}
    assert sorted(rows) == ["after_apply", "domain", "hidden", "id"]
    assert rows["domain"]["value"] is None
    assert "no output 'domian'" in project.orch("output", "prod/a", "domian", code=2).err

    # An output that is declared and not applied yet is no null: it would be made up.
    project.write("modules/source/more.tf", 'output "more" {\n  value = "m"\n}\n')
    project.write("live/stacks/b.yaml", READER.replace("a.domain", "a.more"))
    refused = project.orch("plan", "prod/b", code=1).text
    assert "prod/a has no output 'more' in its state yet" in refused
    assert "orch apply prod/a" in refused
    assert "in its state yet" in project.orch("output", "prod/a", "more", code=1).err
    project.orch("apply", "prod", "--yes")
    assert project.orch("output", "prod/b", "value").json["domain"] == "m"

    # A value that becomes null, and a null that becomes a value; what was published before does not count any more.
    project.write("live/stacks/b.yaml", READER)
    project.write("live/stacks/a.yaml", "module: source\ninputs: {domain: d.example.com}\n")
    project.orch("apply", "prod", "other", "--yes")
    assert project.orch("output", "other/c", "value").json["domain"] == "d.example.com"
    project.write("live/stacks/a.yaml", "module: source\n")
    shown = project.orch("plan", "prod/b", "prod/a", "--json").units()["prod/b"]
    assert '"d.example.com"' in str(shown["changes"])
    project.orch("apply", "prod", "other", "--yes")
    assert project.orch("output", "prod/b", "value").json["domain"] is None
    assert project.orch("output", "other/c", "value").json["domain"] is None

    # Text has no place for it, which is said before Terraform fails in a generated file.
    project.write("live/stacks/b.yaml", "module: box\ninputs: {value: 'https://${{ a.domain }}'}\n")
    assert "prod/a.domain is null, which cannot be part of a text" in project.orch("plan", "prod/b", code=1).text


def remove_published(project: Project, unit: str) -> None:
    """Take the outputs for other accounts away: an older version wrote them without the null ones, or not at all."""
    states = States(project)
    states.s3.delete_object(Bucket=states.bucket, Key=f"outputs/{unit}/eu-west-1.json")


@pytest.mark.full
def test_a_state_of_an_older_version_is_repaired_by_the_apply_that_the_hint_names(
    tmp_path: Path, emulator: Path, account_ids: Callable[[], str]
) -> None:
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    project.write("modules/source/main.tf", SOURCE)
    project.write("live/stages/prod.yaml", "account: main\nstacks: {a: , b: }\n")
    project.write("live/stacks/a.yaml", "module: source\n")
    project.write("live/stacks/b.yaml", READER)
    project.ready()
    project.orch("apply", "prod/a", "--yes")
    remove_published(project, "prod/a")  # as an older version left it: without the nulls
    assert project.orch("plan", "prod", "--json").units()["prod/b"]["status"] == "planned"
    assert "orch apply prod/a" in project.orch("plan", "prod/b", code=1).text
    project.orch("apply", "prod/a", "--yes")
    assert project.orch("plan", "prod/b", "--json").units()["prod/b"]["status"] == "planned"
    remove_published(project, "prod/a")
    assert project.orch("apply", "prod", "--yes", "--json").units()["prod/b"]["status"] == "applied"
