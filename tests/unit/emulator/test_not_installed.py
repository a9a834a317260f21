"""A production install has no moto: orch runs without it, and ``--emulator`` names the extra to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.git import Git
from tests.support.project import REPOSITORY, Project

WITHOUT_MOTO = """\
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"moto", "flask", "werkzeug"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
from orchestrator.cli.app import main
sys.exit(main())
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path, emulator=None, accounts={"main": "111111111111"})
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    made.write("live/stages/prod.yaml", "account: main\nstacks: {first: }\n")
    return made


def orch(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_MOTO, "-C", str(project.root), *arguments],
        capture_output=True,
        text=True,
        env=project.environment(ORCH_AWS=""),
        cwd=REPOSITORY,
        check=False,
    )


def test_orch_works_without_moto(project: Project) -> None:
    done = orch(project, "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "prod/first" in done.stdout


@pytest.mark.parametrize("command", [("plan", "prod", "--emulator"), ("emulator", "start")])
def test_the_emulator_without_moto_says_what_to_install(project: Project, command: tuple[str, ...]) -> None:
    done = orch(project, *command)
    assert done.returncode == 2, done.stderr
    assert "the emulator is not installed" in done.stderr
    assert "pip install 'orch[emulator]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["status", "stop"])
def test_without_moto_the_other_emulator_commands_find_nothing_running(project: Project, command: str) -> None:
    assert orch(project, "emulator", command).returncode == 0


def test_a_rehearsal_without_moto_says_what_to_install_and_leaves_no_worktree(project: Project) -> None:
    git = Git(project.root)
    git.commit()
    done = orch(project, "rehearse", "prod")
    assert done.returncode == 2, done.stderr
    assert "pip install 'orch[emulator]'" in done.stderr
    assert git("worktree", "list").count("\n") == 0
