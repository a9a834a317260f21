"""What a rendered root looks like: every kind of thing that can stand in one, deterministic and private."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.load import load
from orchestrator.errors import CatalogueError
from orchestrator.guard.policies.protected import Protected
from orchestrator.render.module_tree import OVERRIDE_FILE
from orchestrator.render.values import UNKNOWN
from orchestrator.render.write import RootRenderer
from tests.support.project import REPOSITORY, Project

MODULE = """\
terraform {
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      configuration_aliases = [aws.edge]
    }
  }
}
variable "names" {
  type = object({ function = string })
}
variable "pool" {
  type = string
}
variable "key" {
  type      = string
  sensitive = true
}
variable "text" {
  type = string
}
variable "environment" {
  type = map(string)
}
variable "archive" {
  type = string
}
variable "stripe_key" {
  type      = string
  ephemeral = true
}
variable "db" {
  type      = string
  ephemeral = true
}
module "inner" {
  source = "../inner"
}
resource "aws_sqs_queue" "this" {}
output "arn" {
  value = aws_sqs_queue.this.arn
}
output "secret" {
  value     = "x"
  sensitive = true
}
"""
STACK = """\
module: rich
inputs:
  pool: ${{ first.value.pool.id }}
  key: ${{ first.value.list[0] }}
  text: "${hcl} ${{ stage }} ${{ first.id }} ${{ region }}"
  environment: {PLAIN: "${aws:username}", POOL: "${{ first.value.pool.id }}"}
archives: {archive: services/fn}
secrets: {stripe_key: "ssm:/${{ name }}/${{ stage }}/stripe", db: "secretsmanager:prod/db"}
providers: {aws.edge: {region: us-east-1}}
imports: {'aws_sqs_queue.this': "https://sqs/${{ account_id }}/q"}
moved: {'aws_sqs_queue.old["a"]': 'aws_sqs_queue.this'}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"main": "111111111111"})
    made.write("live/accounts/main.yaml", 'id: "111111111111"\naccess: open\ntags: {team: "core"}\n')
    made.write("modules/rich/main.tf", MODULE)
    made.write("modules/inner/main.tf", 'resource "terraform_data" "x" {}\n')
    made.write("modules/rich/tests/x.tftest.hcl", "")
    made.write("services/fn/main.py", "print(1)\n")
    made.write("live/stages/prod.yaml", "account: main\nstacks: {first: , rich: }\n")
    made.write("live/stacks/first.yaml", "module: box\n")
    made.write("live/stacks/rich.yaml", STACK)
    return made


KNOWN = {"prod/first": {"value": {"pool": {"id": "eu-1"}, "list": ["k-1"]}, "id": "i-1", "unread": "not for this unit"}}


def render(project: Project, upstream: Any, folder: Path) -> Path:
    catalogue = load(project.root)
    return RootRenderer(catalogue).render(catalogue.units["prod/rich"], upstream, folder).folder


def test_a_root_with_everything_in_it(project: Project, tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    root = render(project, KNOWN, tmp_path / "root")
    for name in ("main.tf", "terraform.tf", "upstream.tf", "inputs.json", "upstream.json"):
        golden(f"render/{name}", (root / name).read_text())
    assert (root / "modules" / "rich" / "main.tf").is_file()
    assert (root / "modules" / "inner" / "main.tf").is_file(), "modules that it calls are there in the same layout"
    assert (root / "modules" / "rich" / "tests" / "x.tftest.hcl").is_file()
    assert (root / "archives" / "archive.zip").is_file()
    assert stat.S_IMODE((root / "upstream.json").stat().st_mode) == 0o600
    assert "not for this unit" not in (root / "upstream.json").read_text()


def test_a_preview_says_what_is_not_known_yet(
    project: Project, tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    upstream = {"prod/first": {"value": {"pool": {"id": UNKNOWN}, "list": ["k-1"]}, "id": "i-1"}}
    root = render(project, upstream, tmp_path / "root")
    golden("render/preview/upstream.tf", (root / "upstream.tf").read_text())
    assert stat.S_IMODE((root / "upstream.tf").stat().st_mode) == 0o600
    catalogue = load(project.root)
    rendered = RootRenderer(catalogue).render(catalogue.units["prod/rich"], upstream, tmp_path / "again")
    assert rendered.unknown == {"pool", "environment"}
    assert (root / "main.tf").read_text() == (render(project, KNOWN, tmp_path / "real") / "main.tf").read_text()


def test_the_same_catalogue_gives_the_same_bytes(project: Project, tmp_path: Path) -> None:
    def bytes_of(root: Path) -> dict[str, bytes]:
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}

    first = bytes_of(render(project, KNOWN, tmp_path / "a"))
    assert bytes_of(render(project, KNOWN, tmp_path / "b")) == first
    assert bytes_of(render(project, KNOWN, tmp_path / "a")) == first, "also over what is there already"


def test_an_override_file_under_the_name_that_waivers_use_is_left_out(project: Project, tmp_path: Path) -> None:
    text = 'resource "aws_sqs_queue" "this" {\n  lifecycle {\n    prevent_destroy = false\n  }\n}\n'
    project.write(f"modules/rich/{OVERRIDE_FILE}", text)
    project.write(f"modules/inner/{OVERRIDE_FILE}", "")
    root = render(project, KNOWN, tmp_path / "root")
    assert not list(root.rglob(OVERRIDE_FILE))


def test_a_module_that_asks_for_it_is_told_what_deletes_protected_resources(project: Project, tmp_path: Path) -> None:
    variables = ('variable "protected_delete_apis" {\n  type = set(string)\n}\n', 'variable "disposable_stages" {\n}\n')
    project.write("modules/deny/main.tf", "".join(variables))
    project.write("live/stages/prod.yaml", "account: main\nstacks: {deny: }\n")
    project.write("live/stacks/deny.yaml", "module: deny\n")
    catalogue = load(project.root)
    given: dict[str, Any] = {}
    for name, apis in (("one", ["b:Y", "a:X", "b:Y"]), ("other", ["a:X", "b:Y"])):
        folder = RootRenderer(catalogue, apis).render(catalogue.units["prod/deny"], {}, tmp_path / name).folder
        given[name] = json.loads((folder / "inputs.json").read_text())["protected_delete_apis"]
    assert given == {"one": ["a:X", "b:Y"], "other": ["a:X", "b:Y"]}, "sorted, each once"


@pytest.mark.parametrize(
    "text",
    [
        "inputs: {protected_delete_apis: []}",
        "inputs: {protected_delete_apis: ['a:B']}",
        "inputs: {protected_delete_apis: '${{ stage }}'}",
        "secrets: {protected_delete_apis: 'ssm:/nothing'}",
        "archives: {protected_delete_apis: modules}",
        "inputs: {disposable_stages: true}",
    ],
)
@pytest.mark.parametrize("module", ["deny", "example/deny/aws"], ids=["of the repository", "downloaded"])
@pytest.mark.parametrize("file", ["live/stacks/deny.yaml", "live/stages/prod.yaml"])
def test_no_stack_says_what_iam_denies(project: Project, text: str, module: str, file: str) -> None:
    """An empty list removed the denies from the apply role."""
    variables = ('variable "protected_delete_apis" {\n  type = set(string)\n}\n', 'variable "disposable_stages" {\n}\n')
    project.write("modules/deny/main.tf", "".join(variables))
    stack = f"module: {module}\n" + ("version: 1.0.0\n" if "/" in module else "")
    own = file.startswith("live/stages")
    project.write("live/stages/prod.yaml", f"account: main\nstacks: {{deny: {{{text if own else ''}}}}}\n")
    project.write("live/stacks/deny.yaml", stack + ("" if own else f"{text}\n"))
    with pytest.raises(CatalogueError, match=r"'(protected_delete_apis|disposable_stages)' is set by orch") as caught:
        load(project.root)
    assert [each.where.file for each in caught.value.problems if "set by orch" in each.what] == [file]


def test_the_baseline_of_this_repository_denies_every_delete_of_the_list(tmp_path: Path) -> None:
    protected = Protected.read(REPOSITORY / "policies/protected.yaml")
    catalogue = load(REPOSITORY)
    folder = (
        RootRenderer(catalogue, protected.delete_apis)
        .render(catalogue.units["production/baseline"], {}, tmp_path / "root")
        .folder
    )
    given = set(json.loads((folder / "inputs.json").read_text())["protected_delete_apis"])
    assert given == {api for entry in protected.types.values() for api in entry.delete_apis}
    assert given >= {"cognito-idp:DeleteUserPool", "dynamodb:DeleteTable", "s3:DeleteBucket"}


def test_a_root_is_replaced_whole_and_a_failure_leaves_the_old_one(project: Project, tmp_path: Path) -> None:
    root = render(project, KNOWN, tmp_path / "root")
    (root / "stray.tf").write_text("")
    render(project, KNOWN, root)
    assert not (root / "stray.tf").exists()
    before = (root / "main.tf").read_bytes()
    with pytest.raises(Exception, match="has no 'pool'"):
        render(project, {"prod/first": {"value": {}, "id": "x"}}, root)
    assert (root / "main.tf").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [], "nothing half-written is left"


def test_a_module_that_reads_outside_of_itself_is_refused(project: Project, tmp_path: Path) -> None:
    project.write("modules/inner/main.tf", 'output "x" {\n  value = file("/etc/hostname")\n}\n')
    with pytest.raises(CatalogueError) as error:
        render(project, KNOWN, tmp_path / "root")
    assert error.value.where is not None
    assert str(error.value.where).startswith("modules/inner/main.tf:2")


def test_a_module_from_elsewhere_is_called_by_its_address(project: Project, tmp_path: Path) -> None:
    project.write(
        "live/stacks/rich.yaml",
        'module: "git::https://example.com/modules.git//queue"\nversion: v2.3.1\ninputs: {value: "${{ first.id }}"}\n',
    )
    project.write("live/stages/prod.yaml", "account: main\nstacks: {first: , rich: , reader: }\n")
    project.write("live/stacks/reader.yaml", "module: box\ninputs: {value: '${{ rich.arn }}'}\n")
    main = (render(project, KNOWN, tmp_path / "root") / "main.tf").read_text()
    assert 'source = "git::https://example.com/modules.git//queue?ref=v2.3.1"' in main
    assert 'output "arn"' in main, "what others read of it is an output"
    project.write(
        "live/stacks/rich.yaml", 'module: acme/queue/aws\nversion: "2.3.1"\ninputs: {value: "${{ first.id }}"}\n'
    )
    main = (render(project, KNOWN, tmp_path / "root") / "main.tf").read_text()
    assert 'source = "acme/queue/aws"' in main
    assert 'version = "2.3.1"' in main
