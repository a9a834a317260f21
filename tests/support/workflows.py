"""The files of a CI as `orch init` writes them, read as YAML, and their shell steps run as they stand."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from orchestrator.scaffold.answers import Answers
from orchestrator.scaffold.platform_files import starter_files

ORCH = ".github/workflows/orch.yml"
DRIFT = ".github/workflows/orch-drift.yml"
ACTION = ".github/actions/orch/action.yml"
GITLAB = ".gitlab-ci.yml"


def ci_files(host: str) -> dict[str, bytes]:
    """The files of a CI, by path in the repository."""
    accounts = [("production", "111111111111"), ("development", "222222222222")]
    answers = Answers.of(name="acme", region="eu-west-1", management="999999999999", accounts=accounts)
    names = {"github": (ORCH, DRIFT, ACTION), "gitlab": (GITLAB,)}[host]
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
