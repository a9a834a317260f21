"""Which commit policies come from, and which of its waivers are valid."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from orchestrator import __version__
from orchestrator.errors import CatalogueError, SetupError
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.trust.trust import Trust, load_trust, weakened_against
from orchestrator.util.git import Repository
from tests.support.git import Git

ROOT = Path(__file__).parents[4]
TODAY = date(2026, 11, 26)
CI = {"CI": "true"}
PULL = {"CI": "true", "GITHUB_BASE_REF": "main"}
POOL = "module.this.aws_cognito_user_pool.this"
OWNERS = "anna: [anna@example.com]\ncarl: [carl@example.com]\n"


def waiver(owner: str = "anna", days: int = 5, reason: str = "moved") -> str:
    expires = TODAY + timedelta(days=days)
    return (
        "- id: gone\n  rule: ORCH_PROTECTED\n  unit: prod/identity\n  address: aws_cognito_user_pool.this\n"
        f"  owner: {owner}\n  reason: {reason}\n  expires: {expires}\n"
    )


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A repository whose main branch, by bob, has policies and owners."""
    git = Git(tmp_path / "repository")
    shutil.copytree(ROOT / "policies", git.root / "policies")
    write(git, "policies/owners.yaml", OWNERS)
    write(git, "policies/waivers.yaml", "[]\n")
    write(git, "live/orch.yaml", 'orch: "~=0.1"\n')
    git.commit()
    git.publish()
    return git


def write(git: Git, name: str, text: str) -> None:
    path = git.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def load(root: Path, env: Mapping[str, str] = {}) -> Trust:
    return load_trust(root, Repository.find(root), env, lambda: TODAY)


def trust(git: Git, env: Mapping[str, str] = {}) -> Trust:
    return load(git.root, env)


def judged(trusted: Trust) -> Finding:
    loss = Finding("i", "ORCH_PROTECTED", "prod/identity", POOL, "delete", "c", "m", "h")
    return trusted.waiver_policy.apply([loss])[0]


def allowed(trusted: Trust) -> bool:
    return judged(trusted).severity is Severity.WAIVED


# Waivers


def test_a_merged_waiver_counts_here_and_in_ci(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git.publish()
    assert allowed(trust(git))
    assert allowed(trust(git, CI))
    git.branch("change")
    write(git, "live/change.yaml", "x")
    git.commit("bob@example.com")
    assert allowed(trust(git, PULL))


def test_a_waiver_that_the_change_brings_does_not_count_in_ci(git: Git) -> None:
    git.branch("change")
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    found = judged(trust(git, PULL))
    assert found.severity is Severity.BLOCK
    assert "is not valid: it is not in" in found.hint
    assert "it must be merged first" in found.hint


def test_a_waiver_of_the_working_tree_does_not_count(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    found = judged(trust(git))
    assert found.severity is Severity.BLOCK
    assert "policies/waivers.yaml:1:3) is not valid: it is not in origin/main as it was fetched last" in found.hint
    assert not allowed(trust(git, CI))


def test_a_waiver_that_its_own_author_commits_in_the_name_of_another_does_not_count(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver("anna"))
    git.commit("bob@example.com")
    found = judged(trust(git))
    assert found.severity is Severity.BLOCK
    assert "it is not in origin/main as it was fetched last; it must be merged first, then: git fetch" in found.hint
    git("checkout", "-q", "-b", "origin/main")  # a branch of one's own is not the remote's
    assert not allowed(trust(git))
    write(git, "policies/owners.yaml", f"{OWNERS}dora: [dora@example.com]\n")
    git.commit("bob@example.com")
    assert not allowed(trust(git))


def test_of_a_remote_whose_default_branch_is_unknown_no_waiver_counts(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit()
    git.publish()
    git("symbolic-ref", "--delete", "refs/remotes/origin/HEAD")
    assert allowed(trust(git)), "main is the usual name"
    git("update-ref", "refs/remotes/origin/master", "HEAD~1")
    for remote in ("origin", "somewhere"):
        git("remote", "add", remote, "file:///nowhere")
        found = judged(trust(git))
        assert found.severity is Severity.BLOCK
        assert "git remote set-head origin --auto" in found.hint
        git("update-ref", "-d", "refs/remotes/origin/main")
        git("update-ref", "-d", "refs/remotes/origin/master")


def test_with_another_default_branch_it_is_that_one(git: Git) -> None:
    git("update-ref", "refs/remotes/origin/release", "HEAD")
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release")
    write(git, "policies/waivers.yaml", waiver())
    git.commit()
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert "it is not in origin/release" in judged(trust(git)).hint
    git("update-ref", "refs/remotes/origin/release", "HEAD")
    assert allowed(trust(git))


@pytest.mark.parametrize("restricted", [True, False])
def test_without_a_remote_a_waiver_counts_where_nothing_is_restricted(git: Git, restricted: bool) -> None:
    for ref in ("HEAD", "main"):
        git("update-ref", "--no-deref", "-d", f"refs/remotes/origin/{ref}")
    write(git, "policies/waivers.yaml", waiver())
    repository = Repository.find(git.root)
    found = judged(load_trust(git.root, repository, {}, lambda: TODAY, restricted=lambda _: restricted))
    assert "it is not committed yet" in found.hint
    git.commit("bob@example.com")
    asked: list[str] = []

    def ask(unit: str) -> bool:
        asked.append(unit)
        return restricted

    repository = Repository.find(git.root)
    found = judged(load_trust(git.root, repository, {}, lambda: TODAY, restricted=ask))
    assert asked == ["prod/identity"]
    assert (found.severity is Severity.BLOCK, "has no remote" in found.hint) == (restricted, restricted)


def test_what_a_local_commit_weakens_is_reported_outside_of_ci_too(git: Git) -> None:
    listed = git.root / "policies/protected.yaml"
    listed.write_text(listed.read_text().replace("aws_cognito_user_pool:", "aws_no_pool:"))
    git.commit()
    assert [each.subject for each in trust(git).weakened] == ["aws_cognito_user_pool"]
    git.publish()
    assert trust(git).weakened == ()


def test_a_waiver_that_the_change_takes_back_does_not_count(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit()
    git.publish()
    git.branch("change")
    write(git, "policies/waivers.yaml", "[]\n")
    git.commit()
    trusted = trust(git, PULL)
    assert not allowed(trusted)
    assert list(trusted.waiver_policy.unused("prod/identity")) == []


def test_an_owner_cannot_allow_their_own_change(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git.publish()
    git.branch("change")
    write(git, "live/change.yaml", "x")
    git.commit("ANNA@Example.com")
    found = judged(trust(git, PULL))
    assert "its owner anna also wrote the change (anna@example.com)" in found.hint
    assert found.severity is Severity.BLOCK


def test_an_owner_cannot_allow_what_they_wrote_together(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git.publish()
    git.branch("change")
    git.commit("bob@example.com", "change\n\nCo-authored-by: Anna <anna@example.com>")
    assert not allowed(trust(git, PULL))


def test_an_owner_cannot_allow_what_they_have_not_even_committed(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git.publish()
    git("config", "user.email", "anna@example.com")
    assert allowed(trust(git))
    write(git, "live/change.yaml", "x")
    assert not allowed(trust(git))


def test_an_owner_cannot_write_their_own_waiver(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("anna@example.com")
    git.commit("bob@example.com")
    git.publish()
    for env in ({}, CI):
        assert "its owner anna also wrote the waiver (anna@example.com)" in judged(trust(git, env)).hint


def test_an_owner_cannot_prolong_it_either(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver(days=1))
    git.commit("bob@example.com")
    write(git, "policies/waivers.yaml", waiver(days=9))
    git.commit("anna@example.com")
    git.commit("bob@example.com")
    assert not allowed(trust(git))


def hidden_in_an_alias() -> str:
    """Return a waiver whose lines would be blamed on another one, which starts on the line of the anchor."""
    expires = TODAY + timedelta(days=5)
    first = f"id: a, rule: A, unit: a/b, address: a.b, owner: anna, reason: r, expires: {expires}"
    return f"- <<: &z {{{first}}}\n  id: b\n  address: a.c\n{waiver()}- *z\n"


@pytest.mark.parametrize("text", [hidden_in_an_alias(), "# " + "\u2028" * 40 + "\n" + waiver()], ids=["alias", "lines"])
def test_an_owner_cannot_hide_lines_from_git_blame(git: Git, text: str) -> None:
    write(git, "policies/waivers.yaml", text)
    git.commit("anna@example.com")
    git.publish()
    with pytest.raises(CatalogueError):
        trust(git)
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    assert not allowed(trust(git, PULL))


def test_merged_owners_that_cannot_be_read_can_be_repaired(git: Git) -> None:
    write(git, "policies/owners.yaml", "anna: &a [anna@example.com]\n")
    git.commit()
    git.publish()
    git.branch("change")
    write(git, "policies/owners.yaml", OWNERS)
    (found,) = trust(git, PULL).weakened
    assert (found.where.file, "cannot read the old owners" in found.what) == ("policies/owners.yaml", True)


def test_a_mailmap_does_not_hide_who_wrote_it(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("anna@example.com")
    write(git, ".mailmap", "Bob <bob@example.com> <anna@example.com>\n")
    git.commit("bob@example.com")
    git.publish()
    assert git("log", "--format=%aE", "--", "policies/waivers.yaml").splitlines()[0] == "bob@example.com"
    assert not allowed(trust(git))


def test_who_merges_is_not_the_author(git: Git) -> None:
    git.branch("change")
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git("checkout", "-q", "main")
    write(git, "live/other.yaml", "x")
    git.commit("bob@example.com")
    git("merge", "-q", "--no-ff", "-m", "merge", "change", author="anna@example.com")
    git.publish()
    assert allowed(trust(git, CI))


def test_who_changes_something_in_the_merge_is_an_author(git: Git) -> None:
    git.branch("change")
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git("checkout", "-q", "main")
    git("merge", "-q", "--no-ff", "--no-commit", "change", author="anna@example.com")
    write(git, "live/evil.yaml", "x")
    git.commit("anna@example.com")
    git.publish()
    assert not allowed(trust(git, CI))


def test_the_owner_must_have_been_merged_too(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver("dora"))
    with pytest.raises(CatalogueError, match="who is not an owner"):
        trust(git)
    write(git, "policies/owners.yaml", f"{OWNERS}dora: [dora@example.com]\n")
    found = judged(trusted := trust(git))
    assert found.severity is Severity.BLOCK
    assert "dora would become an owner" in {each.what for each in trusted.weakened}


def test_an_owner_whom_the_change_lists_does_not_count_for_a_merged_waiver(git: Git) -> None:
    """An owner was removed; a change that lists them again makes none of their waivers valid."""
    write(git, "policies/waivers.yaml", waiver("dora"))
    git.commit()
    git.publish()
    git.branch("change")
    write(git, "policies/owners.yaml", f"{OWNERS}dora: [dora@example.com]\n")
    git.commit()
    assert "dora is not in the merged policies/owners.yaml" in judged(trust(git, PULL)).hint


def test_a_prolonged_waiver_counts_only_as_it_was_merged(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver(days=-1))
    git.commit()
    git.publish()
    git.branch("change")
    write(git, "policies/waivers.yaml", waiver(days=9))
    git.commit()
    assert "the merged version expires on 2026-11-25" in judged(trust(git, PULL)).hint


def test_an_old_commit_does_not_bring_a_waiver_back(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    old = git.commit()
    write(git, "policies/waivers.yaml", "[]\n")
    git.commit()
    git.publish()
    git("checkout", "-q", old)
    git.commit("bob@example.com")
    assert not allowed(trust(git, PULL))
    assert not allowed(trust(git, {"ORCH_BASE": "origin/main"}))


def test_expired_and_wide_ones_stop_everything(git: Git) -> None:
    for text, what in (
        (waiver(days=-1), "expired on"),
        (waiver(days=15), "expires too late"),
        ("- id: x\n", "is missing"),
    ):
        write(git, "policies/waivers.yaml", text)
        for env in ({}, CI):
            with pytest.raises(CatalogueError, match=what):
                trust(git, env)


def test_in_a_shallow_clone_no_waiver_is_valid(git: Git, tmp_path: Path) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("anna@example.com")
    git.commit("bob@example.com")
    shallow = tmp_path / "shallow"
    git("clone", "-q", "--depth=1", "--branch=main", git.root.as_uri(), str(shallow))
    found = judged(load(shallow, CI))
    assert found.severity is Severity.BLOCK
    assert "unknown in a shallow clone" in found.hint


def test_without_a_repository_no_waiver_counts(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit()
    shutil.rmtree(git.root / ".git")
    trusted = trust(git)
    assert trusted.base is None
    assert "this is not a git repository" in judged(trusted).hint
    with pytest.raises(SetupError, match="not a git repository"):
        trust(git, CI)


# Policies


def test_in_ci_the_policies_are_those_that_were_merged(git: Git) -> None:
    merged = trust(git, CI).policies.digest
    git.branch("change")
    listed = git.root / "policies/protected.yaml"
    listed.write_text(listed.read_text().replace("aws_cognito_user_pool:", "aws_no_pool:"))
    check = git.root / "policies/protected/check.py"
    source = check.read_bytes()
    check.write_bytes(source + b"\nweaker = True\n")
    git.commit()
    trusted = trust(git, PULL)
    assert "aws_cognito_user_pool" in trusted.policies.protected
    assert trusted.policies.digest == merged
    assert next(each for each in trusted.policies.policies if each.name == "protected").source == source
    first, second = trusted.weakened
    end = len(source.splitlines()) + 2
    assert (str(second.where), second.what) == (f"policies/protected/check.py:{end}", "the check would change")
    assert first.what == "aws_cognito_user_pool would no longer be protected"


def test_locally_the_policies_are_those_of_the_working_tree_and_weakening_is_reported(git: Git) -> None:
    whole = trust(git).policies.digest
    listed = git.root / "policies/protected.yaml"
    listed.write_text(listed.read_text() + "aws_new:\n  lost: all of it\n  delete_apis: [x:DeleteX]\n")
    trusted = trust(git)
    assert "aws_new" in trusted.policies.protected
    assert trusted.weakened == ()
    assert trusted.policies.digest != whole
    listed.write_text(listed.read_text().replace("aws_cognito_user_pool:", "aws_no_pool:"))
    assert [each.subject for each in trust(git).weakened] == ["aws_cognito_user_pool"]


def test_a_policies_folder_that_the_change_removes_judges_all_the_same(git: Git) -> None:
    git.branch("change")
    shutil.rmtree(git.root / "policies")
    git.commit()
    trusted = trust(git, PULL)
    assert "aws_cognito_user_pool" in trusted.policies.protected
    assert "the list of protected resources would be removed" in {each.what for each in trusted.weakened}


def test_what_main_gained_since_is_not_taken_for_weakened(git: Git) -> None:
    git.branch("change")
    write(git, "live/change.yaml", "x")
    git.commit()
    git("checkout", "-q", "main")
    listed = git.root / "policies/protected.yaml"
    listed.write_text(listed.read_text() + "aws_new:\n  lost: all of it\n  delete_apis: [x:DeleteX]\n")
    git.commit()
    git.publish()
    git("checkout", "-q", "change")
    trusted = trust(git, PULL)
    assert trusted.weakened == ()
    assert "aws_new" in trusted.policies.protected


def test_the_version_of_orch_belongs_to_the_judge(git: Git) -> None:
    git.branch("change")
    write(git, "live/orch.yaml", 'orch: ">=0.0.1"\n')
    git.commit()
    (found,) = trust(git, PULL).weakened
    assert (str(found.where), found.what) == (
        "live/orch.yaml:1:1",
        "the version of orch would change from ~=0.1 to >=0.0.1",
    )
    assert weakened_against(git.root, "origin/main") == (found,)
    git("checkout", "-q", "main")
    assert trust(git, PULL).weakened == ()


def test_a_catalogue_in_a_folder_of_a_repository(git: Git, tmp_path: Path) -> None:
    outer = Git(tmp_path / "outer")
    shutil.copytree(git.root, outer.root / "infra", ignore=shutil.ignore_patterns(".git"))
    (outer.root / "infra/policies/waivers.yaml").write_text(waiver())
    outer.commit("bob@example.com")
    outer.publish()
    for env in ({}, CI):
        trusted = load(outer.root / "infra", env)
        assert trusted.weakened == ()
        assert allowed(trusted)


def test_committed_caches_of_python_are_ignored(git: Git, bare: Git) -> None:
    for each in (git, bare):
        each("checkout", "-q", "main")
        before = trust(each, CI).policies
        cached = ("policies/__pycache__/x.pyc", "policies/protected/__pycache__/check.pyc")
        for name in cached[: 1 if before.builtin else 2]:
            write(each, name, "x")
        each("add", "--force", "policies")
        each.commit()
        each.publish()
        for env in ({}, CI):
            trusted = trust(each, env)
            assert (trusted.policies.builtin, trusted.policies.digest) == (before.builtin, before.digest)
            assert trusted.weakened == ()
        each.branch("without")
        each("rm", "-q", "-r", "policies/__pycache__")
        each.commit()
        for env in ({}, PULL):
            assert trust(each, env).weakened == ()


def test_a_link_among_the_policies_is_no_policy(git: Git) -> None:
    (git.root / "policies/protected/check.py").unlink()
    (git.root / "policies/protected/check.py").symlink_to("../weakened/check.py")
    git.commit()
    git.publish()
    with pytest.raises(CatalogueError, match="symbolic links are not allowed"):
        trust(git, CI)


@pytest.fixture
def bare(tmp_path: Path) -> Git:
    """A repository whose main branch has a platform and no policies of its own, on the branch of a change."""
    git = Git(tmp_path / "bare")
    write(git, "live/orch.yaml", 'orch: "~=0.1"\n')
    git.commit()
    git.publish()
    git.branch("change")
    return git


def without_pools(git: Git) -> None:
    """Write policies like the built-in ones that do not protect user pools."""
    shutil.copytree(ROOT / "policies", git.root / "policies")
    (git.root / "policies/owners.yaml").unlink()
    listed = git.root / "policies/protected.yaml"
    listed.write_text(listed.read_text().replace("aws_cognito_user_pool:", "aws_no_pool:"))


@pytest.mark.parametrize("env", [{}, PULL], ids=["here", "ci"])
def test_without_policies_the_built_in_ones_judge(bare: Git, env: Mapping[str, str]) -> None:
    trusted = trust(bare, env)
    assert trusted.policies.builtin
    assert trusted.policies.source == f"built-in (orch {__version__})"
    assert trusted.policies.protected == Policies.load(ROOT).protected
    assert trusted.weakened == ()
    here = f"policies: built-in (orch {__version__})"
    ci = f"policies: built-in (orch {__version__}); waivers and owners come from {bare('rev-parse', 'main').strip()[:10]}"
    assert [each.split(" (GITHUB")[0] for each in trusted.notices] == [ci if env else here]


def test_policies_of_the_repository_are_a_notice_only_in_ci(git: Git) -> None:
    assert trust(git).notices == ()
    (found,) = trust(git, CI).notices
    assert found.startswith("Policies, waivers and owners come from ")


def test_without_a_repository_the_built_in_policies_are_a_notice(tmp_path: Path) -> None:
    assert load(tmp_path).notices == (f"policies: built-in (orch {__version__})",)


@pytest.mark.parametrize("env", [{}, PULL], ids=["here", "ci"])
def test_a_mistyped_policies_file_is_an_error_and_a_change_can_repair_it(bare: Git, env: Mapping[str, str]) -> None:
    listed = (ROOT / "policies/protected.yaml").read_text()
    write(bare, "policies/protected.yml", listed)
    bare.commit()
    with pytest.raises(CatalogueError, match=r"policies/protected\.yml"):
        trust(bare, env)
    bare.publish()
    bare("mv", "policies/protected.yml", "policies/README.md")
    bare.commit()
    assert trust(bare, env).policies.builtin


def test_the_built_in_policies_bring_no_owners(bare: Git) -> None:
    assert trust(bare, PULL).waiver_policy.waivers.owners.emails == {}
    assert "owners.yaml" not in trust(bare, PULL).policies.files


def test_owners_and_waivers_alone_leave_the_built_in_policies_in_force(bare: Git) -> None:
    bare("checkout", "-q", "main")
    write(bare, "policies/owners.yaml", OWNERS)
    write(bare, "policies/waivers.yaml", waiver())
    bare.commit()
    bare.publish()
    trusted = trust(bare, CI)
    assert trusted.policies.builtin
    assert allowed(trusted)


def test_weaker_policies_that_a_change_adds_count_only_once_merged(bare: Git) -> None:
    without_pools(bare)
    assert [each.subject for each in trust(bare).weakened] == ["aws_cognito_user_pool"]
    bare.commit()
    trusted = trust(bare, PULL)
    assert trusted.policies.builtin
    assert "aws_cognito_user_pool" in trusted.policies.protected
    assert [each.subject for each in trusted.weakened] == ["aws_cognito_user_pool"]
    assert weakened_against(bare.root, "origin/main") == trusted.weakened
    bare.publish()
    merged = trust(bare, CI)
    assert (merged.policies.builtin, merged.weakened) == (False, ())
    assert "aws_cognito_user_pool" not in merged.policies.protected


def test_a_check_that_a_change_adds_in_place_of_a_built_in_one_counts_only_once_merged(bare: Git) -> None:
    shutil.copytree(ROOT / "policies", bare.root / "policies")
    (bare.root / "policies/owners.yaml").unlink()
    check = bare.root / "policies/protected/check.py"
    check.write_text(check.read_text() + "weaker = True\n")
    shutil.rmtree(bare.root / "policies/weakened")
    bare.commit()
    assert {each.what for each in trust(bare, PULL).weakened} == {
        "the check would change",
        "the policy weakened would be removed",
    }


def test_stronger_policies_that_a_change_adds_weaken_nothing(bare: Git) -> None:
    shutil.copytree(ROOT / "policies", bare.root / "policies")
    (bare.root / "policies/owners.yaml").unlink()
    listed = bare.root / "policies/protected.yaml"
    listed.write_text(listed.read_text() + "aws_new:\n  lost: all of it\n  delete_apis: [x:DeleteX]\n")
    bare.commit()
    assert trust(bare, PULL).weakened == ()


def test_an_owner_whom_a_change_adds_beside_the_built_in_policies_is_reported(bare: Git) -> None:
    write(bare, "policies/owners.yaml", OWNERS)
    bare.commit()
    assert {each.subject for each in trust(bare, PULL).weakened} == {"owner anna", "owner carl"}


def test_a_new_platform_with_weaker_policies_is_judged_by_the_built_in_ones_in_ci(tmp_path: Path) -> None:
    git = Git(tmp_path / "new")
    git.commit()
    git.publish()
    git.branch("change")
    write(git, "live/orch.yaml", 'orch: "~=0.1"\n')
    without_pools(git)
    write(git, "policies/owners.yaml", OWNERS)
    git.commit()
    trusted = trust(git, PULL)
    assert trusted.policies.builtin
    assert [each.subject for each in trusted.weakened] == ["aws_cognito_user_pool"]


def test_policies_that_a_change_removes_are_weaker_though_the_built_in_ones_would_follow(git: Git) -> None:
    shutil.rmtree(git.root / "policies")
    trusted = trust(git)
    assert trusted.policies.builtin
    gone = {each.what for each in trusted.weakened}
    assert {"the list of protected resources would be removed", "the policy protected would be removed"} <= gone


def test_a_policies_folder_that_cannot_be_read_is_not_replaced_by_the_built_in_policies(bare: Git) -> None:
    write(bare, "policies", "")
    with pytest.raises(CatalogueError, match="cannot be read"):
        trust(bare)
    (bare.root / "policies").unlink()
    (bare.root / "policies").symlink_to("nowhere")
    with pytest.raises(CatalogueError, match="cannot be read"):
        trust(bare)


def test_a_submodule_of_policies_is_no_policy(git: Git, tmp_path: Path) -> None:
    other = Git(tmp_path / "other")
    other.commit()
    git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.root), "policies/other")
    git.commit()
    git.publish()
    with pytest.raises(CatalogueError, match="symbolic links and submodules are not allowed"):
        trust(git, CI)


def test_a_copy_inside_a_repository_that_git_does_not_know_weakens_nothing(tmp_path: Path) -> None:
    """`make demo` works on a copy in `.orch/` of its clone, where HEAD has no policies."""
    Git(tmp_path).commit()
    copy = tmp_path / ".orch" / "demo"
    shutil.copytree(Path(__file__).parents[4] / "policies", copy / "policies")
    assert load(copy).weakened == ()
