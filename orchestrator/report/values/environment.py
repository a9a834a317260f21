"""Finds secrets in environment variables, the only values that are hidden although Terraform does not mark them.

Environment variables often hold secrets as plain values, and their names tell. In maps and lists named ``environment…``
(Lambda's ``environment.variables``, CodeBuild's ``environment_variable``, an ECS container's ``environment``) a text is
hidden when the variable's name ends like a secret's (``DB_PASSWORD``, ``apiKey``; not ``TOKEN_TTL`` or ``SECRET_ARN``)
or when it is a URL with a password in it. The value itself is in ``live/``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SECRET_NAME = re.compile(
    r"(PASSWORD|PASSWD|PASSPHRASE|(\A|_)PASS|SECRET|TOKEN|CREDENTIALS?|"
    r"(API|ACCESS|PRIVATE|SIGNING|ENCRYPTION|AUTH|SECRET)_?KEY|(\A|_)DSN|CONNECTION_?STRING)(_?\d+)?\Z",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


def guessed_marks(value: Any, *, inside: bool = False) -> Any:
    """Return a mirror of a value: True where an environment variable looks like a secret.

    Args:
        value: any JSON value.
        inside: whether the value is within a map or list named ``environment…``.
    """
    if isinstance(value, Mapping):
        # {"name": "DB_PASSWORD", "value": "…"}, as ECS and CodeBuild write a variable
        named = inside and any(is_secret_name(value.get(key)) for key in ("name", "Name"))
        return {key: _entry(str(key), item, inside=inside, named=named) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [guessed_marks(item, inside=inside) for item in value]
    return inside and isinstance(value, str) and bool(_URL_PASSWORD.search(value))


def _entry(key: str, item: Any, *, inside: bool, named: bool) -> Any:
    if inside and isinstance(item, str) and (is_secret_name(key) or (named and key.lower() == "value")):
        return True
    return guessed_marks(item, inside=inside or key.lower().startswith("environment"))


def is_secret_name(name: Any) -> bool:
    """Return whether the name of a variable says that its value is a secret: ``DB_PASSWORD``, not ``SECRET_ARN``."""
    return isinstance(name, str) and bool(_SECRET_NAME.search(name))
