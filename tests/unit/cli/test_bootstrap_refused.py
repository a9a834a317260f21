"""`orch bootstrap` with an account that AWS does not let it into, and two of it at once. The answers are those of AWS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.util.files import file_lock
from tests.support.aws import Answer, Call, FakeAws, World, fake_aws, refused
from tests.support.project import REPOSITORY, Project, Result

ID = "444444444444"
MANAGEMENT = "999999999999"
ROLE = f"arn:aws:iam::{ID}:role/OrganizationAccountAccessRole"


class Organization(World):
    """An organization without the account, whose role nobody may assume."""

    def __init__(self) -> None:
        super().__init__()
        self.refuse[ROLE] = refused("AccessDenied", f"User is not authorized to perform: sts:AssumeRole on {ROLE}")

    def __call__(self, call: Call) -> Answer:
        target = {name.lower(): value for name, value in call.headers.items()}.get("x-amz-target", "")
        operation = target.partition("AWSOrganizationsV20161128.")[2]
        if operation == "DescribeOrganization":
            return _json(200, {"Organization": {"Id": "o-1", "MasterAccountId": MANAGEMENT}})
        if operation == "ListParents":
            return _json(400, {"__type": "ChildNotFoundException", "Message": "no such child"})
        return super().__call__(call)


def _json(status: int, answer: object) -> Answer:
    return Answer(status, json.dumps(answer), {"Content-Type": "application/x-amz-json-1.1"})


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with fake_aws(Organization()) as fake:
        yield fake


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "repo", emulator=None, accounts={"main": ID})


def environment(aws: FakeAws, home: Path) -> dict[str, str]:
    return {
        "ORCH_AWS": "",
        "HOME": str(home),
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_ACCESS_KEY_ID": "AKIABASE",
        "AWS_SECRET_ACCESS_KEY": "SECRET-BASE",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def bootstrap(project: Project, aws: FakeAws, home: Path, *arguments: str) -> Result:
    return project.orch("bootstrap", "main", *arguments, code=2, **environment(aws, home))


@pytest.mark.parametrize("how", ["--yes", "--dry-run"])
def test_an_account_that_lets_nobody_in_is_told_with_its_id_and_file(
    project: Project, aws: FakeAws, tmp_path: Path, how: str
) -> None:
    said = " ".join(bootstrap(project, aws, tmp_path, how).err.split())
    assert f"cannot assume the bootstrap role of account main: {ROLE} does not allow {MANAGEMENT_USER}" in said
    assert "the role `roles.bootstrap` of live/orch.yaml must exist and trust you" in said
    assert f"or the account id is wrong: is it {ID} (live/accounts/main.yaml)?" in said
    assert not (project.root / "live/accounts.lock.yaml").exists()
    assert not [call for call in aws.calls if call.method == "PUT"], "nothing was made"


MANAGEMENT_USER = f"arn:aws:iam::{MANAGEMENT}:user/me"


def test_an_account_that_the_organization_does_not_have_is_told(project: Project, aws: FakeAws, tmp_path: Path) -> None:
    file = project.root / "live/accounts/main.yaml"
    file.write_text(file.read_text() + "organization: {email: aws+main@example.com}\n")
    said = " ".join(bootstrap(project, aws, tmp_path, "--yes").err.split())
    assert f"the organization of {MANAGEMENT} has no account {ID}" in said
    assert f"is it {ID} (live/accounts/main.yaml)?" in said


def test_a_second_bootstrap_of_a_repository_waits_for_the_first(project: Project, aws: FakeAws, tmp_path: Path) -> None:
    with file_lock(project.root / ".orch" / "bootstrap.lock"):
        second = subprocess.Popen(
            project.command("bootstrap", "main", "--yes"),
            env=project.environment(**environment(aws, tmp_path)),
            cwd=REPOSITORY,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr is not None
        assert second.stderr.readline() == "Another `orch bootstrap` works in this repository: waiting for its end.\n"
        bootstrap(project, aws, tmp_path, "--dry-run")
        assert second.poll() is None
    rest = second.communicate(timeout=60)[1]
    assert second.returncode == 2
    assert f"{ROLE} does not allow" in rest, "it goes on when the first has ended"
