"""Creates an account through AWS Organizations: never twice, and not before it is known that nothing has begun it.

AWS itself keeps what is needed to go on after an interruption: the requests by name, the accounts by e-mail address.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.aws.organization.organization import CreationStatus, Member, Organization
from orchestrator.config.catalogue import Account, Membership
from orchestrator.errors import Location, SetupError

CREATION_POLL_SECONDS = 5.0
_WAIT_SECONDS = 900.0
_NAME_LENGTH = 50
"""Organizations, "CreateAccount": the longest name of an account."""
_IN_USE = "EMAIL_ALREADY_EXISTS"
_REASONS = {
    "ACCOUNT_LIMIT_EXCEEDED": "the organization has as many accounts as its quota allows; ask AWS Support for more",
    _IN_USE: "an AWS account outside of the organization has the e-mail address; use another one",
    "INVALID_EMAIL": "AWS does not accept the e-mail address; use another one",
    "INVALID_ADDRESS": "the address of the management account is not valid; correct it in the billing console",
    "INVALID_PAYMENT_INSTRUMENT": "the payment method of the management account is not valid",
    "MISSING_PAYMENT_INSTRUMENT": "the management account has no payment method",
    "CONCURRENT_ACCOUNT_MODIFICATION": "another change of accounts is in progress; try again",
    "INTERNAL_FAILURE": "AWS failed; try again, and ask AWS Support if it stays so",
}
"""Why AWS did not create an account -> what to do about it."""


@dataclass(frozen=True, slots=True)
class NewMember:
    """An account to create.

    Attributes:
        account: its name in ``live/``.
        name: its name in AWS.
        email: address of its root user.
        role: the role in it that the management account can assume.
        at: where its file says so.
    """

    account: str
    name: str
    email: str
    role: str
    at: Location

    @classmethod
    def of(cls, account: Account, membership: Membership, platform: str) -> NewMember:
        """Return what to create for an account.

        Args:
            account: the account.
            membership: its place in the organization.
            platform: ``name`` of ``live/orch.yaml``, the first part of every name in AWS.

        Raises:
            SetupError: ``roles.bootstrap`` has a path, which AWS gives to no role that it creates.
        """
        role = account.roles.bootstrap
        if "/" in role:
            message = f"AWS cannot create the role {role} in a new account: it gives it no path"
            raise SetupError(message, where=account.at, hint="set `roles.bootstrap` to a name without /")
        name = f"{platform}-{account.name}"[:_NAME_LENGTH].rstrip("-")
        return cls(account.name, name, membership.email, role, membership.at)


def find_member(organization: Organization, new: NewMember) -> Member | None:
    """Return the account of the organization that has the e-mail address; None if there is none.

    Raises:
        SetupError: it is closed or suspended; or the accounts cannot be listed.
        ThrottledError: AWS still throttled the request after retries.
    """
    found = next((each for each in organization.members() if each.email.lower() == new.email.lower()), None)
    if found is not None and not found.active:
        message = f"account {found.id} has the e-mail address {new.email}, and is closed or suspended"
        raise SetupError(message, where=new.at, hint="use another e-mail address")
    return found


def create_member(
    organization: Organization,
    new: NewMember,
    *,
    on_wait: Callable[[], None] = lambda: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Create an account, or go on with a creation that was interrupted; return the id of the account.

    Args:
        organization: the organization, which was checked.
        new: the account.
        on_wait: called once, if AWS is not done at once.
        sleep: waits for seconds.
        clock: returns seconds.

    Raises:
        SetupError: AWS did not create it, did not say its id, or takes too long.
        ThrottledError: AWS still throttled the request after retries.
    """

    def finished(begun: CreationStatus) -> CreationStatus:
        status, until = begun, clock() + _WAIT_SECONDS
        if status.state == "IN_PROGRESS":
            on_wait()
        while status.state == "IN_PROGRESS":
            if clock() >= until:
                message = f"AWS has not created the account {new.name} within {_WAIT_SECONDS / 60:.0f} minutes"
                raise SetupError(
                    message, hint=f"`orch bootstrap {new.account}` goes on with it (request {begun.request})"
                )
            sleep(CREATION_POLL_SECONDS)
            status = organization.creation(begun.request)
        return status

    known = find_member(organization, new)
    if known is not None:
        return known.id
    for begun in organization.creations():
        if begun.name == new.name:
            status = finished(begun)
            if status.account and organization.email(status.account).lower() == new.email.lower():
                return status.account
    return _id_of(organization, new, finished(organization.create(new.name, new.email, new.role)))


def _id_of(organization: Organization, new: NewMember, status: CreationStatus) -> str:
    """Return the id of the account that was created.

    Raises:
        SetupError: there is none.
    """
    if status.state == "SUCCEEDED" and status.account:
        return status.account
    if status.state == "SUCCEEDED":
        message = f"AWS has created the account {new.name} (request {status.request}), but did not say its id"
        raise SetupError(message, hint=f"`orch bootstrap {new.account}` looks for it by its e-mail address")
    # A request that was sent a second time, because the answer to the first was lost.
    known = find_member(organization, new) if status.reason == _IN_USE else None
    if known is not None:
        return known.id
    message = f"AWS did not create the account {new.name}: {status.reason or status.state}"
    raise SetupError(message, where=new.at, hint=_REASONS.get(status.reason))
