"""Who orch is in each account: the base identity of the person or the CI, and the role it takes for each phase."""

from __future__ import annotations

import getpass
import os
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from orchestrator.aws.causes import AwsFailure, Cause, cause_of, message_of
from orchestrator.aws.endpoint import EmulatorEndpoint
from orchestrator.aws.errors import CallContext, setup_failure
from orchestrator.aws.identity.base_session import BaseSession, CallerIdentity
from orchestrator.aws.identity.roles import AnyRole, BreakGlass, Role
from orchestrator.aws.identity.sessions import SessionFactory
from orchestrator.config.catalogue import Account, Catalogue
from orchestrator.errors import SetupError
from orchestrator.util.once_map import Once

MARGIN = timedelta(minutes=5)
"""Credentials with less than this left are renewed before they are handed out."""
_BORROWED = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary credentials of a role. ``expires``: aware, UTC. Their text form shows no secret."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    expires: datetime

    def left(self, now: datetime) -> timedelta:
        """Time until they end; negative afterwards."""
        return self.expires - now

    def for_botocore(self) -> dict[str, str | None]:
        """The form in which botocore takes refreshable credentials."""
        return {
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "token": self.session_token,
            "expiry_time": self.expires.isoformat(),
        }


class Identities:
    """Sessions, clients and credentials of every account and role; thread-safe, for the length of one run.

    Args:
        catalogue: names the accounts and their roles.
        emulator: the running emulator, or None for AWS.
        ask: asks a person for an MFA code; default: on the terminal.
        clock: the current time, aware, UTC.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        emulator: EmulatorEndpoint | None,
        *,
        ask: Callable[[str], str] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.emulator = emulator
        self._catalogue = catalogue
        self._clock = clock
        self._factory = SessionFactory(emulator, ask)
        self._session_name = session_name(os.environ)
        # Taken in this order and never the other way: building, then one of locks, then guard.
        self._building = threading.RLock()
        self._guard = threading.Lock()
        self._locks: defaultdict[tuple[str, AnyRole], threading.Lock] = defaultdict(threading.Lock)
        self._bases: dict[str | None, BaseSession] = {}
        self._credentials: dict[tuple[str, AnyRole], Credentials] = {}
        self._sessions: dict[tuple[str, AnyRole], boto3.Session] = {}
        self._clients: dict[tuple[str, str, AnyRole, str], Any] = {}
        self._confirmed: Once[tuple[str, AnyRole], CallerIdentity] = Once()

    def account(self, account: Account | str) -> Account:
        """The account's record, given itself or its name in ``live/accounts``."""
        return account if isinstance(account, Account) else self._catalogue.accounts[account]

    def base(self, account: Account | str) -> BaseSession:
        """The identity that the roles of an account are assumed from, before any role is assumed."""
        profile = self.account(account).profile if self.emulator is None else None
        with self._guard:
            if profile not in self._bases:
                self._bases[profile] = BaseSession(
                    self._factory, profile, self._catalogue.settings.region, self.emulator
                )
            return self._bases[profile]

    def credentials(self, account: Account | str, role: AnyRole, *, valid_for: timedelta = MARGIN) -> Credentials:
        """Credentials of a role, from the cache while they last.

        Args:
            account: the account or its name.
            role: which of its roles.
            valid_for: what they must have left, else they are renewed.

        Returns:
            credentials; with less left only if AWS gave no longer ones.

        Raises:
            SetupError: no credentials to start from, an expired login, the role cannot be assumed, no network.
            ThrottledError: AWS asked to slow down, after retries.
        """
        record = self.account(account)
        key = (record.name, role)
        with self._guard:
            lock = self._locks[key]
        with lock:
            cached = self._credentials.get(key)
            if cached is None or cached.left(self._clock()) < valid_for:
                cached = self._credentials[key] = self._obtain(record, role)
            return cached

    def session(self, account: Account | str, role: AnyRole) -> boto3.Session:
        """A boto3 session of a role; its credentials renew themselves.

        Raises:
            SetupError, ThrottledError: as `credentials`.
        """
        record = self.account(account)
        self.credentials(record, role)  # outside the lock: accounts wait for AWS side by side
        with self._building:
            key = (record.name, role)
            if key not in self._sessions:
                profile = record.profile if self.emulator is None else None
                self._sessions[key] = self._factory.role(
                    profile,
                    record.region,
                    lambda: self.credentials(record, role).for_botocore(),
                    int(MARGIN.total_seconds()),
                )
            return self._sessions[key]

    def client(self, service: str, account: Account | str, role: AnyRole, *, region: str | None = None) -> Any:
        """A boto3 client of a role; one for each service, account, role and region, shared by all threads.

        Args:
            service: boto3's name of the service.
            account: the account or its name.
            role: which of its roles.
            region: default: the account's.

        Raises:
            SetupError, ThrottledError: as `credentials`.
        """
        record = self.account(account)
        session = self.session(record, role)
        key = (service, record.name, role, region or record.region)
        with self._building:  # making a client is not thread-safe, using it is
            if key not in self._clients:
                self._clients[key] = session.client(service, region_name=key[3])  # type: ignore[call-overload]
            return self._clients[key]

    def confirm(self, account: Account | str, role: AnyRole) -> CallerIdentity:
        """Make sure, once for each account and role, that the role's credentials belong to that account.

        Returns:
            who STS says that orch is.

        Raises:
            SetupError: STS names another account; or as `credentials`.
        """
        record = self.account(account)
        return self._confirmed.get((record.name, role), lambda: self._ask(record, role))

    def context(self, account: Account | str) -> CallContext:
        """What an error about this account may name."""
        record = self.account(account)
        return CallContext(record.name, self.base(record).login_profile(), self.emulator is not None)

    def _ask(self, record: Account, role: AnyRole) -> CallerIdentity:
        try:
            caller = CallerIdentity.of(self.client("sts", record, role).get_caller_identity())
        except AwsFailure as error:
            raise setup_failure(error, f"confirm the id of account {record.name}", self.context(record)) from error
        if caller.account != record.id:
            raise SetupError(
                f"the {role} role of account {record.name} is in {caller.account}, wanted {record.id} ({caller.arn})",
                where=record.at,
                hint=f"correct `id` in {record.at.file}, or the credentials that orch starts from",
            )
        return caller

    def _obtain(self, account: Account, role: AnyRole) -> Credentials:
        base = self.base(account)
        caller = base.caller()
        name = role.name_in(account)
        if caller.is_role(account.id, name) and not isinstance(role, BreakGlass):
            # CI that runs as the role: a role may not assume itself unless its trust policy says so.
            return self._borrow(base)
        arn = f"arn:{caller.partition}:iam::{account.id}:role/{name}"
        doing = f"assume the {role} role of account {account.name}"
        tags: dict[str, Any] = {"Tags": role.tags} if isinstance(role, BreakGlass) else {}
        try:
            answer = base.client("sts", account.region).assume_role(
                RoleArn=arn, RoleSessionName=self._session_name, **tags
            )
        except AwsFailure as error:
            if cause_of(error) is not Cause.DENIED:
                raise setup_failure(error, doing, self.context(account)) from error
            if role is Role.BOOTSTRAP and _administers(caller, account):
                return self._borrow(base)
            raise SetupError(
                f"cannot {doing}: {arn} does not let {caller.arn} in ({message_of(error)})",
                hint=_hint(account, role),
            ) from error
        given = answer["Credentials"]
        return Credentials(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], given["Expiration"].astimezone(UTC)
        )

    def _borrow(self, base: BaseSession) -> Credentials:
        """The base's own credentials. Botocore renews them at least ten minutes before they end, if they can be."""
        access_key, secret_key, token = base.frozen()
        return Credentials(access_key, secret_key, token, self._clock() + _BORROWED)


def _administers(caller: CallerIdentity, account: Account) -> bool:
    """Whether the base identity may stand in for a bootstrap role that is not there.

    A person who is logged in to the account itself (one account, no organisation) has no bootstrap role to assume.
    The other roles are never taken for it: the baseline changes them.
    """
    mine = [role.name_in(account) for role in Role if role is not Role.BOOTSTRAP]
    return caller.account == account.id and not any(caller.is_role(account.id, name) for name in mine)


def _hint(account: Account, role: AnyRole) -> str:
    if "ORCH_CREDENTIALS" in os.environ:
        return "this shell has the environment of `orch credentials`: run orch in another one"
    if role is Role.BOOTSTRAP:
        return "the role must exist and trust you; `roles.bootstrap` in live/orch.yaml names it"
    made = f"`orch bootstrap {account.name}` makes the role and its trust"
    if isinstance(role, BreakGlass):
        return f"{made}; whoever takes it needs sts:TagSession as well as sts:AssumeRole"
    return made


def session_name(environ: Mapping[str, str]) -> str:
    """The name under which AWS's logs show orch's sessions.

    Args:
        environ: the environment; CI systems name their runs there.

    Returns:
        ``orch-`` and the CI's run or the person's login name, in the letters that STS takes, at most 64.
    """
    runs: Iterable[str] = ("GITHUB_RUN_ID", "CI_PIPELINE_ID", "CODEBUILD_BUILD_ID", "BUILD_ID")
    who = next((f"ci-{environ[name]}" for name in runs if environ.get(name)), None)
    if who is None:
        try:
            who = getpass.getuser()
        except (OSError, KeyError):  # a container without an entry in passwd
            who = "unknown"
    return re.sub(r"[^\w+=,.@-]", "-", f"orch-{who}", flags=re.ASCII)[:64]
