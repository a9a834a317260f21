"""A state bucket of another account or in another region is not touched. Integration tests cover the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.bucket import ensure_bucket, plan_bucket
from orchestrator.config.catalogue import Catalogue
from orchestrator.errors import DeniedError, SetupError
from tests.support.aws import (
    PRODUCTION,
    Answer,
    FakeAws,
    World,
    catalogue,
    give_keys,
    s3_refused,
    standard_chain,
)

BUCKET = f"/ams-{PRODUCTION}-tfstate"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def aws(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(world, tmp_path, monkeypatch) as fake:
        give_keys(monkeypatch)
        yield fake


@pytest.fixture
def live(tmp_path: Path) -> Catalogue:
    return catalogue(tmp_path)


@pytest.mark.parametrize(
    ("head", "put"),
    [
        (Answer(403), None),
        (Answer(404), s3_refused("BucketAlreadyExists", "The requested bucket name is not available.", 409)),
    ],
)
def test_someone_elses_bucket_is_said_and_left_alone(
    aws: FakeAws, world: World, live: Catalogue, head: Answer, put: Answer | None
) -> None:
    world.refuse[f"HEAD {BUCKET}"] = head
    if put is not None:
        world.refuse[f"PUT {BUCKET}"] = put
    with pytest.raises(SetupError, match="belongs to another AWS account") as caught:
        ensure_bucket(live.accounts["production"], Identities(live, None))
    assert "live/accounts/production.yaml" in str(caught.value)
    assert "${{ account_id }}" in (caught.value.hint or "")
    assert [c.method for c in aws.calls if c.path == BUCKET] == (["HEAD"] if put is None else ["HEAD", "PUT"])


def test_a_bucket_in_another_region_is_said(aws: FakeAws, world: World, live: Catalogue) -> None:
    world.refuse[f"HEAD {BUCKET}"] = Answer(200, "", {"x-amz-bucket-region": "us-east-1"})
    with pytest.raises(SetupError, match="is in us-east-1, expected eu-west-1"):
        plan_bucket(live.accounts["production"], Identities(live, None))
    assert not [c for c in aws.calls if c.method == "PUT"]


def test_a_dry_run_only_looks(aws: FakeAws, world: World, live: Catalogue) -> None:
    world.refuse[f"HEAD {BUCKET}"] = Answer(404)
    steps = plan_bucket(live.accounts["production"], Identities(live, None))
    assert len(steps) == 8
    assert not any(s.done for s in steps)
    assert [c.method for c in aws.calls if c.path.startswith(BUCKET)] == ["HEAD"]


@pytest.mark.usefixtures("aws")
def test_a_step_that_aws_denies_names_the_step(world: World, live: Catalogue) -> None:
    world.refuse[f"HEAD {BUCKET}"] = Answer(200)
    world.refuse[f"GET {BUCKET}"] = s3_refused("AccessDenied", "explicit deny in a service control policy", 403)
    with pytest.raises(DeniedError, match="service control policy") as caught:
        ensure_bucket(live.accounts["production"], Identities(live, None))
    assert "cannot set up public access block of state bucket" in caught.value.what
    assert "roles.bootstrap" in (caught.value.hint or ""), "no baseline can give that role more"


def test_buckets_are_made_in_the_accounts_region_under_the_bootstrap_role(
    aws: FakeAws, world: World, live: Catalogue
) -> None:
    world.refuse[f"HEAD {BUCKET}"] = Answer(404)
    world.refuse[f"PUT {BUCKET}"] = s3_refused("AccessDenied", "stop here", 403)
    with pytest.raises(DeniedError, match="cannot create bucket"):
        ensure_bucket(live.accounts["production"], Identities(live, None))
    (put,) = [c for c in aws.calls if c.method == "PUT"]
    assert "<LocationConstraint>eu-west-1</LocationConstraint>" in put.body
    assert put.headers["x-amz-object-ownership"] == "BucketOwnerEnforced"
    assert world.role_of(put) == f"{PRODUCTION}/OrganizationAccountAccessRole"
