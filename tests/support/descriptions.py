"""Reads botocore's descriptions of AWS's services once in a process: the JSON of S3 alone costs 0.1 s of CPU."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import JSONFileLoader


def keep_descriptions() -> None:
    """Let every session of this process share what one has read.

    A client of S3 takes the bucket out of the paths of its operations, in the description that it was given: each
    reader gets its own operations.
    """
    read = cache(JSONFileLoader().load_file)

    def load_file(file_path: str) -> Any:
        found = read(file_path)
        if not isinstance(found, dict) or "operations" not in found:
            return found
        return {**found, "operations": {name: _own(it) for name, it in found["operations"].items()}}

    JSONFileLoader.load_file = staticmethod(load_file)  # type: ignore[method-assign, assignment]


def _own(operation: dict[str, Any]) -> dict[str, Any]:
    return {name: dict(value) if isinstance(value, dict) else value for name, value in operation.items()}
