"""In CI the protected commit decides which modules are downloaded, and what of a unit is as it was merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.load import load
from orchestrator.guard.trust.base_commit import find_base
from orchestrator.guard.trust.live_modules import MergedModules, merged_modules
from orchestrator.util.git import Repository
from tests.support.catalogue import ORCH
from tests.support.git import Git, begun_change

PULL = {"CI": "true", "GITHUB_BASE_REF": "main"}
GIT = "git::https://git.example.com/net.git"
PLATFORM = f"""\
== orch
{ORCH}run: {{host: {{default: api.example.com}}}}
== stages/prod
account: main
stacks: {{net: , vpc: , top: , below: }}
== stacks/net
module: {GIT}
version: v1
== stacks/vpc
module: terraform-aws-modules/vpc/aws
version: "5.1.0"
== stacks/top
module: any
== stacks/below
module: any
inputs: {{a: "${{{{ top.x }}}}"}}
"""


@pytest.fixture
def git(tmp_path: Path) -> Git:
    return begun_change(tmp_path / "repository", PLATFORM)


def merged(git: Git, env: dict[str, str] | None = None) -> MergedModules | None:
    git.commit()
    repository = Repository.find(git.root)
    tell = merged_modules(load(git.root), repository, find_base(repository, PULL if env is None else env))
    return tell() if tell is not None else None


def edit(git: Git, name: str, old: str, new: str) -> None:
    path = git.root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_outside_of_ci_nothing_of_it_matters(git: Git) -> None:
    assert merged(git, {}) is None


def test_without_a_change_all_is_merged(git: Git) -> None:
    (git.root / "notes.md").write_text("x\n")
    assert merged(git) == MergedModules(frozenset({f"{GIT}?ref=v1", "terraform-aws-modules/vpc/aws"}), frozenset())


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("live/stacks/net.yaml", "v1", "v2", {"prod/net"}),
        ("live/stacks/net.yaml", "git.example.com", "evil.example", {"prod/net"}),
        ("live/stacks/vpc.yaml", "5.1.0", "5.1.1", {"prod/vpc"}),
        ("live/stages/prod.yaml", "vpc: ", "vpc: {inputs: {name: x}}", {"prod/vpc"}),
        ("live/stages/prod.yaml", "vpc: ", "vpc: {version: 5.2.0}", {"prod/vpc"}),
        ("live/stacks/top.yaml", "module: any", "module: any\ninputs: {a: x}", {"prod/top", "prod/below"}),
        ("modules/any/main.tf", "value = 1", "value = 2", {"prod/top", "prod/below"}),
        ("live/accounts/main.yaml", "id:", "tags: {a: b}\nid:", {"prod/net", "prod/vpc", "prod/top", "prod/below"}),
        ("live/orch.yaml", "api.example", "evil.example", {"prod/net", "prod/vpc", "prod/top", "prod/below"}),
        ("live/orch.yaml", "5.100.0", "5.100.1", set()),
    ],
)
def test_a_change_is_not_merged_and_its_modules_are_not_either(
    git: Git, file: str, old: str, new: str, changed: set[str]
) -> None:
    edit(git, file, old, new)
    found = merged(git)
    assert found is not None
    assert found.changed == changed
    assert found.packages == {f"{GIT}?ref=v1", "terraform-aws-modules/vpc/aws"}


def test_a_module_of_a_new_stack_is_not_merged(git: Git) -> None:
    (git.root / "live/stacks/more.yaml").write_text("module: evil/evil/aws\n")
    edit(git, "live/stages/prod.yaml", "vpc: ", "vpc: , more: ")
    found = merged(git)
    assert found is not None
    assert found.changed == {"prod/more"}
    assert "evil/evil/aws" not in found.packages


def test_a_protected_commit_without_valid_configuration_trusts_nothing(git: Git) -> None:
    text = (git.root / "live/orch.yaml").read_text()
    (git.root / "live/orch.yaml").write_text("name: [\n")
    git.commit()
    git.publish()
    (git.root / "live/orch.yaml").write_text(text)
    assert merged(git) == MergedModules(frozenset(), frozenset({"prod/net", "prod/vpc", "prod/top", "prod/below"}))
