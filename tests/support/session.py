"""orch's own session in the process of a test, and its state bucket as somebody else sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator.cli.context import Common
from orchestrator.cli.project import open_project
from orchestrator.cli.session import ready_session
from orchestrator.emulator.info import read_info
from orchestrator.run.request import RunOptions
from orchestrator.run.session import Session
from tests.support.emulator import ENTRY_ROLE, Account, client, entry_client
from tests.support.project import Project


@contextmanager
def session_of(project: Project, *targets: str, verb: str = "apply") -> Iterator[Session]:
    """A run over the targets, as a verb has it; on the project's emulator."""
    common = Common(folder=project.root, quiet=True, emulator=True)
    opened = open_project(common)
    with ready_session(common, opened.request(verb, RunOptions(targets=targets))) as session:
        yield session


def state_bucket(emulator: Path, project: Project, account: str = "main") -> tuple[Any, str]:
    """A client of S3 that may do everything in an account of the project, and the name of its state bucket."""
    info = read_info(emulator)
    assert info is not None
    id_ = project.accounts[account]
    arn = f"arn:aws:iam::{id_}:role/{ENTRY_ROLE}"
    keys = Account.enter(entry_client(info, "sts").assume_role(RoleArn=arn, RoleSessionName="test"))
    return client(info, "s3", keys), f"t-{id_}-tfstate"
