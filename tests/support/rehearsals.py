"""Rehearsals for the tests of their reports and comments."""

from __future__ import annotations

from typing import Any

from orchestrator.report.rehearsal.model import (
    Fate,
    Outcome,
    Rehearsal,
    RehearsedUnit,
    ResourceFate,
    UnmodeledCall,
)
from tests.support.comments import CONTEXT, POOL, RUN, pool_finding

TABLE = "aws_dynamodb_table.this"


def kept(address: str = POOL, noun: str = "user", **more: Any) -> ResourceFate:
    values: dict[str, Any] = {"protected": True, "noun": noun, "before": 3, "after": 3}
    return ResourceFate(address, address.partition(".")[0], Fate.KEPT, **(values | more))


def lost(address: str = TABLE, noun: str = "item") -> ResourceFate:
    return ResourceFate(address, address.partition(".")[0], Fate.REPLACED, noun=noun, before=3, after=0)


def whole(*units: RehearsedUnit, **more: Any) -> Rehearsal:
    values: dict[str, Any] = {
        "run": RUN,
        "targets": ("prod",),
        "base": "origin/main",
        "base_commit": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
        "head_commit": CONTEXT.head,
        "units": units,
        "calls": (UnmodeledCall("cognito-idp", "SetRiskConfiguration", 2, "head"),),
        "differences": ("lambda: No function runs.",),
        "placeholders": ("ssm:/prod/token",),
        "seconds": 42.4,
    }
    return Rehearsal(**(values | more))


def mixed() -> Rehearsal:
    """One of everything."""
    blocked = RehearsedUnit(
        "prod/identity",
        Outcome.BLOCKED,
        cause="aws_cognito_user_pool.this would be replaced by a new, empty one",
        resources=(kept(),),
        findings=(pool_finding("prod/identity", inside="3 users"),),
    )
    return whole(
        blocked,
        RehearsedUnit("prod/orders", Outcome.LOST, resources=(lost(),)),
        RehearsedUnit("prod/api", Outcome.FAILED, cause="no such role", error="Error: no such role\n\n  on main.tf"),
        RehearsedUnit("prod/risk", Outcome.NOT_REHEARSED, cause="The emulator does not support x SetY"),
        RehearsedUnit("prod/new", Outcome.NEW),
        RehearsedUnit("prod/old", Outcome.REMOVED, cause="head has no such unit", resources=(kept(TABLE, "item"),)),
        RehearsedUnit("test/tasks", Outcome.SURVIVED, target=False, resources=(kept("aws_sqs_queue.this", "message"),)),
    )
