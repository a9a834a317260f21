"""A new account is entered as soon as AWS lets orch in, and not given up before: real botocore over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.cli.aws import Aws
from orchestrator.cli.context import Common
from orchestrator.cli.organization import wait_for_role
from orchestrator.cli.project import Project
from orchestrator.config.graph import Graph
from orchestrator.errors import SetupError
from tests.support.aws import (
    PRODUCTION,
    Answer,
    Call,
    FakeAws,
    World,
    catalogue,
    give_keys,
    refused,
    s3_refused,
    standard_chain,
)

ROLE = f"arn:aws:iam::{PRODUCTION}:role/OrganizationAccountAccessRole"
DENIED = refused("AccessDenied", "not authorized to perform: sts:AssumeRole")


class NewAccount(World):
    """The first answers of STS, then those of S3, are the given ones."""

    def __init__(self, *sts: Answer, s3: tuple[Answer, ...] = ()) -> None:
        super().__init__()
        self.sts, self.s3 = list(sts), list(s3)

    def __call__(self, call: Call) -> Answer:
        if call.action == "AssumeRole" and self.sts:
            return self.sts.pop(0)
        if call.path == "/" and call.method == "GET":
            empty = "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"
            return self.s3.pop(0) if self.s3 else Answer(200, empty)
        return super().__call__(call)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> NewAccount:
    found: NewAccount = request.param
    return found


@pytest.fixture
def aws(world: NewAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(world, tmp_path, monkeypatch) as fake:
        give_keys(monkeypatch)
        yield fake


def enter(root: Path, *clock: float) -> list[float]:
    """Wait for the role; return the pauses."""
    waited: list[float] = []
    times = iter(clock)
    live = catalogue(root)
    wait_for_role(
        Common(folder=root),
        Project(live, Graph.of(live.units)),
        Aws(None),
        "production",
        sleep=waited.append,
        clock=lambda: next(times, 0.0),
    )
    return waited


@pytest.mark.parametrize("world", [NewAccount(DENIED, DENIED, DENIED)], indirect=True)
def test_the_role_is_asked_for_until_it_can_be_assumed(
    aws: FakeAws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enter(tmp_path) == [5.0, 5.0, 5.0]
    assert aws.count("AssumeRole") == 4
    assert capsys.readouterr().err.count("waiting until the role in the new account can be assumed") == 1


NOT_YET = s3_refused("NotSignedUp", "Your account is not signed up for the S3 service.", 403)


@pytest.mark.parametrize("world", [NewAccount(s3=(NOT_YET, NOT_YET))], indirect=True)
@pytest.mark.usefixtures("aws")
def test_s3_that_does_not_know_the_account_yet_is_waited_for(tmp_path: Path) -> None:
    assert enter(tmp_path) == [5.0, 5.0]


@pytest.mark.parametrize("world", [NewAccount(s3=(s3_refused("AccessDenied", "explicit deny", 403),))], indirect=True)
@pytest.mark.usefixtures("aws")
def test_who_may_not_list_buckets_does_not_wait(tmp_path: Path) -> None:
    assert enter(tmp_path) == []


@pytest.mark.parametrize("world", [NewAccount(*[DENIED] * 9)], indirect=True)
@pytest.mark.usefixtures("aws")
def test_after_minutes_it_is_an_error_that_names_the_role(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as caught:
        enter(tmp_path, 0.0, 100.0, 200.0, 301.0)
    assert ROLE in caught.value.what
    assert "roles.bootstrap" in (caught.value.hint or "")


@pytest.mark.parametrize("world", [NewAccount(refused("ExpiredToken", "The security token is expired"))], indirect=True)
@pytest.mark.usefixtures("aws")
def test_an_error_that_no_waiting_mends_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="expired"):
        enter(tmp_path)
