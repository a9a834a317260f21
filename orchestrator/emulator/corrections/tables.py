"""Corrects DynamoDB's DeleteTable: a protected table is refused in AWS's own words."""

from __future__ import annotations

from typing import Any

from moto.dynamodb.exceptions import DeletionProtectedException, MockValidationException

_SENTENCE = (
    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
)


def correct_tables() -> None:
    """Put the corrected constructor in moto's place."""

    def create(self: Any, _table: str) -> None:
        MockValidationException.__init__(self, _SENTENCE)

    DeletionProtectedException.__init__ = create
