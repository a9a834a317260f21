"""In CI a change cannot choose its own programs and rights: those of ``live/`` come from the protected commit."""

from __future__ import annotations

from pathlib import Path

import pytest

import orchestrator
from orchestrator.config.catalogue import Catalogue
from orchestrator.config.load import load
from orchestrator.errors import SetupError
from orchestrator.guard.model import Finding
from orchestrator.guard.trust.base_commit import find_base
from orchestrator.guard.trust.live_files import changed_baselines, trusted_live
from orchestrator.guard.trust.trust import load_trust, weakened_against
from orchestrator.util.git import Repository
from tests.support.git import Git

PULL = {"CI": "true", "GITHUB_BASE_REF": "main"}
ORCH = """\
format: 1
name: acme
orch: ">=0.0"
region: eu-west-1
providers:
  aws: "5.100.0"
  random: "3.2.0"
module_sources: [terraform-aws-modules/vpc/aws]
environment: [DATADOG_API_KEY]
state: {bucket: "${{ name }}-${{ account_id }}-tfstate"}
management: "999999999999"
"""
ACCOUNT = 'id: "111111111111"\nroles: {plan: reader}\nstacks:\n  baseline:\n'
BASELINE = "module: base\ninputs: {trusted: [a]}\n"
MODULE = 'variable "trusted" {\n  type = list(string)\n}\nmodule "inner" {\n  source = "../inner"\n}\n'


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A platform whose main branch has an account with a baseline and a stage; a change begins."""
    git = Git(tmp_path / "repository")
    write(git, "live/orch.yaml", ORCH)
    write(git, "live/accounts/production.yaml", ACCOUNT)
    write(git, "live/stacks/baseline.yaml", BASELINE)
    write(git, "live/stacks/queue.yaml", "module: queue\n")
    write(git, "live/stages/prod.yaml", "account: production\nstacks: {queue: }\n")
    write(git, "modules/base/main.tf", MODULE)
    write(git, "modules/inner/main.tf", "")
    write(git, "modules/queue/main.tf", "")
    git.commit()
    git.publish()
    git.branch("change")
    return git


def write(git: Git, name: str, text: str) -> None:
    path = git.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def edit(git: Git, name: str, old: str, new: str) -> None:
    text = (git.root / name).read_text()
    assert old in text
    write(git, name, text.replace(old, new, 1))


def in_ci(git: Git) -> Catalogue:
    return load(git.root, trusted=trusted_live(git.root, PULL))


def weakened(git: Git) -> list[tuple[str, str]]:
    trust = load_trust(git.root, Repository.find(git.root), PULL)
    assert [each.what for each in weakened_against(git.root, "origin/main")] == [each.what for each in trust.weakened]
    return [(str(each.where), each.what) for each in trust.weakened]


def test_a_change_elsewhere_weakens_nothing_and_needs_no_other_files(git: Git) -> None:
    write(git, "live/stages/test.yaml", "account: production\nstacks: {queue: }\n")
    git.commit()
    assert trusted_live(git.root, PULL) is None
    assert weakened(git) == []


def test_outside_ci_the_files_count_as_they_are(git: Git) -> None:
    edit(git, "live/orch.yaml", "state:", "roles: {plan: admin}\nstate:")
    assert trusted_live(git.root, {}) is None
    assert load_trust(git.root, Repository.find(git.root), {}).weakened == ()


def test_a_new_provider_may_not_run(git: Git) -> None:
    edit(
        git,
        "live/orch.yaml",
        '  random: "3.2.0"',
        '  random: {source: evil/random, version: "1.0.0"}\n  evil: {source: evil/evil, version: "1.0.0"}',
    )
    settings = in_ci(git).settings
    assert {each.source for each in settings.providers.values()} == {"hashicorp/aws", "hashicorp/random"}
    assert weakened(git) == [
        ("live/orch.yaml:7:3", "the provider evil/random would be allowed to run"),
        ("live/orch.yaml:8:3", "the provider evil/evil would be allowed to run"),
    ]


def test_another_version_of_a_listed_provider_can_be_planned(git: Git) -> None:
    edit(git, "live/orch.yaml", "5.100.0", "5.99.0")
    edit(git, "live/orch.yaml", '  random: "3.2.0"\n', "")
    settings = in_ci(git).settings
    assert {name: each.version for name, each in settings.providers.items()} == {"aws": "5.99.0"}
    assert weakened(git) == []


def test_new_module_sources_and_variables_do_not_count(git: Git) -> None:
    edit(git, "live/orch.yaml", "[terraform-aws-modules/vpc/aws]", '["git::https://evil.example/x.git?ref=v1"]')
    edit(git, "live/orch.yaml", "[DATADOG_API_KEY]", "[DATADOG_API_KEY, ACTIONS_ID_TOKEN_REQUEST_TOKEN]")
    settings = in_ci(git).settings
    assert settings.module_sources == ()
    assert settings.environment == ("DATADOG_API_KEY",)
    assert [what for _, what in weakened(git)] == [
        "modules of git::https://evil.example/x.git?ref=v1 would be allowed",
        "the variable ACTIONS_ID_TOKEN_REQUEST_TOKEN would be passed to Terraform and its providers",
    ]


def test_roles_state_and_management_are_those_that_were_merged(git: Git) -> None:
    edit(git, "live/orch.yaml", "-tfstate", "-other")
    edit(git, "live/orch.yaml", "999999999999", "888888888888")
    edit(git, "live/orch.yaml", "state:", "roles: {apply: admin}\nstate:")
    edit(git, "live/accounts/production.yaml", "reader", "admin")
    edit(git, "live/accounts/production.yaml", "stacks:", "access: open\nprofile: root\nstacks:")
    catalogue = in_ci(git)
    account = catalogue.accounts["production"]
    assert catalogue.settings.management == "999999999999"
    assert (account.roles.plan, account.roles.apply) == ("reader", "orch-apply")
    assert account.state_bucket == "acme-111111111111-tfstate"
    assert (account.restricted, account.profile) == (True, None)
    assert [what for _, what in weakened(git)] == [
        "the roles that orch assumes in production would change (roles)",
        "production would no longer be restricted (access)",
        "the AWS profile that orch starts from in production would change (profile)",
        "the roles that orch assumes would change (roles)",
        "where states are stored would change (state)",
        "the account whose principals assume the roles would change (management)",
    ]


def test_a_new_account_has_no_rights_of_its_own(git: Git) -> None:
    write(git, "live/accounts/lab.yaml", 'id: "222222222222"\naccess: open\nroles: {plan: admin}\nprofile: root\n')
    account = in_ci(git).accounts["lab"]
    assert (account.restricted, account.roles.plan, account.profile) == (True, "orch-plan", None)
    assert {where for where, _ in weakened(git)} == {f"live/accounts/lab.yaml:{line}:1" for line in (2, 3, 4)}


def test_what_a_change_gives_up_weakens_nothing(git: Git) -> None:
    edit(git, "live/orch.yaml", "module_sources: [terraform-aws-modules/vpc/aws]\nenvironment: [DATADOG_API_KEY]\n", "")
    write(git, "live/accounts/lab.yaml", 'id: "222222222222"\naccess: restricted\n')
    assert in_ci(git).settings.module_sources == ()
    assert weakened(git) == []


def test_an_account_that_was_open_can_be_restricted_at_once(git: Git) -> None:
    git("checkout", "-q", "main")
    edit(git, "live/accounts/production.yaml", "stacks:", "access: open\nstacks:")
    git.commit()
    git.publish()
    git.branch("second")
    edit(git, "live/accounts/production.yaml", "access: open", "access: restricted")
    assert in_ci(git).accounts["production"].restricted
    assert weakened(git) == []


def test_a_platform_that_was_never_merged_runs_with_the_defaults(git: Git) -> None:
    git("checkout", "-q", "main")
    git("rm", "-q", "-r", "live")
    git.commit()
    git.publish()
    git("checkout", "-q", "change")
    git("merge", "-q", "-s", "ours", "main")
    edit(git, "live/orch.yaml", "state:", "roles: {plan: admin}\nstate:")
    catalogue = in_ci(git)
    assert {each.source for each in catalogue.settings.providers.values()} == {"hashicorp/aws"}
    assert (catalogue.settings.roles.plan, catalogue.settings.environment) == ("orch-plan", ())
    assert "the roles that orch assumes would change (roles)" in [what for _, what in weakened(git)]


def test_ci_that_cannot_tell_the_base_does_not_take_the_files_of_the_change(git: Git) -> None:
    git("update-ref", "-d", "refs/remotes/origin/main")
    with pytest.raises(SetupError, match="does not contain refs/remotes/origin/main"):
        trusted_live(git.root, PULL)


# Baselines


def baseline(git: Git) -> Finding | None:
    catalogue = in_ci(git)
    repository = Repository.find(git.root)
    units = tuple(catalogue.units.values())
    found = changed_baselines(catalogue, repository, find_base(repository, PULL), units)
    assert set(found) <= {"production/baseline"}
    assert changed_baselines(catalogue, repository, find_base(repository, {}), units) == {}
    return found.get("production/baseline")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("live/stacks/baseline.yaml", "[a]", "[a, b]"),
        ("live/accounts/production.yaml", "  baseline:", "  baseline: {inputs: {trusted: [b]}}"),
        ("modules/base/main.tf", 'variable "trusted"', '# x\nvariable "trusted"'),
        ("modules/inner/main.tf", "", 'data "aws_secretsmanager_secrets" "all" {\n}\n'),
    ],
)
def test_a_changed_baseline_is_not_planned_in_a_pull_request(git: Git, name: str, old: str, new: str) -> None:
    edit(git, name, old, new)
    finding = baseline(git)
    assert finding is not None
    assert finding.rule == "ORCH_POLICY_WEAKENED"
    assert finding.where is not None
    assert finding.where.file == name
    git.commit()
    assert baseline(git) is not None


def test_an_untouched_baseline_is_planned(git: Git) -> None:
    write(git, "modules/queue/outputs.tf", "")
    edit(git, "live/accounts/production.yaml", "stacks:", "tags: {team: a}\nstacks:")
    assert baseline(git) is None


# Code


def test_new_code_in_policies_weakens_them_in_ci_and_is_free_to_try_outside(git: Git) -> None:
    write(git, "policies/mine/check.py", "x = 1\n")
    write(git, "policies/mine/pass.json", "{}")
    write(git, "policies/mine/fail.json", "{}")
    write(
        git, "policies/protected.yaml", (Path(orchestrator.__file__).parents[1] / "policies/protected.yaml").read_text()
    )
    assert ("policies/mine/check.py", "the check would be added, and it has code") in weakened(git)
    here = load_trust(git.root, Repository.find(git.root), {})
    assert "policies/mine/check.py" not in {each.where.file for each in here.weakened}


def test_orch_that_runs_from_the_repository_is_named(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    write(git, "orchestrator/__init__.py", "")
    git.commit()
    git.publish()
    monkeypatch.setattr(orchestrator, "__file__", str(git.root / "orchestrator" / "__init__.py"))
    assert weakened(git) == []
    write(git, "orchestrator/guard.py", "x = 1\n")
    assert weakened(git) == [
        (
            "orchestrator/guard.py",
            "orch itself would change, and this run uses the changed orch: orchestrator/guard.py",
        )
    ]
