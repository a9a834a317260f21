"""Makes the file of one more account or stage, for `orch account new` and `orch stage new`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from orchestrator.config.catalogue import Settings
from orchestrator.config.edit.account_file import account_file
from orchestrator.config.schema.models import NAME, PATTERN_DESCRIPTIONS
from orchestrator.errors import UsageError
from orchestrator.scaffold.platform_files import baseline_module, render_template

_BASELINE = "live/stacks/baseline.yaml"
_DAYS = {"d": 1, "w": 7}
_LONGEST = 3650


@dataclass(frozen=True, slots=True)
class StageAnswers:
    """What a new stage is made from.

    Attributes:
        name: its name.
        source: the stage that it extends.
        account: its account, if that is another one than the account of ``source``.
        expires: its last day; None: it does not expire.
        disposable: it may be destroyed with all its data.
        uses: name -> unit of another stage, or None; no stage inherits these.
    """

    name: str
    source: str
    account: str | None
    expires: date | None
    disposable: bool
    uses: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class AccountAnswers:
    """What the file of an account is made from.

    Attributes:
        name: its name.
        id: its id; None: it does not exist yet.
        email: address of its root user; None: the organization has nothing to do with it.
        organizational_unit: where it belongs in the organization.
        restricted: whether an apply asks for the name of the stage.
        region: the region that its units may use.
        own_region: it is not the default region.
    """

    name: str
    id: str | None
    email: str | None
    organizational_unit: str | None
    restricted: bool
    region: str
    own_region: bool = False


def stage_file(answers: StageAnswers) -> dict[str, bytes]:
    """Return the file of a stage: path -> content.

    Raises:
        UsageError: the name is not valid.
    """
    _check_name(answers.name)
    values = {
        "source": answers.source,
        "account": answers.account,
        "expires": answers.expires.isoformat() if answers.expires else "",
        "disposable": answers.disposable,
        "uses": answers.uses,
    }
    return {f"live/stages/{answers.name}.yaml": render_template("live/stages/new_stage.yaml", values)}


def account_files(root: Path, settings: Settings, answers: AccountAnswers) -> dict[str, bytes]:
    """Return the file of an account, and those of its baseline where the repository has none: path -> content.

    Args:
        root: the folder that contains ``live/``.
        settings: the settings of ``live/orch.yaml``.
        answers: what the account is made from.

    Raises:
        UsageError: the name is not valid.
    """
    _check_name(answers.name)
    values = {
        "id": answers.id,
        "email": answers.email,
        "organizational_unit": answers.organizational_unit,
        "restricted": answers.restricted,
        "region": answers.region,
        "own_region": answers.own_region,
    }
    files = {account_file(answers.name): render_template("live/accounts/new_account.yaml", values)}
    if not (root / _BASELINE).exists():
        files[_BASELINE] = render_template(_BASELINE, {"management": settings.management})
        if not (root / "modules" / "account_baseline").exists():
            files |= baseline_module()
    return files


def last_day(text: str, today: date) -> date:
    """Return the last day that ``--expires`` names: ``7d``, ``2w`` or a date such as 2027-01-31.

    Raises:
        UsageError: it is neither, or in the past.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,3})([dw])", text)
    if found is not None:
        days = int(found[1]) * _DAYS[found[2]]
    else:
        try:
            days = (date.fromisoformat(text) - today).days
        except ValueError:
            message = f"invalid value for --expires: {text!r}"
            raise UsageError(message, hint="write 7d, 2w, or a date such as 2027-01-31") from None
    if not 0 <= days <= _LONGEST:
        message = f"--expires {text} is {'in the past' if days < 0 else 'more than ten years ahead'}"
        raise UsageError(message, hint="write 7d, 2w, or a date such as 2027-01-31")
    return today + timedelta(days=days)


def _check_name(name: str) -> None:
    if not re.fullmatch(NAME, name):
        message = f"invalid name {name!r}"
        raise UsageError(message, hint=f"use {PATTERN_DESCRIPTIONS[NAME]}")
