"""The provider configurations that a provider has found valid in this run.

The AWS provider verifies the definitions of all of its resource types whenever it is asked about its configuration.
That takes 0.34 CPU seconds (5.100.0), four fifths of its CPU time in a plan without changes. The answer depends on the
binary, the configuration and the environment alone, so the provider is asked once for each.

The messages are those of tfplugin5.proto. ``PrepareProviderConfig.Request`` has the configuration in field 1, and
``PrepareProviderConfig.Response`` has the same configuration in field 1 and diagnostics in field 2. So the answer about
a valid configuration is the request itself.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any

import msgpack

from orchestrator.terraform.warm.server.process import PoolKey
from orchestrator.terraform.warm.server.schema import message_fields

PREPARE = "/tfplugin5.Provider/PrepareProviderConfig"
_CONFIG = 1
_MSGPACK = 1


class ValidConfigs:
    """Remembers which configurations are valid for which processes; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._valid: set[bytes] = set()
        self._asking: dict[bytes, threading.Lock] = {}

    def answer(self, key: PoolKey, request: bytes, ask: Callable[[], bytes]) -> bytes:
        """Return the answer to a request.

        Args:
            key: the processes that could answer it.
            request: a ``PrepareProviderConfig.Request``.
            ask: asks one of them. What it raises is passed on.
        """
        config = _config(request)
        if config is None:
            return ask()
        digest = _digest(key, config)
        with self._turn(digest):  # Units that start together ask about the same configuration.
            if digest in self._valid:
                return request
            answer = ask()
            if _config(answer) == config:  # Without diagnostics.
                self._valid.add(digest)
        return answer

    def _turn(self, digest: bytes) -> threading.Lock:
        with self._lock:
            return self._asking.setdefault(digest, threading.Lock())


def _digest(key: PoolKey, config: Any) -> bytes:
    return hashlib.sha256(repr((key, _without_tag_values(config))).encode()).digest()


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
