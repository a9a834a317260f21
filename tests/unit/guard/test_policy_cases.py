"""The policies of this repository pass their test cases, and a policy that proves nothing is reported."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import CatalogueError
from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.policies.protected import Protected
from tests.support.checks import local_checks, run_cases
from tests.support.plans import a_unit, change, plan, saved
from tests.support.safeguards import at, listed_safeguards, pair

ROOT = Path(__file__).parents[3]
LIST = Protected.read(ROOT / "policies/protected.yaml")
LISTED = LIST.types


def test_every_policy_of_this_repository_is_as_its_cases_say() -> None:
    assert run_cases(ROOT) == ()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the policies folder."""
    shutil.copytree(ROOT / "policies", tmp_path / "policies", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "policies"


def swap(folder: Path) -> None:
    (folder / "weakened/fail.json").write_bytes((folder / "weakened/pass.json").read_bytes())


def reverse(folder: Path) -> None:
    (folder / "weakened/pass.json").write_bytes((folder / "weakened/fail.json").read_bytes())


def elsewhere(folder: Path) -> None:
    queue = change(["create"], after={"name": "q"}, address="module.this.aws_sns_topic.q")
    (folder / "bucket_public/pass.json").write_text(json.dumps(plan(queue)))


def impossible(folder: Path) -> None:
    entry = change(["vanish"], before={"name": "q"}, address="module.this.aws_sns_topic.q")
    (folder / "weakened/fail.json").write_text(json.dumps(plan(entry)))


def raising(folder: Path) -> None:
    text = (folder / "weakened/check.py").read_text()
    (folder / "weakened/check.py").write_text(text.replace("safeguards_lost(Change.of(conf))", "{}[0]"))


@pytest.mark.parametrize(
    ("damage", "where", "what"),
    [
        (swap, "policies/weakened/fail.json", "passes this case"),
        (reverse, "policies/weakened/pass.json", "must pass it: deletion_protection"),
        (elsewhere, "policies/bucket_public/pass.json", "examines no resource"),
        (impossible, "policies/weakened/fail.json", "not a valid plan"),
        (raising, "policies/weakened/fail.json", "it raised KeyError"),
        (lambda folder: (folder / "weakened/pass.json").write_text("{}"), "policies/weakened/pass.json", "not a plan"),
        (lambda folder: (folder / "weakened/pass.json").unlink(), "policies/weakened", "no test case pass*.json"),
        (lambda folder: (folder / "weakened/fail.json").unlink(), "policies/weakened", "no test case fail*.json"),
        (lambda folder: (folder / "weakened/check.py").unlink(), "policies/weakened", "no check.py"),
        (
            lambda folder: (folder / "weakened").rename(folder / "Weak-er"),
            "policies/Weak-er",
            "not a valid policy name",
        ),
        (lambda folder: (folder / "protected.yaml").unlink(), "policies/protected.yaml", "is missing"),
        (lambda folder: (folder / "protected.yaml").write_text("a: 1"), "policies/protected.yaml", "a:"),
    ],
)
def test_a_policy_that_proves_nothing_is_reported(
    copy: Path, damage: Callable[[Path], object], where: str, what: str
) -> None:
    damage(copy)
    problems = run_cases(copy.parent)
    assert (problems[0].where.file, what in problems[0].what) == (where, True), problems


def test_without_policies_the_built_in_ones_are_tried(tmp_path: Path) -> None:
    assert run_cases(tmp_path) == ()
    assert Policies.load(tmp_path).builtin
    assert not Policies.load(ROOT).builtin


@pytest.mark.parametrize("name", ["protected.yml", "Protected.yaml", "check.py", "waivers.yml", "notes.txt"])
def test_an_unknown_file_is_not_replaced_by_the_built_in_policies(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / name).write_text("x")
    (problem,) = run_cases(tmp_path)
    assert problem.where.file == f"policies/{name}"
    assert "policies/protected.yaml" in (problem.hint or "")
    assert "policies/NAME/check.py" in (problem.hint or "")


def test_owners_waivers_and_notes_alone_leave_the_built_in_policies_in_force(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.joinpath("__pycache__").mkdir(parents=True)
    for name in ("owners.yaml", "waivers.yaml", "README.md", ".gitkeep", "__pycache__/check.pyc"):
        (folder / name).write_text("")
    assert run_cases(tmp_path) == ()
    assert Policies.load(tmp_path).builtin


def test_a_check_without_a_list_is_an_error_and_not_completed_by_the_built_in_list(copy: Path) -> None:
    for name in ("protected.yaml", "owners.yaml", "waivers.yaml"):
        (copy / name).unlink()
    (problem,) = run_cases(copy.parent)
    assert problem.where.file == "policies/protected.yaml"
    assert "built-in policies" in (problem.hint or "")


def test_a_link_in_the_policies_is_an_error(copy: Path, tmp_path: Path) -> None:
    (copy / "weakened/more.py").symlink_to(tmp_path / "anything.py")
    with pytest.raises(CatalogueError, match="symbolic links are not allowed"):
        Policies.load(copy.parent)


def test_the_digest_is_over_every_file_and_nothing_else(copy: Path) -> None:
    first = Policies.load(copy.parent).digest
    (copy / "weakened/__pycache__").mkdir()
    (copy / "weakened/__pycache__/check.cpython-311.pyc").write_bytes(b"x")
    assert Policies.load(copy.parent).digest == first == Policies.load(ROOT).digest
    (copy / "weakened/README.md").write_text("")
    added = Policies.load(copy.parent).digest
    (copy / "weakened/README.md").rename(copy / "protected/README.md")
    assert len({first, added, Policies.load(copy.parent).digest}) == 3


def test_the_bytes_that_are_in_the_digest_are_those_that_run(copy: Path, tmp_path: Path) -> None:
    policies = Policies.load(copy.parent)
    (copy / "protected/check.py").write_text("raise SystemExit('swapped after it was read')\n")
    entry = change(["delete"], before={"id": "x"})
    assert [
        each.rule for each in Judge(local_checks(policies)).judge(a_unit(), saved(tmp_path, plan(entry))).findings
    ] == ["ORCH_PROTECTED"]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(local_checks(Policies.load(ROOT)))


@pytest.mark.parametrize("actions", [["delete"], ["delete", "create"], ["create", "delete"], ["forget"]])
def test_every_listed_type_is_kept(judge: Judge, tmp_path: Path, actions: list[str]) -> None:
    after = {"id": "y"} if "create" in actions else None
    changes = [change(actions, before={"id": "x"}, after=after, address=f"module.this.{kind}.this") for kind in LISTED]
    findings = judge.judge(a_unit(), saved(tmp_path, plan(*changes))).findings
    found = {(each.rule, each.address.split(".")[-2], each.lost) for each in findings}
    kept = {kind: entry for kind, entry in LISTED.items() if after is None or not entry.replaceable}
    assert found == {("ORCH_PROTECTED", kind, entry.lost) for kind, entry in kept.items()}


SAFEGUARDS = {f"{kind}.{path}": (kind, path, rule) for kind, path, rule, _ in listed_safeguards(LIST)}


@pytest.mark.parametrize("case", SAFEGUARDS)
def test_no_listed_protection_is_taken_away(judge: Judge, tmp_path: Path, case: str) -> None:
    kind, path, rule = SAFEGUARDS[case]
    companion = LIST.companion_of(kind)
    own = {companion.of: "b"} if companion is not None else {"id": "x"}

    def verdict(before: Any, after: Any, unknown: Any = None) -> list[str]:
        old, new = {**at(path, before), **own}, {**at(path, after), **own}
        mirror = at(path, unknown) if unknown else {}
        entry = change(["update"], before=old, after=new, address=f"module.this.{kind}.this", unknown=mirror)
        return [each.rule for each in judge.judge(a_unit(), saved(tmp_path, plan(entry))).findings]

    safe, bad = pair(rule)
    assert verdict(safe, bad) == ["ORCH_WEAKENED"]
    assert verdict(safe, None, unknown=True) == ["ORCH_WEAKENED"]
    assert verdict(bad, safe) == []
    assert verdict(safe, safe) == []


COMPANIONS = {
    kind: companion
    for entry in LISTED.values()
    for kind, companion in entry.companions.items()
    if companion.required or companion.attributes  # A policy of its own judges the others.
}


@pytest.mark.parametrize("kind", COMPANIONS)
@pytest.mark.parametrize("actions", [["delete"], ["forget"], ["delete", "create"], ["create", "delete"]])
def test_what_keeps_the_content_of_something_protected_stays(
    judge: Judge, tmp_path: Path, kind: str, actions: list[str]
) -> None:
    """Also where a new one follows: the removal of the old one switches off what the new one has switched on."""
    companion = COMPANIONS[kind]
    before: dict[str, Any] = {companion.of: "b"}
    for path, rule in companion.attributes.items():
        before |= at(path, pair(rule)[0])
    keeps = companion.required or any(not (rule.no_new or rule.never) for rule in companion.attributes.values())
    entry = change(
        actions, before=before, after=before if "create" in actions else None, address=f"module.this.{kind}.this"
    )
    found = judge.judge(a_unit(), saved(tmp_path, plan(entry))).findings
    assert [each.rule for each in found] == ["ORCH_WEAKENED"] * keeps
    assert all(each.lost for each in found)


@pytest.mark.parametrize("kind", COMPANIONS)
def test_a_companion_that_adds_safety_may_be_made(judge: Judge, tmp_path: Path, kind: str) -> None:
    companion = COMPANIONS[kind]
    after: dict[str, Any] = {companion.of: "b"}
    for path, rule in companion.attributes.items():
        after |= at(path, pair(rule)[0])
    created = change(["create"], after=after, address=f"module.this.{kind}.this")
    assert judge.judge(a_unit(), saved(tmp_path, plan(created))).findings == ()


def test_a_block_that_protects_is_taken_out(judge: Judge, tmp_path: Path) -> None:
    address = "module.this.aws_dynamodb_table.this"
    with_it = {"id": "x", "point_in_time_recovery": [{"enabled": True}]}
    entry = change(["update"], before=with_it, after={"id": "x", "point_in_time_recovery": []}, address=address)
    assert [each.rule for each in judge.judge(a_unit(), saved(tmp_path, plan(entry))).findings] == ["ORCH_WEAKENED"]


GROUPS = "http://acs.amazonaws.com/groups/global"


@pytest.mark.parametrize(
    ("kind", "after", "stopped"),
    [
        ("aws_s3_bucket_public_access_block", dict.fromkeys(("block_public_acls", "block_public_policy"), True), True),
        ("aws_s3_bucket_acl", {"acl": "public-read"}, True),
        ("aws_s3_bucket_acl", {"acl": "private"}, False),
        (
            "aws_s3_bucket_acl",
            {"access_control_policy": [{"grant": [{"grantee": [{"uri": f"{GROUPS}/AllUsers"}]}]}]},
            True,
        ),
        ("aws_s3_bucket_acl", {"access_control_policy": [{"grant": [{"grantee": [{"id": "a", "uri": ""}]}]}]}, False),
        ("aws_s3_bucket", {"bucket": "b", "grant": [{"uri": f"{GROUPS}/AuthenticatedUsers"}]}, True),
        ("aws_s3_bucket", {"bucket": "b", "grant": [{"uri": f"{GROUPS}/s3/LogDelivery", "id": None}]}, False),
        ("aws_s3_bucket", {"bucket": "b"}, False),
    ],
)
def test_a_new_bucket_is_private(
    judge: Judge, tmp_path: Path, kind: str, after: dict[str, Any], *, stopped: bool
) -> None:
    entry = change(["create"], after=after, address=f"module.this.{kind}.this")
    assert judge.judge(a_unit(), saved(tmp_path, plan(entry))).blocked is stopped


def attribute(name: str, kind: str, **blocks: Any) -> dict[str, Any]:
    """An attribute of a pool as a real plan has it (Terraform 1.11, AWS provider 5.100)."""
    empty: dict[str, Any] = {"number_attribute_constraints": [], "string_attribute_constraints": []}
    own = {"attribute_data_type": kind, "developer_only_attribute": False, "mutable": True, "required": False}
    return {"name": name, **own, **empty, **blocks}


LIMITS = {"max_length": "2048", "min_length": "0"}


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ({"string_attribute_constraints": [dict.fromkeys(LIMITS)]}, "add `string_attribute_constraints {}` to it"),
        (
            {"string_attribute_constraints": [LIMITS]},
            "add `string_attribute_constraints` with max_length = 2048 and min_length = 0 to it",
        ),
        (
            {"number_attribute_constraints": [{"max_value": "9", "min_value": None}]},
            "add `number_attribute_constraints` with max_value = 9 to it",
        ),
    ],
)
def test_constraints_that_only_the_state_has_are_named(
    judge: Judge, tmp_path: Path, blocks: dict[str, Any], said: str
) -> None:
    """The provider compares the blocks, too: the apply would fail with "cannot modify or remove schema items"."""
    written = {**attribute("company", "String"), "developer_only_attribute": None, "required": None}
    before = {"schema": [attribute("company", "String", **blocks)]}
    entry = change(["update"], before=before, after={"schema": [written, {}]})
    (finding,) = judge.judge(a_unit(), saved(tmp_path, plan(entry))).findings
    assert finding.rule == "ORCH_HIDDEN_REPLACE"
    assert (
        f"schema: 'company' has {next(iter(blocks))} in the state, but not in the configuration: {said}"
        == finding.cause
    )
    other = change(["update"], before=before, after={"schema": [*before["schema"], attribute("team", "String")]})
    assert judge.judge(a_unit(), saved(tmp_path, plan(other))).findings == ()


def test_constraints_that_the_state_does_not_have_are_named(judge: Judge, tmp_path: Path) -> None:
    before = {"schema": [attribute("company", "String")]}
    after = {"schema": [attribute("company", "String", string_attribute_constraints=[LIMITS])]}
    (finding,) = judge.judge(a_unit(), saved(tmp_path, plan(change(["update"], before=before, after=after)))).findings
    assert finding.cause.endswith("in the configuration, but not in the state: remove that block")
