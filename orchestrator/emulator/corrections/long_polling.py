"""Corrects SQS's ReceiveMessage with ``WaitTimeSeconds``: who waits for a message keeps nobody from sending one.

The emulator answers one request at a time, and moto waits in the middle of it: up to 20 s in which nobody is answered.
"""

from __future__ import annotations

from typing import Any

from flask import request
from moto.sqs.models import Queue

from orchestrator.emulator.request_lock import REQUEST_LOCK


def correct_long_polling() -> None:
    """Put the corrected method in moto's place."""
    original = Queue.wait_for_messages

    def wait(self: Any, timeout: int) -> None:
        turn = request.environ[REQUEST_LOCK]
        turn.release()
        try:
            original(self, timeout)
        finally:
            turn.acquire()

    Queue.wait_for_messages = wait
