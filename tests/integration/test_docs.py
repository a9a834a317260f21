"""The module of docs/modules.md is one that Terraform accepts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.doc_examples import base_of, cases, write_repository
from tests.support.project import CI_VARIABLES, REPOSITORY

pytestmark = pytest.mark.integration


def orch(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    dropped = ("AWS_", "ORCH_", "GIT_", *CI_VARIABLES)
    env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    command = [sys.executable, "-m", "orchestrator", "-C", str(root), *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, env={**env, "NO_COLOR": "1"}, capture_output=True, text=True, check=False, timeout=300
    )


def test_the_first_module_of_the_page_passes_orch_check(tmp_path: Path) -> None:
    live, page = ((REPOSITORY / "docs" / name).read_text(encoding="utf-8") for name in ("live.md", "modules.md"))
    first = cases(page, base_of(live))[0]
    lock = (REPOSITORY / "live/providers.lock.hcl").read_text(encoding="utf-8")
    root = write_repository(tmp_path, {**first.files, "live/providers.lock.hcl": lock})
    for arguments in (["schema"], ["check", "prod/alerts"]):
        done = orch(root, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
