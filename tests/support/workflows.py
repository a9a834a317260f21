"""The files of a CI as `orch init` writes them, read as YAML, and their shell steps run as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from orchestrator.scaffold.answers import Answers
from orchestrator.scaffold.platform_files import starter_files
from tests.support.fork_server import FORK_SERVER
from tests.support.project import CI_VARIABLES, REPOSITORY

ORCH = ".github/workflows/orch.yml"
DRIFT = ".github/workflows/orch-drift.yml"
FORK = ".github/workflows/orch-fork.yml"
ACTION = ".github/actions/orch/action.yml"
GITLAB = ".gitlab-ci.yml"


def ci_files(host: str) -> dict[str, bytes]:
    """The files of a CI, by path in the repository."""
    accounts = [("production", "111111111111"), ("development", "222222222222")]
    answers = Answers.of(name="acme", region="eu-west-1", management="999999999999", accounts=accounts)
    names = {"github": (ORCH, DRIFT, FORK, ACTION), "gitlab": (GITLAB,)}[host]
    files = starter_files(answers, ci=host)
    return {name: files[name] for name in names}


def loaded(name: str) -> Any:
    """A file of a CI as plain values; ``on`` stays a text, as in YAML 1.2."""
    host = "gitlab" if name == GITLAB else "github"
    yaml = YAML(typ="safe", pure=True)
    yaml.constructor.add_constructor("!reference", lambda loader, node: tuple(loader.construct_sequence(node)))
    return yaml.load(ci_files(host)[name])


@dataclass(frozen=True)
class Step:
    """One step of a job that runs a script."""

    job: str
    name: str
    script: str
    env: Mapping[str, str]


def steps(workflow: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every step of a workflow, with its job."""
    for job, content in loaded(workflow)["jobs"].items():
        for step in content["steps"]:
            yield job, step


def step_of(workflow: str, job: str, name: str) -> Step:
    """The step of a job with a script."""
    content = loaded(workflow)["jobs"][job]
    (step,) = [each for each in content["steps"] if each.get("name") == name]
    return Step(job, name, step["run"], {**content.get("env", {}), **step.get("env", {})})


def gitlab_script(job: str) -> str:
    """The script of a job of GitLab CI."""
    return "\n".join(loaded(GITLAB)[job]["script"]) + "\n"


def run_script(script: str, *, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script as both CIs do: `bash -e`, and a failure anywhere in a pipe counts."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=cwd,
        env=dict(env),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )


def comment_event(body: str) -> dict[str, Any]:
    """The event of a comment on pull request 7, as GitHub writes it."""
    return {
        "action": "created",
        "issue": {"number": 7, "pull_request": {"url": "https://api.github.com/repos/example/platform/pulls/7"}},
        "comment": {"id": 5, "body": body, "user": {"login": "ann", "id": 42, "type": "User"}},
        "repository": {"full_name": "example/platform", "default_branch": "main"},
        "sender": {"login": "ann"},
    }


_EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")


class Runner:
    """A machine of GitHub Actions: checkouts of a repository, and the environment that a step gets.

    Args:
        base: an empty folder.
        origin: the repository.
        emulator: folder with the shared emulator's ``emulator.json``, which stands for AWS.
    """

    def __init__(self, base: Path, origin: Path, emulator: Path) -> None:
        self._base, self._origin, self._emulator = base, origin, emulator
        self._jobs = 0

    def job(self, event: str, payload: Mapping[str, Any], ref: str, **env: str) -> Job:
        """A new job with the commit of a ref checked out, as `actions/checkout` does it with `fetch-depth: 0`."""
        self._jobs += 1
        folder = self._base / f"job-{self._jobs}"
        folder.mkdir(parents=True)
        (folder / "event.json").write_text(json.dumps(payload), encoding="utf-8")
        sha = self.checkout(folder / "work", ref)
        (folder / "bin").mkdir()
        FORK_SERVER.write_command(folder / "bin" / "orch")
        dropped = ("AWS_", "ORCH_", "GIT_", *CI_VARIABLES)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        path = f"{folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        given = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "GITHUB_REPOSITORY": "example/platform",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REF": ref,
            "GITHUB_SHA": sha,
            "GITHUB_RUN_ID": "19483",
            "GITHUB_RUN_NUMBER": str(1186 + self._jobs),
            "GITHUB_RUN_ATTEMPT": "1",
        }
        usual = {"PATH": path, "PYTHONPATH": str(REPOSITORY), "ORCH_AWS": "emulator", "NO_COLOR": "1"}
        return Job(self, folder, {**inherited, **usual, **given, **env})

    def checkout(self, folder: Path, ref: str) -> str:
        """Check out a ref into a folder; the commit."""

        def git(*arguments: str) -> str:
            command = ["git", "-C", str(folder), *arguments]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

        folder.mkdir(parents=True, exist_ok=True)
        git("init", "-q")
        git("remote", "add", "origin", str(self._origin))
        git("fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*", f"+{ref}:refs/work")
        hook = folder / ".git" / "hooks" / "post-checkout"  # also of a worktree that a step adds
        hook.parent.mkdir(exist_ok=True)
        source = self._emulator / "emulator.json"
        hook.write_text(f"#!/bin/sh\ninstall -D -m 600 '{source}' .orch/emulator/emulator.json\n")
        hook.chmod(0o755)
        git("checkout", "-q", "--detach", "refs/work")
        return git("rev-parse", "HEAD")


class Job:
    """One job on a machine."""

    def __init__(self, runner: Runner, folder: Path, env: Mapping[str, str]) -> None:
        self._runner, self._folder, self.env = runner, folder, dict(env)
        self.work = folder / "work"

    def checkout(self, ref: str, path: str) -> None:
        """Check out another ref into a folder of the workspace."""
        self._runner.checkout(self.work / path, ref)

    def run(self, step: Step, *, code: int | None = 0, **expressions: str) -> Ran:
        """Run a step. ``expressions``: what the expressions in its environment stand for, dots and dashes as ``_``."""

        def value(found: re.Match[str]) -> str:
            return expressions[re.sub(r"\W+", "_", found[1]).strip("_")]

        own = {name: _EXPRESSION.sub(value, text) for name, text in step.env.items()}
        output = Path(self.env["GITHUB_OUTPUT"])
        output.unlink(missing_ok=True)
        done = run_script(step.script, cwd=self.work, env={**self.env, **own})
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        lines = output.read_text(encoding="utf-8").splitlines() if output.exists() else []
        return Ran(done.returncode, done.stdout, done.stderr, dict(line.split("=", 1) for line in lines))

    def upload(self, workflow: str, job: str, name: str, to: Path) -> list[str]:
        """Keep what `actions/upload-artifact` would, in a folder; the names of the files, below the common folder."""
        (step,) = [each for each in loaded(workflow)["jobs"][job]["steps"] if each.get("name") == name]
        patterns = step["with"]["path"].split()
        (common,) = {pattern.partition("*")[0] for pattern in patterns}
        found = sorted(path for pattern in patterns for path in self.work.glob(pattern.rstrip("/")))
        files = [path for each in found for path in (each.rglob("*") if each.is_dir() else [each]) if path.is_file()]
        names = []
        for file in files:
            relative = file.relative_to(self.work / common)
            (to / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, to / relative)
            names.append(relative.as_posix())
        return names

    def download(self, artifact: Path, path: str = ".orch/runs") -> None:
        """Unpack what `upload` kept, as `actions/download-artifact` does."""
        shutil.copytree(artifact, self.work / path, dirs_exist_ok=True)


@dataclass(frozen=True)
class Ran:
    """How a step ended. ``outputs``: what it wrote to ``GITHUB_OUTPUT``."""

    code: int
    out: str
    err: str
    outputs: Mapping[str, str]

    @property
    def matrix(self) -> list[dict[str, str]]:
        """Its matrix."""
        jobs: list[dict[str, str]] = json.loads(self.outputs["matrix"])["include"]
        return jobs
