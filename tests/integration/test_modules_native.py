"""Each module's own tests (`terraform test`), with the real provider's schema and no AWS."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.terraform.setup.lock_file import LOCK_FILE, SHARED_LOCK_FILE
from tests.support.module_readme import module_folders
from tests.support.terraform import REPOSITORY, make_root, make_terraform, warm_environment

pytestmark = pytest.mark.integration

FOLDERS = module_folders()


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_native_tests_pass(folder: Path, tmp_path: Path) -> None:
    terraform = make_terraform(tmp_path, warm=True)
    root = make_root(tmp_path / "module", {}, unit=f"test/{folder.name}")
    shutil.copytree(folder, root.folder, ignore=shutil.ignore_patterns(".terraform*"))
    shutil.copyfile(REPOSITORY / SHARED_LOCK_FILE, root.folder / LOCK_FILE)
    terraform.init(root, timeout=120)
    with warm_environment(terraform, root) as env:
        done = subprocess.run(
            [terraform.binary.path, "test", "-no-color"],
            cwd=root.folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert os.environ.get("ORCH_COLD") or terraform.providers_of(root.unit) == "warm"
    assert done.returncode == 0, done.stdout + done.stderr
    summary = re.search(r"Success! (\d+) passed, 0 failed", done.stdout)
    assert summary, done.stdout
    runs = sum(len(re.findall(r'^run "', path.read_text(), re.MULTILINE)) for path in folder.glob("tests/*.tftest.hcl"))
    assert int(summary[1]) == runs


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_terraform_would_not_write_it_otherwise(folder: Path, tmp_path: Path) -> None:
    binary = make_terraform(tmp_path).binary
    done = subprocess.run(
        [binary.path, "fmt", "-check", "-diff", "-recursive", folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
