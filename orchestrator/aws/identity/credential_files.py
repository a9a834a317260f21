"""Give child processes the credentials of a role, through an AWS configuration file for each role.

A saved plan contains its provider configuration, so the same root must plan under one role and apply under another. It
names only the profile ``orch-ACCOUNT``. The configuration file that a child process receives defines that profile: a
``credential_process`` that prints a file which orch keeps fresh while it runs.
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
"""Credentials are refreshed this long before they expire, but not before half of their lifetime has passed."""
_RETRY = timedelta(seconds=20)
_WAIT_SECONDS = (0.2, 60.0)
"""Shortest and longest sleep of the refresh thread."""


class CredentialFiles:
    """The configuration and credential files of one run. Use it as a context manager, or `close` it.

    Args:
        folder: parent of one folder (mode 0700) per role; `close` removes those.
        catalogue: the configuration; each of its accounts becomes a profile.
        identities: provides the credentials.
        notify: called when credentials cannot be refreshed while a child process may still need them.
        clock: returns the current time as an aware datetime in UTC.
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
        """Return the variables that a child process needs to act under a role. See also `child_environment`.

        Args:
            role: the role.
            accounts: names of the accounts whose profiles the child uses; their credentials are fetched now.

        Returns:
            variables to set; the process must not have other ``AWS_`` variables.

        Raises:
            SetupError: credentials are not available or belong to another account, or an AWS configuration file cannot
                contain the path of the folder.
            ThrottledError: AWS still throttled the request after retries.
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
        """Return the complete environment of a child process that acts under a role.

        Args:
            base: the environment to start from. Its ``AWS_`` variables are dropped, except certificates and, outside
                the emulator, endpoints and their variants.
            role: the role.
            accounts: names of the accounts whose profiles the child uses.

        Returns:
            a new environment.

        Raises:
            SetupError, ThrottledError: as `environment`.
        """
        emulated = self._identities.emulator is not None
        return {**clean_environment(base, emulated=emulated), **self.environment(role, accounts)}

    def close(self) -> None:
        """Stop refreshing and remove every file. Can be called twice."""
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
            with suppress(OSError):  # not empty: the folder contains other files
                self._folder.rmdir()
            self._configured.clear()

    def _provide(self, role: AnyRole, account: str) -> None:
        """Write an account's credentials if they are missing or due for a refresh."""
        with self._lock:
            due = self._due.get((role, account))
        if due is not None and self._clock() < due:
            return
        self._identities.confirm(account, role)  # no child receives credentials of a wrong account
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
        """Run the refresh thread: sleep until the next credentials are due, refresh them, until `close`."""
        while not self._closed:
            self._wake.wait(self._until_next())
            self._wake.clear()
            now = self._clock()
            with self._lock:
                due = [key for key, at in self._due.items() if at <= now]
            for role, account in due:
                self._refresh_one(role, account)

    def _until_next(self) -> float:
        with self._lock:
            next_at = min(self._due.values(), default=None)
        shortest, longest = _WAIT_SECONDS
        if next_at is None:
            return longest
        return min(max((next_at - self._clock()).total_seconds(), shortest), longest)

    def _refresh_one(self, role: AnyRole, account: str) -> None:
        try:
            self._provide(role, account)
        except OrchError as error:
            with self._lock:
                if not self._closed:
                    self._due[role, account] = self._clock() + _RETRY
            self._notify(error)
