"""What another unit's state has is not imported a second time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws.state.managed import ManagedState
from orchestrator.config.catalogue import Unit
from orchestrator.guard.findings import FindingBuilder
from orchestrator.guard.model import Finding
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.rules.imported import imported_elsewhere
from orchestrator.terraform.model import Action, ResourceChange, StateResource
from tests.support.plans import POOL, a_unit

ROOT = Path(__file__).parents[4]
PROTECTED = Protected.read(ROOT / "policies/protected.yaml")
ARN = "arn:aws:cognito-idp:eu-west-1:1:userpool/eu-west-1_abc"
HERS = StateResource(POOL, "aws_cognito_user_pool", "eu-west-1_abc", ARN)


@dataclass
class Others:
    """The states of other units."""

    states: Sequence[ManagedState] = ()
    asked: list[str] = field(default_factory=list)

    def other_states(self, unit: Unit) -> Sequence[ManagedState]:
        self.asked.append(unit.id)
        return self.states


def state(resource: StateResource, region: str = "eu-west-1") -> ManagedState:
    return ManagedState("test/users", region, "line", (resource,))


def importing(
    id_: str | None = "eu-west-1_abc", type_: str = "aws_cognito_user_pool", mode: str = "managed", **before: Any
) -> ResourceChange:
    return ResourceChange(
        address=POOL,
        type=type_,
        name="this",
        provider="registry.terraform.io/hashicorp/aws",
        mode=mode,
        action=Action.UPDATE,
        before=before or None,
        importing=id_,
    )


def found(change: ResourceChange, others: Others) -> list[Finding]:
    unit = a_unit()
    return list(imported_elsewhere(unit, [change], others, FindingBuilder(unit, ROOT, PROTECTED)))


def test_what_another_unit_has_is_not_imported() -> None:
    (finding,) = found(importing(id="eu-west-1_abc", arn=ARN), Others([state(HERS)]))
    assert (finding.rule, finding.address) == ("ORCH_DUPLICATE", POOL)
    assert "would be managed by two units: test/users has it already" in finding.message
    assert "the state of test/users has it" in finding.cause
    assert finding.lost


@pytest.mark.parametrize(
    ("change", "other", "same"),
    [
        (importing(), state(HERS), True),  # the object is not read yet: by the id alone
        (importing(), state(HERS, "us-east-1"), False),
        (importing(id="eu-west-1_abc", arn=ARN), state(HERS, "us-east-1"), True),  # a provider alias
        (importing(id="eu-west-1_abc", arn=f"{ARN}2"), state(HERS), False),
        (importing(ARN), state(HERS, "us-east-1"), True),  # imported by its ARN
        (importing(id="eu-west-1_abc"), state(StateResource("a.b", "aws_sqs_queue", "eu-west-1_abc")), False),
        (importing("other"), state(HERS), False),
        (importing(""), state(StateResource(POOL, "aws_cognito_user_pool")), False),  # neither has a name
    ],
)
def test_the_same_object_is_known_by_arn_or_by_id_and_region(
    change: ResourceChange, other: ManagedState, same: bool
) -> None:
    assert bool(found(change, Others([other]))) is same


def test_nothing_is_read_unless_something_is_imported() -> None:
    others = Others([state(HERS)])
    assert found(importing(None), others) == []
    assert found(importing(mode="data"), others) == []
    assert others.asked == []
