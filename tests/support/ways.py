"""A pytest plugin that says which ways there are: ``pytest --collect-only -p tests.support.ways tests/escapes``."""

from __future__ import annotations

import json

import pytest

PREFIX = "ways: "


def pytest_collection_finish(session: pytest.Session) -> None:
    """Print the ways of all tests that were collected, with their items, as JSON on one line."""
    markers = [marker for item in session.items if (marker := item.get_closest_marker("way")) is not None]
    found = [(marker.args[0], marker.kwargs.get("item", "")) for marker in markers]
    print(f"{PREFIX}{json.dumps(sorted(found))}")
