from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import BlockedError
from orchestrator.guard.receipt.freeze import FrozenFiles, freeze
from orchestrator.guard.receipt.receipt import digest_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name in ("main.tf", "inputs.json", "archives/code.zip", "modules/service/main.tf", "modules/service/a.tftpl"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (tmp_path / "fetched/vpc").mkdir(parents=True)
    (tmp_path / "fetched/modules.json").write_text("{}")
    (tmp_path / "fetched/vpc/main.tf").write_text("vpc")
    (tmp_path / "unit.tfplan").write_bytes(b"plan")
    return root


def frozen(root: Path) -> FrozenFiles:
    return freeze(root, root.parent / "unit.tfplan", extra=[root.parent / "fetched"])


def differences(before: FrozenFiles) -> set[str]:
    """Names of the files that have changed."""
    now = freeze(before.root, before.plan, extra=before.extra)
    names = before.files.keys() | now.files.keys()
    different = {name for name in names if before.files.get(name) != now.files.get(name)}
    assert bool(different) == (digest_of(before.files) != digest_of(now.files))
    return different


def test_unchanged_files_freeze_to_the_same(root: Path) -> None:
    before = frozen(root)
    assert before == frozen(root)
    assert before.plan_sha256 == hashlib.sha256(b"plan").hexdigest()


def same_length(path: Path) -> None:
    """Write other bytes with the same size and times."""
    was = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda root: same_length(root / "archives/code.zip"), "root/archives/code.zip"),
        (lambda root: (root / "modules/service/a.tftpl").unlink(), "root/modules/service/a.tftpl"),
        (lambda root: (root / "override.tf").write_text(""), "root/override.tf"),
        (
            lambda root: (root / "modules/service/x_override.tf.json").write_text("{}"),
            "root/modules/service/x_override.tf.json",
        ),
        (lambda root: (root / ".hidden.auto.tfvars").write_text(""), "root/.hidden.auto.tfvars"),
        (lambda root: (root.parent / "unit.tfplan").write_bytes(b"nalp"), "plan"),
        (lambda root: (root.parent / "fetched/vpc/main.tf").write_text("x"), "extra0/vpc/main.tf"),
        (lambda root: (root / "main.tf").chmod(0o755), "root/main.tf"),
        (
            lambda root: (root / "modules/service/errored.tfstate").write_text(""),
            "root/modules/service/errored.tfstate",
        ),
        (lambda root: (root / "link.tf").symlink_to("main.tf"), "root/link.tf"),
    ],
)
def test_each_difference_changes_its_file_and_the_digest(
    root: Path, change: Callable[[Path], object], name: str
) -> None:
    before = frozen(root)
    change(root)
    assert differences(before) == {name}


def test_what_terraform_leaves_when_an_apply_fails_is_no_difference(root: Path) -> None:
    before = frozen(root)
    (root / "errored.tfstate").write_text("{}")
    (root / "crash.log").write_text("")
    assert differences(before) == set()


def test_a_plan_or_a_root_that_is_gone_is_blocked(root: Path) -> None:
    (root.parent / "unit.tfplan").unlink()
    with pytest.raises(BlockedError, match=r"unit\.tfplan cannot be read"):
        frozen(root)
    (root.parent / "unit.tfplan").write_bytes(b"plan")
    root.rename(root.parent / "elsewhere")
    with pytest.raises(BlockedError, match="is gone"):
        frozen(root)


def test_a_folder_that_was_not_there_must_not_appear(root: Path) -> None:
    before = freeze(root, root.parent / "unit.tfplan", extra=[root.parent / "later"])
    assert differences(before) == set()
    (root.parent / "later").mkdir()
    (root.parent / "later/main.tf").write_text("")
    assert differences(before) == {"extra0/main.tf"}


def test_a_link_that_leads_out_is_blocked(root: Path) -> None:
    (root.parent / "secret").write_text("s")
    (root / "archives/other.zip").symlink_to(root.parent / "secret")
    with pytest.raises(BlockedError, match="outside the folders that are judged"):
        frozen(root)


def test_a_link_inside_is_kept_by_where_it_leads(root: Path) -> None:
    link = root / "current"
    link.symlink_to("main.tf")
    before = frozen(root)
    assert differences(before) == set()
    link.unlink()
    link.symlink_to("inputs.json")
    assert differences(before) == {"root/current"}


def test_a_link_by_way_of_elsewhere_is_kept_by_where_it_ends(root: Path) -> None:
    hop = root.parent / "hop"
    hop.symlink_to(root / "main.tf")
    (root / "current").symlink_to(hop)
    before = frozen(root)
    hop.unlink()
    hop.symlink_to(root / "inputs.json")
    assert differences(before) == {"root/current"}


def test_what_is_neither_file_nor_folder_is_blocked(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(BlockedError, match="neither a file nor a folder"):
        frozen(root)


def test_a_plan_behind_a_link_is_blocked(root: Path) -> None:
    real = root.parent / "unit.tfplan"
    link = root.parent / "link.tfplan"
    link.symlink_to(real)
    with pytest.raises(BlockedError, match="cannot be read"):
        freeze(root, link)


names = st.text("abc", min_size=1, max_size=3)
trees = st.dictionaries(st.tuples(names, names).map("/".join), st.binary(max_size=4), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=trees, other=trees)
def test_two_trees_have_one_digest_only_if_they_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    def digest(tree: dict[str, bytes]) -> str:
        root = tmp_path_factory.mktemp("tree")
        for name, data in tree.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(data)
        plan = tmp_path_factory.mktemp("plan") / "plan"
        plan.write_bytes(b"plan")
        return digest_of(freeze(root, plan).files)

    assert (digest(one) == digest(other)) == (one == other)
