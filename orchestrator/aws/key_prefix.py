"""Keeps everything that orch stores in a state bucket below ``state.prefix``.

The rest of orch names objects without the prefix. Clients of S3 add it to the keys of each request to a state bucket
and remove it from the keys of each answer. So no call can forget it, and a bucket without a prefix is the common case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PARAMETERS = ("Key", "Prefix", "KeyMarker", "StartAfter")
_ANSWERS = ("Key", "Prefix", "KeyMarker", "NextKeyMarker", "StartAfter")
_LISTS = ("Contents", "CommonPrefixes", "Versions", "DeleteMarkers", "Deleted", "Errors")
_CONTEXT = "orch_prefix"
_LISTINGS = frozenset({"ListObjectsV2", "ListObjectVersions"})


def keep_below(client: Any, prefixes: Mapping[str, str]) -> None:
    """Let a client of S3 work below a prefix in some buckets.

    Args:
        client: a client of botocore.
        prefixes: bucket -> prefix of its keys, which ends with ``/``.
    """

    def add(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if prefix := prefixes.get(str(params.get("Bucket")), ""):
            context[_CONTEXT] = prefix
            _add(params, prefix, listing=model.name in _LISTINGS)

    def remove(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        if prefix := context.get(_CONTEXT, ""):
            _remove(parsed, prefix)

    client.meta.events.register("before-parameter-build.s3", add)
    client.meta.events.register("after-call.s3", remove)


def _add(params: dict[str, Any], prefix: str, *, listing: bool) -> None:
    if listing:
        params.setdefault("Prefix", "")
    for name in _PARAMETERS:
        if name in params:
            params[name] = prefix + params[name]
    if "Delete" in params:
        objects = [{**each, "Key": prefix + each["Key"]} for each in params["Delete"]["Objects"]]
        params["Delete"] = {**params["Delete"], "Objects": objects}


def _remove(parsed: dict[str, Any], prefix: str) -> None:
    for entry in (parsed, *(each for name in _LISTS for each in parsed.get(name, ()))):
        for name in _ANSWERS:
            if name in entry:
                entry[name] = entry[name].removeprefix(prefix)
