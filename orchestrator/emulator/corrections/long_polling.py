"""Correct SQS's ReceiveMessage with ``WaitTimeSeconds``: a waiting receiver must not block the sender.

The emulator answers one request at a time, and moto waits up to 20 s within a request.
"""

from __future__ import annotations

from typing import Any

from flask import request
from moto.sqs.models import Queue

from orchestrator.emulator.request_lock import REQUEST_LOCK


def correct_long_polling() -> None:
    """Replace moto's method."""
    original = Queue.wait_for_messages

    def wait(self: Any, timeout: int) -> None:
        turn = request.environ[REQUEST_LOCK]
        turn.release()
        try:
            original(self, timeout)
        finally:
            turn.acquire()

    Queue.wait_for_messages = wait
