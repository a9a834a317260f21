"""Which partition of AWS a region is in: ``aws``, ``aws-cn``, ``aws-us-gov`` and those to come."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

_NEWER = {r"^eusc\-(de)\-\w+\-\d+$": "aws-eusc"}
"""Partitions that the oldest botocore that orch works with does not know, as later versions of its data have them."""

_DEFAULT = "aws"


def partition_of(region: str) -> str:
    """Return the partition that a region is in, by the data of botocore (``partitions.json``).

    A region that is in no partition counts as ``aws``, as in botocore: it is newer than the data.
    """
    found = (name for pattern, name in (*_patterns(), *_NEWER.items()) if re.match(pattern, region))
    return next(found, _DEFAULT)


@cache
def _patterns() -> tuple[tuple[str, str], ...]:
    data = json.loads(files("botocore").joinpath("data", "partitions.json").read_text(encoding="utf-8"))
    return tuple(_in_order(data["partitions"]))


def _in_order(partitions: list[dict[str, object]]) -> Iterator[tuple[str, str]]:
    """Yield pattern and name: first the regions that are listed, which the pattern of another could match, too."""
    for each in partitions:
        regions = each["regions"]
        if isinstance(regions, dict):
            yield from ((f"^{re.escape(region)}$", str(each["id"])) for region in regions)
    yield from ((str(each["regionRegex"]), str(each["id"])) for each in partitions)
