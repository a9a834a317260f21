"""Every command that the README shows, in its order, on a copy of the catalogue; and the demo."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.git import Git
from tests.support.project import CI_VARIABLES, REPOSITORY

pytestmark = pytest.mark.integration

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
]
EXIT_CODE = re.compile(r"#.*exit code (\d+)")


def copy_of_the_catalogue(folder: Path) -> Path:
    for name in ("live", "modules", "policies", "services"):
        shutil.copytree(REPOSITORY / name, folder / name)
    return folder


def environment() -> dict[str, str]:
    """An environment in which ``orch`` is the one of the tests, as after ``. .venv/bin/activate``."""
    dropped = ("AWS_", "ORCH_", *CI_VARIABLES)  # the copy that it runs in is no git repository, which a CI must have
    env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**env, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}", "NO_COLOR": "1"}


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    commands = BLOCKS[0]
    assert commands == ["make demo", "make test"]
    for command in commands:
        subprocess.run(["make", "-n", command.split()[1]], cwd=REPOSITORY, check=True, capture_output=True)
    assert "make test" in (REPOSITORY / ".ci" / "run").read_text(), "CI runs the README's test command"


@pytest.mark.longest
def test_the_first_real_use_works_as_it_is_shown(tmp_path: Path) -> None:
    folder = copy_of_the_catalogue(tmp_path / "repo")
    env = environment()
    shown = {}
    try:
        for command in BLOCKS[1]:
            if command == "make env" or command.startswith(". "):
                continue  # builds and activates the environment, which the tests are in already
            if command.startswith("export "):
                name, _, value = command.removeprefix("export ").partition("=")
                env[name] = value
                continue
            if command.startswith("cd "):
                folder /= command.removeprefix("cd ")
                continue
            wanted = int(match[1]) if (match := EXIT_CODE.search(command)) else 0
            done = subprocess.run(
                ["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False
            )
            assert done.returncode == wanted, f"$ {command}\n{done.stdout}\n{done.stderr}"
            shown[command] = done.stdout
    finally:
        subprocess.run(["orch", "-q", "emulator", "stop"], cwd=folder, env=env, check=False, capture_output=True)
    stack = re.search(r"```yaml\n# live/stacks/identity.yaml\n(.*?)```", README, re.DOTALL)
    assert stack is not None
    assert (folder / "live/stacks/identity.yaml").read_text().endswith(stack[1])
    plan = re.search(r"```\n(dev/identity  planned.*?)```", README, re.DOTALL)
    assert plan is not None
    assert [line for line in plan[1].splitlines() if "…" not in line and line not in shown["orch plan dev"]] == []


def test_the_readme_is_short_and_its_blocks_are_all_tested() -> None:
    assert len(README.splitlines()) <= 120
    assert len(BLOCKS) == 2, "the two commands, and the first real use"


def run_demo(**more: str) -> subprocess.Popen[str]:
    env = {**environment(), **more}
    return subprocess.Popen(
        [sys.executable, str(REPOSITORY / "demo" / "demo.py")],
        cwd=REPOSITORY,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.longest
@pytest.mark.full
def test_the_demo_does_what_it_says(tmp_path: Path) -> None:
    """In a clone, as a person has it: the demo's copy of the catalogue lies in a folder that git ignores."""
    clone = copy_of_the_catalogue(tmp_path / "clone")
    shutil.copyfile(REPOSITORY / ".gitignore", clone / ".gitignore")
    Git(clone).commit()
    demo = run_demo(ORCH_DEMO_FOLDER=str(clone / ".orch" / "demo"))
    output, _ = demo.communicate(timeout=420)
    assert demo.returncode == 0, output
    for words in (
        "nothing to do",
        "is still in it",
        "is under code, with the new attribute, and bob@example.com is still in it",
        "blocked by policy",
        "The pool and its user are still there",
        "feat-login is gone, without a waiver",
        "in all",
    ):
        assert words in output, words
    assert not emulators_of(tmp_path)


def test_ctrl_c_in_the_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    demo = run_demo(ORCH_DEMO_FOLDER=str(tmp_path / "demo"))
    deadline = time.monotonic() + 60
    while not list((tmp_path / "demo").glob(".orch/runs/*/journal.jsonl")):
        assert time.monotonic() < deadline
        assert demo.poll() is None
        time.sleep(0.1)
    time.sleep(2)
    os.killpg(demo.pid, signal.SIGINT)  # as a terminal does: to everybody in the group
    output, _ = demo.communicate(timeout=120)
    assert demo.returncode == 130, output
    assert not emulators_of(tmp_path)


def emulators_of(folder: Path) -> list[str]:
    """Processes that name the folder on their command line or work in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                cwd = str((entry / "cwd").readlink())
            except OSError:
                continue
            if str(folder) in command or cwd.startswith(str(folder)):
                found.append(command)
    return found
