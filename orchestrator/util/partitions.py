"""Which partition of AWS a region is in: ``aws``, ``aws-cn`` and others, and those to come; and its host names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

_NEWER = {r"^eusc\-(de)\-\w+\-\d+$": "aws-eusc"}
"""Partitions that the oldest botocore that orch works with does not know, as later versions of its data have them."""

_NEWER_SUFFIXES = {"aws-eusc": "amazonaws.eu"}

_DEFAULT = "aws"


def partition_of(region: str) -> str:
    """Return the partition that a region is in, by the data of botocore (``partitions.json``).

    A region that is in no partition counts as ``aws``, as in botocore: it is newer than the data.
    """
    found = (name for pattern, name in (*_patterns(), *_NEWER.items()) if re.match(pattern, region))
    return next(found, _DEFAULT)


def dns_suffix_of(region: str) -> str:
    """Return what the names of hosts of a region end with, without the first dot, by the data of botocore."""
    suffixes = {each["id"]: each["outputs"]["dnsSuffix"] for each in _partitions()}
    return str({**_NEWER_SUFFIXES, **suffixes}[partition_of(region)])


@cache
def _partitions() -> tuple[dict[str, Any], ...]:
    data = json.loads(files("botocore").joinpath("data", "partitions.json").read_text(encoding="utf-8"))
    return tuple(data["partitions"])


@cache
def _patterns() -> tuple[tuple[str, str], ...]:
    return tuple(_in_order(_partitions()))


def _in_order(partitions: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield pattern and name: first the regions that are listed, which the pattern of another could match, too."""
    for each in partitions:
        regions = each["regions"]
        if isinstance(regions, dict):
            yield from ((f"^{re.escape(region)}$", str(each["id"])) for region in regions)
    yield from ((str(each["regionRegex"]), str(each["id"])) for each in partitions)
