"""The state bucket of an account: made with boto3, because Terraform needs it before it can keep any state.

Every property is a step of its own that is looked at before it is done. So `plan_bucket` shows what `ensure_bucket`
would do, doing it twice changes nothing, and what was cut off goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.aws.identity.roles import Identities, Role
from orchestrator.aws.state.bucket import StateBucket
from orchestrator.config.catalogue import Account


@dataclass(frozen=True, slots=True)
class BucketChange:
    """One property of the bucket.

    Attributes:
        name: of the property, e.g. ``versioning``.
        done: it already is as it should be.
        change: what is (or was) done about it, in words for people.
    """

    name: str
    done: bool
    change: str


def plan_bucket(account: Account, identities: Identities) -> tuple[BucketChange, ...]:
    """What `ensure_bucket` would do; changes nothing.

    Args:
        account: whose bucket.
        identities: gives the bootstrap role.

    Returns:
        every step, done or not, in order.

    Raises:
        SetupError: the bucket belongs to someone else, or the bootstrap role cannot be used.
        DeniedError, ThrottledError, UnitError: AWS refused a call.
    """
    identities.confirm(account, Role.BOOTSTRAP)
    bucket = StateBucket(account, identities)
    exists = bucket.call("bucket", bucket.exists)
    return tuple(BucketChange(p.name, exists and bucket.call(p.name, p.look), p.change) for p in bucket.properties())


def ensure_bucket(
    account: Account, identities: Identities, *, on_step: Callable[[BucketChange], None] | None = None
) -> tuple[BucketChange, ...]:
    """Make the state bucket of an account as it should be.

    Args:
        account: whose bucket.
        identities: gives the bootstrap role.
        on_step: told of each step when it is through; ``done`` says that nothing had to be done.

    Returns:
        every step, in order.

    Raises:
        SetupError: the bucket belongs to someone else, or the bootstrap role cannot be used.
        DeniedError, ThrottledError, UnitError: AWS refused a call; the steps before stay done.
    """
    identities.confirm(account, Role.BOOTSTRAP)
    bucket = StateBucket(account, identities)
    steps: list[BucketChange] = []
    for prop in bucket.properties():
        done = bucket.call(prop.name, prop.look)
        if not done:
            bucket.call(prop.name, prop.make)
        steps.append(BucketChange(prop.name, done, prop.change))
        if on_step is not None:
            on_step(steps[-1])
    return tuple(steps)
