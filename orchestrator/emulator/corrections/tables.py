"""Correct DynamoDB's DeleteTable: the error about a protected table has AWS's own message."""

from __future__ import annotations

from typing import Any

from moto.dynamodb.exceptions import DeletionProtectedException, MockValidationException

_SENTENCE = (
    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
)


def correct_tables() -> None:
    """Replace moto's constructor."""

    def create(self: Any, _table: str) -> None:
        MockValidationException.__init__(self, _SENTENCE)

    DeletionProtectedException.__init__ = create
