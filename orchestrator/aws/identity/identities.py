"""The identities that orch uses: the credentials it starts from, and the role it assumes in each account."""

from __future__ import annotations

import getpass
import os
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from botocore.session import Session as BotocoreSession

from orchestrator.aws.causes import AwsFailure, Cause, cause_of, message_of
from orchestrator.aws.endpoint import EmulatorEndpoint
from orchestrator.aws.errors import CallContext, setup_failure, translate
from orchestrator.aws.identity.base_session import BaseSession, CallerIdentity
from orchestrator.aws.identity.denied import denied_role_hint
from orchestrator.aws.identity.roles import AnyRole, BreakGlass, Role
from orchestrator.aws.identity.sessions import SessionFactory
from orchestrator.aws.key_prefix import keep_below
from orchestrator.config.catalogue import Account, Catalogue, has_baseline
from orchestrator.errors import OrchError, SetupError
from orchestrator.util.once_map import OnceMap

MARGIN = timedelta(minutes=5)
"""Credentials are refreshed before use when less than this remains."""
_BORROWED = timedelta(minutes=10)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary credentials of a role. ``expires`` is an aware datetime in UTC. The repr shows no secret."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    expires: datetime

    def left(self, now: datetime) -> timedelta:
        """Return the remaining time; negative after expiry."""
        return self.expires - now

    def for_botocore(self) -> dict[str, str | None]:
        """Return the metadata from which botocore creates refreshable credentials."""
        return {
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "token": self.session_token,
            "expiry_time": self.expires.isoformat(),
        }


class Identities:
    """Sessions, clients and credentials of every account and role. Thread-safe; lives as long as one run.

    Args:
        catalogue: the configuration, with the accounts and their roles.
        emulator: the running emulator; None for AWS.
        ask: prompts the user for an MFA code; default: on the terminal.
        clock: returns the current time as an aware datetime in UTC.
        session: the session name that AWS logs show; None: that of this user or CI run.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        emulator: EmulatorEndpoint | None,
        *,
        session: str | None = None,
        ask: Callable[[str], str] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.emulator = emulator
        self._catalogue = catalogue
        self._clock = clock
        self._factory = SessionFactory(emulator, ask)
        self._session_name = session or session_name(os.environ)
        # Lock order: building, then one of locks, then guard.
        self._building = threading.RLock()
        self._guard = threading.Lock()
        self._locks: defaultdict[tuple[str, AnyRole], threading.Lock] = defaultdict(threading.Lock)
        self._bases: dict[str | None, BaseSession] = {}
        self._credentials: dict[tuple[str, AnyRole], Credentials] = {}
        self._sessions: dict[tuple[str, AnyRole], BotocoreSession] = {}
        self._clients: dict[tuple[str, str, AnyRole, str], Any] = {}
        self._confirmed: OnceMap[tuple[str, AnyRole], CallerIdentity] = OnceMap()

    def account(self, account: Account | str) -> Account:
        """Return an account, given itself or its name in ``live/accounts``."""
        return account if isinstance(account, Account) else self._catalogue.accounts[account]

    def base(self, account: Account | str) -> BaseSession:
        """Return the session from which the roles of an account are assumed."""
        profile = self.account(account).profile if self.emulator is None else None
        with self._guard:
            if profile not in self._bases:
                self._bases[profile] = BaseSession(
                    self._factory, profile, self._catalogue.settings.region, self.emulator
                )
            return self._bases[profile]

    def credentials(self, account: Account | str, role: AnyRole, *, valid_for: timedelta = MARGIN) -> Credentials:
        """Return credentials of a role, from the cache while they are valid.

        Args:
            account: the account or its name.
            role: one of its roles.
            valid_for: refresh the credentials if less than this remains.

        Returns:
            the credentials; less than ``valid_for`` remains only if AWS issued a shorter session.

        Raises:
            SetupError: no credentials to start from, an expired login, the role cannot be assumed, no network.
            ThrottledError: AWS still throttled the request after retries.
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

    def session(self, account: Account | str, role: AnyRole) -> BotocoreSession:
        """Return a session of a role, which refreshes its credentials automatically.

        Raises:
            SetupError, ThrottledError: as `credentials`.
        """
        record = self.account(account)
        self.credentials(record, role)  # before taking the lock, so that accounts authenticate in parallel
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
        """Return a client of a role. All threads share one per service, account, role and region.

        Args:
            service: botocore's name of the service.
            account: the account or its name.
            role: one of its roles.
            region: default: the region of the account.

        Raises:
            SetupError, ThrottledError: as `credentials`.
        """
        record = self.account(account)
        session = self.session(record, role)
        key = (service, record.name, role, region or record.region)
        with self._building:  # creating a client is not thread-safe, using it is
            if key not in self._clients:
                client = self._clients[key] = session.create_client(service, region_name=key[3])
                if service == "s3":
                    accounts = (record, *self._catalogue.accounts.values())
                    keep_below(client, {each.state_bucket: each.state_prefix for each in accounts})
            return self._clients[key]

    def prepare(self, service: str, account: Account | str) -> None:
        """Load the description of a service as soon as AWS has said who the user is.

        It is 50 ms of work, for a thread of its own: the others wait for the roles then.
        """
        with suppress(OrchError):  # `credentials` reports it
            self.base(account).caller()
            self._factory.load(service)

    def confirm(self, account: Account | str, role: AnyRole) -> CallerIdentity:
        """Check, once per account and role, that the role's credentials belong to the account.

        Returns:
            the caller identity that STS reports.

        Raises:
            SetupError: the credentials belong to another account; or as `credentials`.
        """
        record = self.account(account)
        return self._confirmed.get((record.name, role), lambda: self._ask(record, role))

    def context(self, account: Account | str) -> CallContext:
        """Return what an error message about this account can name."""
        record = self.account(account)
        return CallContext(record.name, self.base(record).login_profile(), self.emulator is not None)

    def call(self, account: Account | str, doing: str, function: Callable[[], _T]) -> _T:
        """Run a function that calls AWS, and translate its failure.

        Args:
            account: the account that is called.
            doing: what the function does, phrased to follow "cannot".
            function: calls AWS.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the call failed; see `translate`.
        """
        try:
            return function()
        except AwsFailure as error:
            raise translate(error, doing, self.context(account)) from error

    def _ask(self, record: Account, role: AnyRole) -> CallerIdentity:
        try:
            caller = CallerIdentity.of(self.client("sts", record, role).get_caller_identity())
        except AwsFailure as error:
            raise setup_failure(error, f"confirm the ID of account {record.name}", self.context(record)) from error
        if caller.account != record.id:
            raise SetupError(
                f"the {role} role of account {record.name} is in account {caller.account}, expected {record.id} "
                f"({caller.arn})",
                where=record.at,
                hint=f"correct `id` in {record.at.file}, or use other AWS credentials",
            )
        return caller

    def _obtain(self, account: Account, role: AnyRole) -> Credentials:
        if not account.created:
            message = f"the AWS account {account.name} does not exist yet: its file has no `id`"
            hint = f"`orch bootstrap {account.name}` creates it and writes the id"
            raise SetupError(message, where=account.at, hint=hint)
        base = self.base(account)
        caller = base.caller()
        name = role.name_in(account)
        if caller.is_role(account.id, name) and not isinstance(role, BreakGlass):
            # CI already runs as the role. A role cannot assume itself unless its trust policy allows it.
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
                f"cannot {doing}: {arn} does not allow {caller.arn} to assume it ({message_of(error)})",
                hint=denied_role_hint(account, role, baseline=has_baseline(self._catalogue, account)),
            ) from error
        given = answer["Credentials"]
        return Credentials(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], given["Expiration"].astimezone(UTC)
        )

    def _borrow(self, base: BaseSession) -> Credentials:
        """Use the base credentials themselves. Botocore refreshes them, if it can, ten minutes before they expire."""
        access_key, secret_key, token = base.frozen()
        return Credentials(access_key, secret_key, token, self._clock() + _BORROWED)


def _administers(caller: CallerIdentity, account: Account) -> bool:
    """Whether the base identity can take the place of a bootstrap role that does not exist.

    A user who is logged in to the account itself (a single account without an organization) has no bootstrap role to
    assume. The other roles do not qualify, because the baseline manages them.
    """
    mine = [role.name_in(account) for role in Role if role is not Role.BOOTSTRAP]
    return caller.account == account.id and not any(caller.is_role(account.id, name) for name in mine)


def session_name(environ: Mapping[str, str]) -> str:
    """Return the session name that AWS logs show for orch.

    Args:
        environ: the environment, in which CI systems identify their runs.

    Returns:
        ``orch-`` and the CI run or the user's login name: at most 64 characters, only those that STS accepts.
    """
    runs: Iterable[str] = ("GITHUB_RUN_ID", "CI_PIPELINE_ID", "CODEBUILD_BUILD_ID", "BUILD_ID")
    who = next((f"ci-{environ[name]}" for name in runs if environ.get(name)), None)
    if who is None:
        try:
            who = getpass.getuser()
        except (OSError, KeyError):  # a container without an entry in passwd
            who = "unknown"
    return re.sub(r"[^\w+=,.@-]", "-", f"orch-{who}", flags=re.ASCII)[:64]
