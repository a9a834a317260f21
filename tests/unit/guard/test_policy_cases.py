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
from orchestrator.guard.policy_cases import run_cases
from tests.support.checks import local_checks
from tests.support.plans import a_unit, change, plan, saved

ROOT = Path(__file__).parents[3]
LISTED = Protected.read(ROOT / "policies/protected.yaml").types


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
    queue = change(["create"], after={"name": "q"}, address="module.this.aws_sqs_queue.q")
    (folder / "bucket_public/pass.json").write_text(json.dumps(plan(queue)))


def impossible(folder: Path) -> None:
    entry = change(["vanish"], before={"name": "q"}, address="module.this.aws_sqs_queue.q")
    (folder / "weakened/fail.json").write_text(json.dumps(plan(entry)))


def raising(folder: Path) -> None:
    text = (folder / "weakened/check.py").read_text()
    (folder / "weakened/check.py").write_text(text.replace("change = Change.of(conf)", "change = {}[0]"))


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


@pytest.mark.parametrize("kind", LISTED)
@pytest.mark.parametrize("actions", [["delete"], ["delete", "create"], ["create", "delete"], ["forget"]])
def test_every_listed_type_is_kept(judge: Judge, tmp_path: Path, kind: str, actions: list[str]) -> None:
    after = {"id": "y"} if "create" in actions else None
    entry = change(actions, before={"id": "x"}, after=after, address=f"module.this.{kind}.this")
    (finding,) = judge.judge(a_unit(), saved(tmp_path, plan(entry))).findings
    assert (finding.rule, finding.lost) == ("ORCH_PROTECTED", LISTED[kind].lost)


def safeguards() -> list[tuple[str, str, Any, Any]]:
    """Type, attribute, safe value and dangerous value of every safeguard in the list."""
    found: list[tuple[str, str, Any, Any]] = []
    for kind, entry in LISTED.items():
        if entry.protection is not None:
            found.append((kind, entry.protection.attribute, entry.protection.value, unlike(entry.protection.value)))
        found += [(kind, name, unlike(danger), danger) for name, danger in entry.disarmed_by.items()]
        found += [(kind, name, 0 if zero == "forever" else 30, 7) for name, zero in entry.shortened_by.items()]
        for other, net in entry.nets.items():
            if net.attribute is not None:
                found.append((other, net.attribute, net.value, unlike(net.value)))
    return found


def unlike(value: Any) -> Any:
    return not value if isinstance(value, bool) else "OTHER"


def nested(name: str, value: Any) -> dict[str, Any]:
    """An attribute as in the plan's JSON: `a.b` in a block a."""
    block, _, inner = name.rpartition(".")
    return {block: [{inner: value}]} if block else {name: value}


@pytest.mark.parametrize("case", safeguards(), ids=lambda case: f"{case[0]}.{case[1]}")
def test_no_listed_protection_is_taken_away(judge: Judge, tmp_path: Path, case: tuple[str, str, Any, Any]) -> None:
    kind, name, armed, danger = case

    def verdict(before: Any, after: Any, unknown: Any = None) -> list[str]:
        address = f"module.this.{kind}.this"
        old, new = {"id": "x", **nested(name, before)}, {"id": "x", **nested(name, after)}
        entry = change(["update"], before=old, after=new, address=address, unknown=nested(name, unknown))
        return [each.rule for each in judge.judge(a_unit(), saved(tmp_path, plan(entry))).findings]

    assert verdict(armed, danger) == ["ORCH_WEAKENED"]
    assert verdict(armed, None, unknown=True) == ["ORCH_WEAKENED"]
    assert verdict(danger, armed) == []
    assert verdict(armed, armed) == []


@pytest.mark.parametrize("kind", [kind for entry in LISTED.values() for kind in entry.nets])
@pytest.mark.parametrize("action", ["delete", "forget"])
def test_what_keeps_the_content_of_something_protected_stays(
    judge: Judge, tmp_path: Path, kind: str, action: str
) -> None:
    entry = change([action], before={"id": "x"}, address=f"module.this.{kind}.this")
    (finding,) = judge.judge(a_unit(), saved(tmp_path, plan(entry))).findings
    assert finding.rule == "ORCH_WEAKENED"
    assert finding.lost
    created = change(["create"], after={"id": "x"}, address=f"module.this.{kind}.this")
    assert judge.judge(a_unit(), saved(tmp_path, plan(created))).findings == ()


def test_a_block_that_protects_is_taken_out(judge: Judge, tmp_path: Path) -> None:
    address = "module.this.aws_dynamodb_table.this"
    with_it = {"id": "x", "point_in_time_recovery": [{"enabled": True}]}
    entry = change(["update"], before=with_it, after={"id": "x", "point_in_time_recovery": []}, address=address)
    assert [each.rule for each in judge.judge(a_unit(), saved(tmp_path, plan(entry))).findings] == ["ORCH_WEAKENED"]


@pytest.mark.parametrize(
    ("kind", "after", "stopped"),
    [
        ("aws_s3_bucket_public_access_block", dict.fromkeys(("block_public_acls", "block_public_policy"), True), True),
        ("aws_s3_bucket_acl", {"acl": "public-read"}, True),
        ("aws_s3_bucket_acl", {"acl": "private"}, False),
        ("aws_s3_bucket", {"bucket": "b"}, False),
    ],
)
def test_a_new_bucket_is_private(
    judge: Judge, tmp_path: Path, kind: str, after: dict[str, Any], *, stopped: bool
) -> None:
    entry = change(["create"], after=after, address=f"module.this.{kind}.this")
    assert judge.judge(a_unit(), saved(tmp_path, plan(entry))).blocked is stopped
