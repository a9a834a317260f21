"""Which unit manages what: read from the states themselves, empty ones and one's own left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.managed import ManagedStates, SoughtObject
from orchestrator.aws.state.outputs import StateStore
from tests.support.aws import PRODUCTION, FakeAws, World, catalogue, give_keys, standard_chain
from tests.unit.aws.state.test_ledger import POOL, state

BUCKET = f"/ams-{PRODUCTION}-tfstate/"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def aws(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(world, tmp_path, monkeypatch) as fake:
        give_keys(monkeypatch)
        yield fake


def test_every_state_with_resources_counts_whether_or_not_live_knows_it(
    aws: FakeAws, world: World, tmp_path: Path
) -> None:
    live = catalogue(tmp_path)
    for folder, content in {
        "prod/data/eu-west-1": state(1, aws_cognito_user_pool=POOL),
        "production/baseline/eu-west-1": state(1, aws_iam_role={"id": "orch-apply", "arn": "arn:role"}),
        "old/users/us-east-1": state(1, aws_sqs_queue={"id": "https://queue"}),
        "old/empty/eu-west-1": state(9),
    }.items():
        world.objects[f"{BUCKET}{folder}/terraform.tfstate"] = content
    identities = Identities(live, None)
    managed = ManagedStates(live, Ledger(live, identities, StateStore(live, identities)))
    found = managed.others(live.units["prod/data"])
    assert [(each.unit, each.region) for each in found] == [
        ("old/users@us-east-1", "us-east-1"),
        ("production/baseline", "eu-west-1"),
    ]
    role = SoughtObject("aws_iam_role", frozenset({"orch-apply"}))
    assert [each.unit for each in found if role.is_in(each, "eu-west-1")] == ["production/baseline"]
    asked = len(aws.calls)
    (hers,) = (each for each in managed.others(live.units["production/baseline"]) if each.unit == "prod/data")
    assert [each.id for each in hers.resources] == [POOL["id"]]
    assert len(aws.calls) == asked, "an account is read once per run"
