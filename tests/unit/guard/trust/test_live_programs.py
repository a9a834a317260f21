"""In CI a change plans no unit whose build or provider arguments it touches."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.load import load
from orchestrator.guard.model import POLICY_WEAKENED, Finding
from orchestrator.guard.trust.base_commit import find_base
from orchestrator.guard.trust.live_programs import unmerged_programs
from orchestrator.util.git import Repository
from tests.support.catalogue import ORCH
from tests.support.git import Git, begun_change

PULL = {"CI": "true", "GITHUB_BASE_REF": "main"}
PLATFORM = f"""\
== orch
{ORCH.replace('{aws: "5.100.0"}', '{aws: "5.100.0", probe: {source: test/probe, version: "1.0.0"}}')}\
run: {{host: {{default: api.example.com}}}}
== stages/prod
account: main
stacks: {{code: , cluster: , watch: , plain: }}
== stacks/code
module: code
archives:
  zip: {{folder: services/code, build: {{run: [make], inputs: ["*.py"]}}}}
== stacks/cluster
module: any
inputs: {{a: "${{{{ plain.x }}}}"}}
== stacks/plain
module: any
== stacks/watch
module: any
secrets: {{token: "ssm:/token"}}
providers:
  probe: {{arguments: {{host: "${{{{ cluster.x }}}}", other: "${{{{ run.host }}}}", token: "${{{{ secrets.token }}}}"}}}}
== modules/code
variable "zip" {{
  type = string
}}
== services/code/main.py
print(1)
== services/other/main.py
print(1)
"""


@pytest.fixture
def git(tmp_path: Path) -> Git:
    return begun_change(tmp_path / "repository", PLATFORM)


def refused(git: Git, env: dict[str, str] | None = None) -> dict[str, Finding]:
    git.commit()
    catalogue = load(git.root)
    repository = Repository.find(git.root)
    base = find_base(repository, PULL if env is None else env)
    return dict(unmerged_programs(catalogue, repository, base, list(catalogue.units.values())))


def edit(git: Git, name: str, old: str, new: str) -> None:
    path = git.root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_change_of_something_else_is_planned(git: Git) -> None:
    edit(git, "services/other/main.py", "1", "2")
    edit(git, "live/stages/prod.yaml", "plain: ", "plain: {timeouts: {plan: 5m}}, more: ")
    (git.root / "live/stacks/more.yaml").write_text("module: any\n")
    git.commit()
    assert set(refused(git)) == {"prod/watch"}, "the stage of the upstream changed"


def test_a_new_stage_has_what_is_merged(git: Git) -> None:
    (git.root / "live/stages/dev.yaml").write_text("account: main\nstacks: {code: }\n")
    assert refused(git) == {}


@pytest.mark.parametrize(
    ("file", "old", "new", "unit"),
    [
        ("live/stacks/code.yaml", "[make]", "[sh, -c, evil]", "prod/code"),
        ("live/stacks/code.yaml", '"*.py"', '"*"', "prod/code"),
        ("services/code/main.py", "1", "2", "prod/code"),
        (
            "live/stages/prod.yaml",
            "code: ",
            "code: {archives: {zip: {folder: services/code, build: {run: [x]}}}}",
            "prod/code",
        ),
        ("live/stacks/watch.yaml", "${{ cluster.x }}", "https://evil.example", "prod/watch"),
        ("live/stacks/watch.yaml", "ssm:/token", "ssm:/other", "prod/watch"),
        ("live/orch.yaml", "api.example.com", "evil.example", "prod/watch"),
        ("modules/any/main.tf", "value = 1", 'value = "https://evil.example"', "prod/watch"),
        ("live/stacks/plain.yaml", "module: any", "module: any\ninputs: {a: evil}", "prod/watch"),
    ],
)
def test_a_unit_is_not_planned_before_its_programs_are_merged(
    git: Git, file: str, old: str, new: str, unit: str
) -> None:
    edit(git, file, old, new)
    found = refused(git)
    assert unit in found
    assert set(found) <= {"prod/code", "prod/watch"}
    assert found[unit].rule == POLICY_WEAKENED
    assert "merge it" in found[unit].hint
    assert refused(git, {}) == {}, "outside CI people may try it"


WATCHES = """\
account: {account}
stacks:
  cluster:
  plain:
  watch: {{providers: {{probe: {{arguments: {{host: {host}, token: "${{{{ secrets.token }}}}"}}}}}}}}
"""


def test_a_stage_does_not_take_over_the_provider_of_another_one(git: Git) -> None:
    """Otherwise the production secret of the same path would go to the host of the test stage."""
    for stage, host in (("prod", "api.example.com"), ("test", "test.example.com")):
        (git.root / f"live/stages/{stage}.yaml").write_text(WATCHES.format(account="main", host=host))
    git.commit()
    git.publish()
    git.branch("other-host")
    edit(git, "live/stages/prod.yaml", "api.example.com", "test.example.com")
    assert set(refused(git)) == {"prod/watch"}


def test_a_new_stage_has_what_is_merged_for_its_own_account(git: Git) -> None:
    (git.root / "live/accounts/other.yaml").write_text('id: "333333333333"\naccess: open\n')
    (git.root / "live/stages/test.yaml").write_text(WATCHES.format(account="other", host="test.example.com"))
    git.commit()
    git.publish()
    git.branch("new-stages")
    for stage, account in (("feat", "other"), ("next", "main")):
        text = WATCHES.format(account=account, host="test.example.com")
        (git.root / f"live/stages/{stage}.yaml").write_text(text)
    assert set(refused(git)) == {"next/watch"}


def test_what_links_lead_to_is_a_part_of_the_build(git: Git) -> None:
    """A build gets copies of the files behind links, so it would run what the change has there."""
    for name, text in (("common/lib/main.py", "print(1)\n"), ("common/tool.py", "print(1)\n"), ("other.py", "")):
        (git.root / name).parent.mkdir(parents=True, exist_ok=True)
        (git.root / name).write_text(text)
    (git.root / "services/code/lib").symlink_to("../../common/lib")
    (git.root / "services/code/tool.py").symlink_to("../../common/again.py")
    (git.root / "common/again.py").symlink_to("tool.py")
    git.commit()
    git.publish()
    assert refused(git) == {}
    for name in ("common/lib/main.py", "common/tool.py"):
        edit(git, name, "1", "2")
        assert set(refused(git)) == {"prod/code"}, name
        edit(git, name, "2", "1")
    (git.root / "common/again.py").unlink()
    (git.root / "common/again.py").symlink_to("../other.py")
    assert set(refused(git)) == {"prod/code"}, "it leads to another merged file"
