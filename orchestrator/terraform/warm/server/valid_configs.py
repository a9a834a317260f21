"""The provider configurations that a provider has found valid.

The AWS provider verifies the definitions of all of its resource types whenever it is asked about its configuration.
That takes 0.34 CPU seconds (5.100.0), four fifths of its CPU time in a plan without changes. The answer depends on the
binary, the configuration and the environment alone, so the provider is asked once for each. What orch itself configures
is remembered between runs too.

The messages are those of tfplugin5.proto. ``PrepareProviderConfig.Request`` has the configuration in field 1, and
``PrepareProviderConfig.Response`` has the same configuration in field 1 and diagnostics in field 2. So the answer about
a valid configuration is the request itself.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from orchestrator.terraform.warm.server.package import PackageError, Verifier
from orchestrator.terraform.warm.server.process import Launch
from orchestrator.terraform.warm.server.schema import message_fields
from orchestrator.util.file_cache import FileCache

PREPARE = "/tfplugin5.Provider/PrepareProviderConfig"
_CONFIG = 1
_MSGPACK = 1
_OWN = frozenset({"allowed_account_ids", "default_tags", "profile", "region"})
"""What orch configures. Only this is remembered between runs: other arguments can be secrets."""
_KEYS = frozenset({"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})
_OF_RUN = frozenset({"AWS_CONFIG_FILE", "TF_CLI_CONFIG_FILE"})
"""Paths of a run's own files, which the provider reads when it is configured, not before."""
_MOST = 1000
"""Configurations to remember for each binary, 65 bytes each."""


class ValidConfigs:
    """Remembers which configurations are valid for which processes; thread-safe.

    Args:
        verifier: says which binary a process would run.
        cache: remembers them between runs, for as long as the binary is the same file.
    """

    def __init__(self, verifier: Verifier, cache: FileCache) -> None:
        self._verifier = verifier
        self._cache = cache
        self._lock = threading.Lock()
        self._valid: set[str] = set()
        self._asking: dict[str, threading.Lock] = {}

    def answer(self, launch: Launch, request: bytes, ask: Callable[[], bytes]) -> bytes:
        """Return the answer to a request.

        Args:
            launch: how the processes that could answer it are started.
            request: a ``PrepareProviderConfig.Request``.
            ask: asks one of them. What it raises is passed on.
        """
        config = _config(request)
        if config is None:
            return ask()
        digest = _digest(launch.key, _without_tag_values(config))
        with self._turn(digest):  # Units that start together ask about the same configuration.
            if digest in self._valid:
                return request
            binary = self._binary(launch) if _can_be_kept(launch, config) else None
            lasting = _lasting_digest(launch, config)
            if binary is not None and lasting in self._kept(binary):
                self._valid.add(digest)
                return request
            answer = ask()
            if _config(answer) == config:  # Without diagnostics.
                self._valid.add(digest)
                if binary is not None:
                    self._keep(binary, lasting)
        return answer

    def _turn(self, digest: str) -> threading.Lock:
        with self._lock:
            return self._asking.setdefault(digest, threading.Lock())

    def _binary(self, launch: Launch) -> Path | None:
        try:
            return self._verifier.verify(launch.package).binary
        except (PackageError, OSError):  # Whoever starts it says so.
            return None

    def _kept(self, binary: Path) -> list[str]:
        try:
            return (self._cache.read(binary, binary.stat()) or "").split()
        except OSError:
            return []

    def _keep(self, binary: Path, digest: str) -> None:
        """Remember a configuration. Another run that does so at the same moment can undo it, which costs time only."""
        with self._lock:
            try:
                found = binary.stat()
            except OSError:
                return
            kept = [*self._kept(binary), digest][-_MOST:]
            self._cache.write(binary, found, found, "\n".join(kept))


def _digest(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()


def _lasting_digest(launch: Launch, config: Any) -> str:
    """Return what has to be the same in another run: package, configuration, and variables for AWS and Terraform."""
    variables = {name: value for name, value in launch.environment.items() if name.startswith(("AWS_", "TF_"))}
    lasting = sorted((name, value) for name, value in variables.items() if name not in _OF_RUN)
    return _digest(launch.key.package, lasting, _without_tag_values(config))


def _can_be_kept(launch: Launch, config: Any) -> bool:
    used = {name for name, value in config.items() if value not in (None, [])} if isinstance(config, dict) else None
    return used is not None and used <= _OWN and not _KEYS & launch.environment.keys()


def _config(message: bytes) -> Any:  # A value of any type.
    """Return the configuration in a message that contains nothing else; None for any other message."""
    try:
        ((field, value),) = message_fields(message)
        ((encoding, data),) = message_fields(value)
        if (field, encoding) != (_CONFIG, _MSGPACK):
            return None
        return msgpack.unpackb(data, strict_map_key=False)
    except (ValueError, msgpack.UnpackException):
        return None


def _without_tag_values(config: Any) -> Any:
    """Return a configuration without its default tags, which the provider does not validate.

    Each unit has its own. A tag that is null or not known yet stays: it is another kind of value.
    """
    match config:
        case {"default_tags": [{"tags": dict(tags), **block}], **others} if _are_text(tags):
            return {**others, "default_tags": [block]}
    return config


def _are_text(tags: dict[Any, Any]) -> bool:
    return all(isinstance(each, str) for pair in tags.items() for each in pair)
