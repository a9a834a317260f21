"""A disk that takes nothing more is told as such, wherever that comes up. A limit on the size of files stands for it."""

from __future__ import annotations

import errno
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.config.catalogue import ModuleSource
from orchestrator.errors import Location, SetupError
from orchestrator.render.module_tree import ModuleTrees, copy_tree
from orchestrator.util.env_paths import file_error
from tests.support.project import REPOSITORY


def no_room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def test_a_command_that_cannot_write_says_so(tmp_path: Path) -> None:
    for name in ("live", "modules", "services"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    shutil.rmtree(tmp_path / "live" / ".schema")
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "-C", str(tmp_path), "schema"],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        preexec_fn=no_room,
    )
    assert done.returncode == SetupError("").exit_code, done.stderr
    assert "File too large" in done.stderr
    assert "free some disk space" in done.stderr
    assert "bug" not in done.stderr


def test_a_module_that_cannot_be_copied_names_what_it_is_about(tmp_path: Path) -> None:
    module = tmp_path / "modules" / "m"
    (module / "deep").mkdir(parents=True)
    (module / "main.tf").write_text("locals {}\n")
    (module / "deep" / "x.json").write_text("{}\n")
    tree = ModuleTrees(tmp_path).of(ModuleSource("modules/m", None, module, Location("live/stacks/m.yaml")))
    assert tree is not None
    (tmp_path / "copy" / "modules" / "m").mkdir(parents=True)
    (tmp_path / "copy" / "modules" / "m" / "deep").write_text("where the folder is to go")
    with pytest.raises(SetupError, match=r"cannot copy modules/m: .*File exists"):
        copy_tree(tree, tmp_path, tmp_path / "copy")


def test_what_is_no_matter_of_the_disk_is_left_alone_and_no_right_is_no_full_disk() -> None:
    told = file_error(PermissionError(errno.EACCES, "Permission denied", "live/x.yaml"), {})
    assert told is not None
    assert str(told).startswith("cannot use live/x.yaml: Permission denied")
    assert file_error(FileNotFoundError(errno.ENOENT, "No such file", "x"), {}) is None
