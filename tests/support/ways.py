"""A pytest plugin that says which ways there are: ``pytest --collect-only -p tests.support.ways tests/escapes``."""

from __future__ import annotations

import json

import pytest

PREFIX = "ways: "


def pytest_collection_finish(session: pytest.Session) -> None:
    """Print the ways of all tests that were collected, with item and person, as JSON on one line."""
    marked = [(marker, item) for item in session.items if (marker := item.get_closest_marker("way")) is not None]
    found = [
        (
            marker.args[0],
            marker.kwargs.get("item", ""),
            marker.kwargs.get("against", getattr(getattr(item, "module", None), "AGAINST", "")),
        )
        for marker, item in marked
    ]
    print(f"{PREFIX}{json.dumps(sorted(found))}")
