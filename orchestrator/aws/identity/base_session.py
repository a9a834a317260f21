"""The session that orch starts from: the user's own AWS configuration, or the entry user of the emulator."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import NoCredentialsError
from botocore.session import Session as BotocoreSession

from orchestrator.aws.causes import AwsFailure
from orchestrator.aws.endpoint import EmulatorEndpoint
from orchestrator.aws.errors import CallContext, setup_failure
from orchestrator.aws.identity.sessions import SessionFactory
from orchestrator.errors import SetupError


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """The owner of credentials according to STS: account ID and ARN."""

    account: str
    arn: str

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> CallerIdentity:
        """Create it from the response of GetCallerIdentity."""
        return cls(str(answer["Account"]), str(answer["Arn"]))

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, ``aws-us-gov``, …, as AWS says."""
        return self.arn.split(":")[1] or "aws"

    def is_role(self, account: str, name: str) -> bool:
        """Whether this is a session of a role. ``name`` can include a path, which session ARNs do not show."""
        kind, _, rest = self.arn.rpartition(":")[2].partition("/")
        return self.account == account and kind == "assumed-role" and rest.split("/")[0] == name.rsplit("/", 1)[-1]


class BaseSession:
    """A session that roles are assumed from. It authenticates once; a failure is final for the whole run.

    Args:
        factory: creates the session.
        profile: AWS profile to start from; None for the environment or the default profile.
        region: region of the first call.
        emulator: the running emulator; None for AWS.
    """

    def __init__(
        self, factory: SessionFactory, profile: str | None, region: str, emulator: EmulatorEndpoint | None
    ) -> None:
        self._factory = factory
        self._profile = profile
        self._region = region
        self._emulated = emulator is not None
        self._lock = threading.RLock()
        self._session: BotocoreSession | None = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._caller: CallerIdentity | SetupError | None = None

    def login_profile(self) -> str | None:
        """Return the profile that the user logs in to, the root of the ``source_profile`` chain; None without one."""
        if self._session is None or self._emulated:
            return self._profile
        name: str | None = self._profile
        try:
            name = self._session.get_config_variable("profile")
            profiles = self._session.full_config.get("profiles", {})
        except AwsFailure:  # the error message is about this unreadable configuration
            return name
        seen: set[str] = set()
        while name is not None and name not in seen and (source := profiles.get(name, {}).get("source_profile")):
            seen.add(name)
            name = source
        return name

    def ca_bundle(self) -> str | None:
        """Return the path of the CA bundle from AWS_CA_BUNDLE or the profile; None for the default."""
        with self._lock:
            bundle = self._opened().get_config_variable("ca_bundle")
        return str(bundle) if bundle else None

    def caller(self) -> CallerIdentity:
        """Return the identity that orch starts from.

        Raises:
            SetupError: no credentials, an expired login, a broken configuration, no network.
            ThrottledError: AWS still throttled the request after retries.
        """
        with self._lock:
            if self._caller is None:
                self._caller = self._ask()
            if isinstance(self._caller, SetupError):
                raise self._caller
            return self._caller

    def frozen(self) -> tuple[str, str, str | None]:
        """Return the current access key, secret key and token. The lock prevents two MFA prompts at the same time.

        Raises:
            SetupError: as `caller`.
        """
        with self._lock:
            try:
                credentials = self._opened().get_credentials()
                if credentials is None:
                    raise NoCredentialsError
                frozen = credentials.get_frozen_credentials()
            except AwsFailure as error:
                raise setup_failure(error, "log in to AWS", self._context()) from error
            return str(frozen.access_key), str(frozen.secret_key), frozen.token

    def client(self, service: str, region: str) -> Any:
        """Return a client of the session. All threads share one per service and region."""
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._opened().create_client(service, region_name=region)
            return self._clients[service, region]

    def _opened(self) -> BotocoreSession:
        if self._session is None:
            self._session = self._factory.base(self._profile, self._region)
        return self._session

    def _ask(self) -> CallerIdentity | SetupError:
        try:
            self.frozen()
            return CallerIdentity.of(self.client("sts", self._region).get_caller_identity())
        except AwsFailure as error:
            failure = setup_failure(error, "log in to AWS", self._context())
            if not isinstance(failure, SetupError):  # throttled: do not cache, a later call can succeed
                raise failure from error
            return failure
        except SetupError as error:
            return error

    def _context(self) -> CallContext:
        return CallContext(profile=self.login_profile(), emulator=self._emulated)
