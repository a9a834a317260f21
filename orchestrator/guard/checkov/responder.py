"""Answers orch's requests about one policy, in the process of that policy."""

from __future__ import annotations

import json
import socket

from orchestrator.guard.checkov.engine import PolicyEngine
from orchestrator.guard.checkov.protocol import (
    DeclaredChecks,
    ProtocolError,
    receive_frame,
    reply_frame,
    send_frame,
)


class Responder:
    """The checks of one policy, behind the protocol."""

    def __init__(self) -> None:
        self._engine: PolicyEngine | None = None

    def reply(self, frame: bytes) -> bytes:
        """Return the reply to a frame. The first one has the source of the check, the others have resources."""
        request = json.loads(frame)
        if self._engine is not None:
            return reply_frame(self._engine.answer(request["request"], request["resources"]))
        return self._load(request["policy"], request["file"], request["source"].encode("latin-1"))

    def _load(self, policy: str, file: str, source: bytes) -> bytes:
        try:
            self._engine = PolicyEngine(policy, file, source)
            declared = DeclaredChecks(checks=tuple(self._engine.checks))
        except BaseException as error:  # noqa: BLE001 - a check file may raise anything, including SystemExit
            declared = DeclaredChecks(problem=f"{type(error).__name__}: {error}")
        return reply_frame(declared)


def serve_policy(sock: socket.socket) -> None:
    """Reply to every frame until the other side ends."""
    responder = Responder()
    while True:
        try:
            send_frame(sock, responder.reply(receive_frame(sock)))
        except ProtocolError:
            return
