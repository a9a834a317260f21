"""The organization of AWS accounts, called with the credentials that orch starts from.

Only the management account can create accounts. ``docs/accounts.md`` lists the permissions that the caller needs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from orchestrator.aws.causes import AwsFailure, Cause, cause_of, code_of, message_of
from orchestrator.aws.errors import setup_failure
from orchestrator.aws.identity.identities import Identities
from orchestrator.config.catalogue import Account, Membership
from orchestrator.errors import SetupError

_UNIT_ID = re.compile(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}")
_NOT_FOUND = frozenset({"AccountNotFoundException", "ChildNotFoundException", "OrganizationalUnitNotFoundException"})
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Member:
    """An account of the organization. ``active``: it is neither closed nor suspended."""

    id: str
    name: str
    email: str
    active: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A root or organizational unit: its id, and its name for people."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class CreationStatus:
    """The state of the creation of an account.

    Attributes:
        request: id of the request.
        name: name of the account.
        state: ``IN_PROGRESS``, ``SUCCEEDED`` or ``FAILED``.
        account: id of the account; empty without one.
        reason: why it failed, in AWS's terms; empty if it did not.
    """

    request: str
    name: str
    state: str
    account: str
    reason: str

    @classmethod
    def of(cls, answer: dict[str, Any]) -> CreationStatus:
        """Create it from AWS's ``CreateAccountStatus``."""
        texts = (answer.get(key) or "" for key in ("Id", "AccountName", "State", "AccountId", "FailureReason"))
        return cls(*map(str, texts))


class Organization:
    """The organization whose management account the caller is logged in to.

    Args:
        identities: provides the credentials that orch starts from.
        account: the account that they are wanted for; its ``profile`` counts.
        management: id of the management account.
        region: region of the calls; Organizations has one endpoint for each partition.
    """

    def __init__(self, identities: Identities, account: Account, management: str, region: str) -> None:
        self._identities = identities
        self._account = account
        self._management = management
        self._base = identities.base(account)
        self._region = region

    def check(self) -> None:
        """Check that the caller is in the management account of an organization, which ``management`` names.

        Raises:
            SetupError: it is not, or the organization cannot be read.
        """
        caller = self._base.caller()
        if caller.account != self._management:
            message = f"only the management account {self._management} can create accounts, and you are {caller.arn}"
            raise SetupError(message, hint="log in to the account that `management` in live/orch.yaml names")
        try:
            found = self._call("read the organization", lambda client: client.describe_organization())
        except SetupError as error:
            if _code(error) != "AWSOrganizationsNotInUseException":
                raise
            message = f"the account {self._management} has no organization"
            hint = "create one, once: aws organizations create-organization --feature-set ALL"
            raise SetupError(message, hint=hint) from error
        owner = found["Organization"]["MasterAccountId"]
        if owner != self._management:
            message = f"the management account of the organization is {owner}, and not {self._management}"
            raise SetupError(message, hint="correct `management` in live/orch.yaml")

    def members(self) -> tuple[Member, ...]:
        """Return every account of the organization.

        Raises:
            SetupError, ThrottledError: they cannot be listed.
        """
        pages = self._pages("list the accounts of the organization", "list_accounts", "Accounts")
        return tuple(Member(each["Id"], each["Name"], each["Email"], each["Status"] == "ACTIVE") for each in pages)

    def email(self, account: str) -> str:
        """Return the e-mail address of an account, given its id; empty if it is not in the organization.

        Raises:
            SetupError, ThrottledError: it cannot be read.
        """
        try:
            answer = self._call(f"read account {account}", lambda client: client.describe_account(AccountId=account))
        except SetupError as error:
            if _code(error) in _NOT_FOUND:
                return ""
            raise
        return str(answer["Account"]["Email"])

    def creations(self) -> tuple[CreationStatus, ...]:
        """Return the creations of accounts that are in progress, or have succeeded.

        Raises:
            SetupError, ThrottledError: they cannot be listed.
        """
        states = ["IN_PROGRESS", "SUCCEEDED"]
        pages = self._pages(
            "list the accounts in creation", "list_create_account_status", "CreateAccountStatuses", States=states
        )
        return tuple(map(CreationStatus.of, pages))

    def creation(self, request: str) -> CreationStatus:
        """Return the state of one creation.

        Raises:
            SetupError, ThrottledError: it cannot be read.
        """
        answer = self._call(
            "read the state of the account's creation",
            lambda client: client.describe_create_account_status(CreateAccountRequestId=request),
        )
        return CreationStatus.of(answer["CreateAccountStatus"])

    def create(self, name: str, email: str, role: str) -> CreationStatus:
        """Ask AWS to create an account, which takes a minute.

        Args:
            name: name of the account.
            email: address of its root user.
            role: name of the role in it that the management account can assume.

        Raises:
            SetupError, ThrottledError: AWS refused.
        """
        answer = self._call(
            f"create the account {name}",
            lambda client: client.create_account(AccountName=name, Email=email, RoleName=role),
        )
        return CreationStatus.of(answer["CreateAccountStatus"])

    def parent(self, child: str) -> str | None:
        """Return the id of the root or unit that an account or unit is in; None if the organization has no such child.

        Raises:
            SetupError, ThrottledError: it cannot be read.
        """
        try:
            pages = self._pages(f"find {child} in the organization", "list_parents", "Parents", ChildId=child)
            return next((str(each["Id"]) for each in pages), None)
        except SetupError as error:
            if _code(error) in _NOT_FOUND:
                return None
            raise

    def place(self, membership: Membership) -> Place | None:
        """Return the organizational unit that an account belongs in; None if it may be anywhere.

        Raises:
            SetupError: there is no such unit.
            ThrottledError: AWS still throttled the request after retries.
        """
        path = membership.organizational_unit
        if path is None:
            return None
        if _UNIT_ID.fullmatch(path):
            if self.parent(path) is None:
                raise SetupError(f"the organization has no organizational unit {path}", where=membership.at)
            return Place(path, path)
        found = self.root()
        for depth, name in enumerate(path.split("/"), start=1):
            units = {each.name: each for each in self._units(found.id)}
            if name not in units:
                where = "/".join(path.split("/")[: depth - 1]) or "the root"
                message = f"there is no organizational unit {name!r} in {where}"
                has = f"it has {', '.join(sorted(units))}; or " if units else ""
                create = (
                    f"aws organizations create-organizational-unit --parent-id {found.id} --name {shlex.quote(name)}"
                )
                raise SetupError(message, where=membership.at, hint=f"{has}create it: {create}")
            found = units[name]
        return Place(found.id, path)

    def root(self) -> Place:
        """Return the root of the organization.

        Raises:
            SetupError, ThrottledError: it cannot be read.
        """
        root = next(self._pages("read the root of the organization", "list_roots", "Roots"))
        return Place(str(root["Id"]), "the root")

    def move(self, account: str, source: str, destination: str) -> None:
        """Move an account from one root or unit to another, by their ids.

        Raises:
            SetupError, ThrottledError: AWS refused.
        """
        self._call(
            f"move account {account} to {destination}",
            lambda client: client.move_account(
                AccountId=account, SourceParentId=source, DestinationParentId=destination
            ),
        )

    def _units(self, parent: str) -> Iterator[Place]:
        doing, method = "list the organizational units", "list_organizational_units_for_parent"
        for each in self._pages(doing, method, "OrganizationalUnits", ParentId=parent):
            yield Place(str(each["Id"]), str(each["Name"]))

    def _pages(self, doing: str, method: str, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        def all_pages(client: Any) -> list[dict[str, Any]]:
            return [each for page in client.get_paginator(method).paginate(**arguments) for each in page[key]]

        return iter(self._call(doing, all_pages))

    def _call(self, doing: str, function: Callable[[Any], _T]) -> _T:
        try:
            return function(self._base.client("organizations", self._region))
        except AwsFailure as error:
            if cause_of(error) is Cause.DENIED:
                message = f"cannot {doing}: access denied: {message_of(error)}"
                raise SetupError(message, hint="docs/accounts.md lists the permissions that this needs") from error
            raise setup_failure(error, doing, self._identities.context(self._account)) from error


def _code(error: SetupError) -> str:
    """Return AWS's code of the failure that an error was made from."""
    return code_of(error.__cause__) if error.__cause__ is not None else ""
