"""Reads botocore's descriptions of AWS's services once in a process: the JSON of S3 alone costs 0.1 s of CPU."""

from __future__ import annotations

from functools import cache

from botocore.loaders import JSONFileLoader


def keep_descriptions() -> None:
    """Let every session of this process share what one has read."""
    JSONFileLoader.load_file = staticmethod(cache(JSONFileLoader().load_file))  # type: ignore[method-assign]
