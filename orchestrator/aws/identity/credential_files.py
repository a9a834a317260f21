"""One AWS configuration file for each phase: the same plain root plans under one role and applies under another.

A saved plan keeps its provider configuration. So roots name the profile ``orch-ACCOUNT`` and nothing else, and what
that profile means is said by the configuration file that a child process is given: a ``credential_process`` that prints
a file which the running orch keeps fresh.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from orchestrator.aws.identity.identities import Credentials, Identities
from orchestrator.aws.identity.profiles import (
    clean_environment,
    emulator_variables,
    process_document,
    profile_config,
    write_identity_file,
)
from orchestrator.aws.identity.roles import AnyRole
from orchestrator.config.catalogue import Catalogue
from orchestrator.errors import OrchError

RENEW_BEFORE = timedelta(minutes=15)
"""How long before their end credentials are renewed; after half of their life if they last less than twice as long."""
_RETRY = timedelta(seconds=20)
_WAIT_SECONDS = (0.2, 60.0)
"""Shortest and longest sleep of the refresher."""


class CredentialFiles:
    """The configuration and credential files of one run; use as a context manager, or `close` it.

    Args:
        folder: where the files go, in one folder of mode 0700 for each role; `close` removes those.
        catalogue: every account of it becomes a profile.
        identities: gives the credentials.
        notify: told when credentials cannot be renewed while a child may still need them.
        clock: the current time, aware, UTC.
    """

    def __init__(
        self,
        folder: Path,
        catalogue: Catalogue,
        identities: Identities,
        *,
        notify: Callable[[OrchError], None] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder.resolve()
        self._catalogue = catalogue
        self._identities = identities
        self._notify = notify or (lambda _: None)
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[tuple[AnyRole, str], datetime] = {}
        self._configured: set[AnyRole] = set()
        self._taken: set[AnyRole] = set()
        self._wake = threading.Event()
        self._closed = False
        self._refresher: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def environment(self, role: AnyRole, accounts: Iterable[str]) -> dict[str, str]:
        """The variables that a child process needs to act under a role; `child_environment` for the whole of it.

        Args:
            role: role of the phase.
            accounts: names of the accounts whose profiles the child uses; their credentials are fetched now.

        Returns:
            variables to set; the process must not have other ``AWS_`` variables.

        Raises:
            SetupError: credentials cannot be had or are another account's, or the folder's name does not fit into an
                AWS configuration file.
            ThrottledError: AWS asked to slow down, after retries.
        """
        names = sorted(set(accounts))
        for name in names:
            self._provide(role, name)
        config = self._config(role)
        self._watch()
        variables = {
            "AWS_CONFIG_FILE": str(config),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        }
        if self._identities.emulator is not None:
            variables |= emulator_variables(self._identities.emulator.url)
        elif bundle := next(filter(None, (self._identities.base(name).ca_bundle() for name in names)), None):
            variables["AWS_CA_BUNDLE"] = bundle  # the user's profile may set it, and children do not see that profile
        return variables

    def child_environment(self, base: Mapping[str, str], role: AnyRole, accounts: Iterable[str]) -> dict[str, str]:
        """A whole environment for a child process.

        Args:
            base: the environment to start from; its ``AWS_`` variables are dropped, but for certificates and, outside
                the emulator, endpoints and address variants.
            role: role of the phase.
            accounts: names of the accounts whose profiles the child uses.

        Returns:
            a new environment.

        Raises:
            SetupError, ThrottledError: as `environment`.
        """
        emulated = self._identities.emulator is not None
        return {**clean_environment(base, emulated=emulated), **self.environment(role, accounts)}

    def close(self) -> None:
        """Stop renewing and remove every file. Safe to call twice."""
        with self._lock:
            self._closed = True
            refresher, self._refresher = self._refresher, None
            self._due.clear()
        self._wake.set()
        if refresher is not None and refresher is not threading.current_thread():
            refresher.join(timeout=5)
        with self._lock:
            for role in self._taken:
                shutil.rmtree(self._folder / role.value, ignore_errors=True)
            with suppress(OSError):  # not empty: others keep files beside ours
                self._folder.rmdir()
            self._configured.clear()

    def _provide(self, role: AnyRole, account: str) -> None:
        """Write an account's credentials if they are not there or should be renewed."""
        with self._lock:
            due = self._due.get((role, account))
        if due is not None and self._clock() < due:
            return
        self._identities.confirm(account, role)  # the right account or none: no child gets anything before
        credentials = self._identities.credentials(account, role, valid_for=RENEW_BEFORE)
        self._store(role, account, credentials)

    def _store(self, role: AnyRole, account: str, credentials: Credentials) -> None:
        with self._lock:
            if self._closed:
                return
            self._taken.add(role)
            write_identity_file(self._file(role, account), process_document(credentials))
            now = self._clock()
            left = credentials.left(now)
            self._due[role, account] = now + max(left - RENEW_BEFORE, left * 0.5)

    def _file(self, role: AnyRole, account: str) -> Path:
        return self._folder / role.value / f"{account}.json"

    def _config(self, role: AnyRole) -> Path:
        config = self._folder / role.value / "aws.config"
        with self._lock:
            if role not in self._configured and not self._closed:
                accounts = self._catalogue.accounts.values()
                self._taken.add(role)
                text = profile_config({a.name: (a.region, self._file(role, a.name)) for a in accounts})
                write_identity_file(config, text)
                self._configured.add(role)
        return config

    def _watch(self) -> None:
        with self._lock:
            if self._refresher is None and not self._closed:
                self._refresher = threading.Thread(target=self._refresh, name="orch-credentials", daemon=True)
                self._refresher.start()
        self._wake.set()

    def _refresh(self) -> None:
        """The refresher's life: sleep until the next credentials are due, renew them, until `close`."""
        while not self._closed:
            self._wake.wait(self._until_next())
            self._wake.clear()
            now = self._clock()
            with self._lock:
                due = [key for key, at in self._due.items() if at <= now]
            for role, account in due:
                self._renew(role, account)

    def _until_next(self) -> float:
        with self._lock:
            next_at = min(self._due.values(), default=None)
        shortest, longest = _WAIT_SECONDS
        if next_at is None:
            return longest
        return min(max((next_at - self._clock()).total_seconds(), shortest), longest)

    def _renew(self, role: AnyRole, account: str) -> None:
        try:
            self._provide(role, account)
        except OrchError as error:
            with self._lock:
                if not self._closed:
                    self._due[role, account] = self._clock() + _RETRY
            self._notify(error)
