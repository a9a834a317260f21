"""Checks what a new platform is made from, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.config.schema.models import ACCOUNT_ID, NAME, PATTERN_DESCRIPTIONS, REGION
from orchestrator.errors import UsageError

FIRST_STAGE = "dev"
"""The stage of a new platform."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account of the new platform.

    Attributes:
        name: name of its file in ``live/accounts/``.
        id: its twelve digits.
        restricted: an apply requires a clean working tree and the stage's name.
    """

    name: str
    id: str
    restricted: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """What a new platform is made from. Every value matches the pattern that ``live/`` requires.

    Attributes:
        name: first part of every name in AWS.
        region: the default region.
        management: id of the account whose people enter the others.
        accounts: at least two: production first, then the account of the stage.
    """

    name: str
    region: str
    management: str
    accounts: tuple[NewAccount, ...]

    @classmethod
    def of(cls, *, name: str, region: str, management: str, accounts: Sequence[tuple[str, str]]) -> Answers:
        """Check the values and return them.

        Args:
            name: first part of every name in AWS.
            region: the default region.
            management: id of the management account.
            accounts: name and id of each account: production first, then development.

        Raises:
            UsageError: a value cannot be used in ``live/``.
        """
        checked = Answers(
            name=valid_name(name),
            region=valid_region(region),
            management=valid_account_id(management),
            accounts=tuple(
                NewAccount(valid_name(account), valid_account_id(id_), restricted=number != 1)
                for number, (account, id_) in enumerate(accounts)
            ),
        )
        for problem in _conflicts(checked):
            raise UsageError(problem)
        return checked

    @property
    def development(self) -> NewAccount:
        """The account of the stage."""
        return self.accounts[1]

    @property
    def partition(self) -> str:
        """The partition of AWS that the region belongs to."""
        return partition_of(self.region)


def partition_of(region: str) -> str:
    """Return the partition of AWS that a region belongs to."""
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((name for prefix, name in prefixes.items() if region.startswith(prefix)), "aws")


def valid_name(text: str) -> str:
    """Return the text if it can name a platform or an account.

    Raises:
        UsageError: it cannot.
    """
    return _valid(text, NAME)


def valid_region(text: str) -> str:
    """Return the text if it is a region.

    Raises:
        UsageError: it is not.
    """
    return _valid(text, REGION)


def valid_account_id(text: str) -> str:
    """Return the text if it is the id of an account.

    Raises:
        UsageError: it is not.
    """
    return _valid(text, ACCOUNT_ID)


def _valid(text: str, pattern: str) -> str:
    if not re.fullmatch(pattern, text):
        message = f"invalid value {text!r}"
        raise UsageError(message, hint=f"required: {PATTERN_DESCRIPTIONS[pattern]}")
    return text


def _conflicts(answers: Answers) -> Iterator[str]:
    if len(answers.accounts) < 2:
        yield "a new platform has at least two accounts: production and development"
    seen_names: set[str] = {FIRST_STAGE}
    seen_ids: set[str] = set()
    for account in answers.accounts:
        if account.name in seen_names:
            which = "the name of the first stage" if account.name == FIRST_STAGE else "given twice"
            yield f"the account name {account.name!r} is {which}"
        if account.id in seen_ids:
            yield f"the account id {account.id} is given twice"
        seen_names.add(account.name)
        seen_ids.add(account.id)
