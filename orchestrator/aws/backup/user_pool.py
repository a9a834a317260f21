"""Save a user pool to a file: settings, groups with members, and users, as far as Cognito returns them."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from orchestrator.util.files import atomic_file
from orchestrator.util.plural import plural

POOL_FORMAT = 1

WITHOUT = "no passwords, no MFA secrets and no sessions (Cognito does not return them); no app clients"
"""What a backup does not contain; shown wherever the backup is mentioned."""

_EVERY = 600
"""Number of users between two progress messages."""


@dataclass(frozen=True, slots=True)
class PoolBackup:
    """Numbers of users and groups that were saved."""

    users: int
    groups: int

    def __str__(self) -> str:
        return f"{plural(self.users, 'user')}, {plural(self.groups, 'group')} and the settings; {WITHOUT}"


def save_user_pool(client: Any, pool: str, file: Path, tell: Callable[[str], None]) -> PoolBackup:
    """Save a pool as gzipped JSON, written atomically to a private file.

    The JSON: ``{"format": 1, "kind": "user-pool", "pool", "at", "without", "settings", "mfa", "groups": [{…, "members":
    [username]}], "users": [{…}]}``, with Cognito's own names inside. Users are streamed: a pool can have millions.

    Args:
        client: botocore's ``cognito-idp`` client in the pool's account and region.
        pool: ID of the pool.
        file: where to save it; its folder is created.
        tell: called with the progress.

    Raises:
        botocore's exceptions: the pool cannot be read.
        OSError: the file cannot be written.
    """
    head = {
        "format": POOL_FORMAT,
        "kind": "user-pool",
        "pool": pool,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "without": WITHOUT,
        "settings": client.describe_user_pool(UserPoolId=pool)["UserPool"],
        "mfa": _plain(client.get_user_pool_mfa_config(UserPoolId=pool)),
        "groups": list(_groups(client, pool)),
    }
    number = 0
    with _private(file) as text:
        text.write(_json(head)[:-1] + ', "users": [')
        for user in _pages(client, "list_users", "Users", UserPoolId=pool):
            text.write((",\n" if number else "\n") + _json(user))
            number += 1
            if number % _EVERY == 0:
                tell(f"{plural(number, 'user')} saved")
        text.write("\n]}\n")
    return PoolBackup(users=number, groups=len(head["groups"]))


def _groups(client: Any, pool: str) -> Iterator[dict[str, Any]]:
    for group in _pages(client, "list_groups", "Groups", UserPoolId=pool):
        members = _pages(client, "list_users_in_group", "Users", UserPoolId=pool, GroupName=group["GroupName"])
        yield {**group, "members": [user["Username"] for user in members]}


def _pages(client: Any, call: str, key: str, **arguments: str) -> Iterator[Mapping[str, Any]]:
    for page in client.get_paginator(call).paginate(**arguments):
        yield from page[key]


@contextmanager
def _private(file: Path) -> Iterator[IO[str]]:
    """Open a gzipped text file, mode 0600, that takes its name when it is complete."""
    with (
        atomic_file(file) as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb") as zipped,
        io.TextIOWrapper(zipped, encoding="utf-8") as text,
    ):
        yield text


def _plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
