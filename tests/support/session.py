"""orch's own session in the process of a test: for what happens between a plan and its apply."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.cli.common import Common
from orchestrator.cli.project import open_project
from orchestrator.cli.ready import ready_session
from orchestrator.cli.request import RunRequest
from orchestrator.cli.session import Session
from tests.support.project import Project


@contextmanager
def session_of(project: Project, *targets: str, verb: str = "apply") -> Iterator[Session]:
    """A run over the targets, as a verb has it; on the project's emulator."""
    common = Common(folder=project.root, quiet=True, emulator=True)
    opened = open_project(common)
    with ready_session(common, opened, opened.select(targets), RunRequest(targets=targets), verb=verb) as session:
        yield session
