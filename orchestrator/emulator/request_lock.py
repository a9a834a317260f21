"""Whose turn it is: requests are answered one after another."""

from __future__ import annotations

REQUEST_LOCK = "orchestrator.turn"
"""In a request's WSGI environment: the lock that it holds while it is answered. What only waits gives it back."""
