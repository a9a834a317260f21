"""The lock that makes the emulator answer one request after another."""

from __future__ import annotations

REQUEST_LOCK = "orchestrator.turn"
"""Key in a request's WSGI environment: the lock that it holds. Code that waits for something releases it meanwhile."""
