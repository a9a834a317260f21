"""Create botocore sessions: one that follows the user's credential chain, and one for each role of an account.

Sessions for the emulator ignore the user's AWS configuration; sessions for AWS know nothing of the emulator.
"""

from __future__ import annotations

import copy
import getpass
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.credentials import (
    AssumeRoleProvider,
    CanonicalNameCredentialSourcer,
    ContainerProvider,
    CredentialProvider,
    CredentialResolver,
    EnvProvider,
    InstanceMetadataProvider,
    ProfileProviderBuilder,
    RefreshableCredentials,
    create_credential_resolver,
)
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import Loader, create_loader
from botocore.session import Session as BotocoreSession

from orchestrator.aws.endpoint import EmulatorEndpoint
from orchestrator.errors import SetupError

# Standard mode retries throttling, 5xx and lost connections with a backoff of at most 20 s. Four retries end within a
# minute, so that a missing network is reported soon.
_RETRIES: dict[str, Any] = {"mode": "standard", "total_max_attempts": 5}
_CONNECT_SECONDS = 5
_READ_SECONDS = 30
_POOL = 32
_FAKE_HOME: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


@cache
def _builtin_handlers() -> HierarchicalEmitter:
    """Return botocore's own handlers of events, registered: for each session it would inspect all of them anew."""
    events = HierarchicalEmitter()
    BotocoreSession(event_hooks=events)
    return events


@cache
def _loader(data_path: str | None) -> Loader:
    """Return what reads service descriptions; it looks through the folders of all services once."""
    return create_loader(data_path)


class _Session(BotocoreSession):
    """A botocore session that is made in a tenth of the time."""

    def __init__(self, **given: Any) -> None:
        super().__init__(event_hooks=copy.copy(_builtin_handlers()), include_builtin_handlers=False, **given)


class _EmulatorSession(_Session):
    """A botocore session whose clients all use one URL."""

    def __init__(self, url: str) -> None:
        super().__init__(session_vars=_FAKE_HOME)
        self._url = url

    def create_client(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["endpoint_url"] = kwargs.get("endpoint_url") or self._url
        return super().create_client(*args, **kwargs)


class _RoleProvider(CredentialProvider):
    """The only credential provider of a role's session: it reads the cache of `Identities`."""

    METHOD = "orch"
    CANONICAL_NAME = "orch"

    def __init__(self, fetch: Callable[[], dict[str, str | None]], margin: int) -> None:
        super().__init__()
        self._fetch = fetch
        self._margin = margin

    def load(self) -> RefreshableCredentials:
        return RefreshableCredentials.create_from_metadata(
            self._fetch(),
            refresh_using=self._fetch,
            method=self.METHOD,
            advisory_timeout=self._margin,
            mandatory_timeout=self._margin,
        )


def client_config(emulator: EmulatorEndpoint | None) -> Config:
    """Return the timeouts and retries of every client.

    Args:
        emulator: the running emulator; None for AWS.

    Returns:
        botocore's configuration; for the emulator without proxies and endpoint variants, which cannot reach loopback.
    """
    config = Config(
        retries=_RETRIES,  # type: ignore[arg-type]  # total_max_attempts is missing in the stubs
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        max_pool_connections=_POOL,
    )
    if emulator is None:
        return config
    return config.merge(Config(proxies={}, use_fips_endpoint=False, use_dualstack_endpoint=False))


class SessionFactory:
    """Creates sessions that share the parsed service descriptions, which are expensive to load.

    Args:
        emulator: the running emulator; None for AWS.
        ask: prompts the user for an MFA code; called at most once for each role that requires MFA.
    """

    def __init__(self, emulator: EmulatorEndpoint | None, ask: Callable[[str], str] | None = None) -> None:
        self._emulator = emulator
        self._ask = ask or ask_on_terminal
        self._loader: Loader | None = None
        self._assumed: dict[str, Any] = {}
        self._lock = threading.Lock()

    def base(self, profile: str | None, region: str) -> BotocoreSession:
        """Return a session with the credentials that orch starts from.

        Args:
            profile: AWS profile to start from; None for AWS_PROFILE, the environment or the default profile.
            region: region of STS when the credential chain itself assumes a role.

        Returns:
            the session: the emulator's entry user, or the standard credential chain of the AWS SDKs.
        """
        session = self._bare(profile)
        if self._emulator is not None:
            session.set_credentials(self._emulator.access_key, self._emulator.secret_key)
            return session
        session.register_component("credential_provider", self._chain(session, region))
        return session

    def role(
        self, profile: str | None, region: str, fetch: Callable[[], dict[str, str | None]], margin: int
    ) -> BotocoreSession:
        """Return a session of a role, which refreshes its credentials automatically.

        boto3's session would import 70 more modules, for methods that orch does not use.

        Args:
            profile: AWS profile whose other settings (certificates, proxies) apply.
            region: default region of its clients.
            fetch: returns fresh credentials in botocore's format.
            margin: seconds before expiry at which credentials are refreshed.
        """
        session = self._bare(profile)
        session.register_component("credential_provider", CredentialResolver([_RoleProvider(fetch, margin)]))
        session.set_config_variable("region", region)
        return session

    def load(self, service: str) -> None:
        """Load the description of a service, which all sessions share; does nothing before the first session."""
        with self._lock:
            loader = self._loader
        if loader is not None:
            for kind in ("service-2", "endpoint-rule-set-1", "paginators-1"):
                loader.load_service_model(service, kind)

    def _bare(self, profile: str | None) -> BotocoreSession:
        if self._emulator is not None:
            session: BotocoreSession = _EmulatorSession(self._emulator.url)
        else:
            session = _Session(profile=profile) if profile else _Session()
        # The global endpoint of STS is in one distant region, and its tokens do not work in opt-in regions.
        session.set_config_variable("sts_regional_endpoints", "regional")
        session.set_default_client_config(client_config(self._emulator))
        with self._lock:
            if self._loader is None:
                self._loader = _loader(session.get_config_variable("data_path"))
        session.register_component("data_loader", self._loader)
        return session

    def _chain(self, session: BotocoreSession, region: str) -> CredentialResolver:
        """Return botocore's own chain with one change: MFA prompts go through orch, and all profiles share them."""
        resolver = create_credential_resolver(session, cache=self._assumed, region_name=region)
        sources = [p for p in resolver.providers if isinstance(p, ContainerProvider | InstanceMetadataProvider)]
        ours = AssumeRoleProvider(
            load_config=lambda: session.full_config,
            client_creator=lambda name, **kwargs: session.create_client(name, **{"region_name": region, **kwargs}),
            cache=self._assumed,
            profile_name=session.get_config_variable("profile") or "default",
            prompter=self._ask,
            credential_sourcer=CanonicalNameCredentialSourcer([EnvProvider(), *sources]),
            profile_provider_builder=ProfileProviderBuilder(session, cache=self._assumed, region_name=region),
        )
        resolver.providers = [ours if isinstance(p, AssumeRoleProvider) else p for p in resolver.providers]
        return resolver


def ask_on_terminal(prompt: str) -> str:
    """Prompt for an MFA code on the terminal without echoing it.

    Args:
        prompt: botocore's prompt, which names the device.

    Returns:
        the code.

    Raises:
        SetupError: there is no terminal to ask on.
    """
    if not _has_terminal():
        raise SetupError(
            f"{prompt.strip().rstrip(':')}: there is no terminal to ask on",
            hint="run the command in a terminal; in CI, use credentials without MFA (OIDC)",
        )
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise SetupError("no MFA code entered") from None


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return sys.stdin.isatty()
    return True
