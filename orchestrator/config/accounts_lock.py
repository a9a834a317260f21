"""``live/accounts.lock.yaml``: which AWS account each name is, and where its states are, as `orch bootstrap` found it.

``live/accounts/`` says what shall be; this file says what is. When the two differ, a run would look for its states in
another place, find none, and build everything a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from orchestrator.config.catalogue import Account, Catalogue
from orchestrator.config.schema.models import AccountId, Name, Region, StrictModel
from orchestrator.config.schema.validate import validate
from orchestrator.config.yaml.reader import parse_yaml, read_yaml
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import CatalogueError, Location, Problem

LOCK_FORMAT = 1
FILE = "live/accounts.lock.yaml"
_HEAD = """\
# Which AWS account each name in live/accounts/ is, and where its states are. Written by `orch bootstrap`; commit it.
# When live/ no longer says the same, nothing runs there: it would not find its states, and build an empty twin.
"""

Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


class LockedAccountModel(StrictModel):
    """One account."""

    id: AccountId
    region: Region
    bucket: Bucket
    catalogue: Name


class AccountsLockModel(StrictModel):
    """The file."""

    format: Literal[1]
    accounts: dict[Name, LockedAccountModel] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LockedAccount:
    """What is known of one account.

    Attributes:
        region: of its state bucket.
        catalogue: ``name`` of ``live/orch.yaml``, which begins every name in AWS.
        at: where its entry stands; ``lines``: where each of its keys does.
    """

    name: str
    id: str
    region: str
    bucket: str
    catalogue: str
    at: Location
    lines: Mapping[str, Location]


AccountsLock = Mapping[str, LockedAccount]
"""Account name -> what is known of it."""


def read_accounts_lock(root: Path) -> AccountsLock:
    """The file of a repository; empty when there is none.

    Raises:
        CatalogueError: as `parse_lock`.
    """
    try:
        data = (root / FILE).read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CatalogueError([Problem(Location(FILE), f"the file cannot be read: {error.strerror}")]) from error
    return parse_lock(data)


def parse_lock(data: bytes) -> AccountsLock:
    """The same from bytes, as of another commit.

    Raises:
        CatalogueError: it is not YAML, of an unknown format, or damaged.
    """
    tree = parse_yaml(data, FILE)
    version = tree.get("format")
    if version is not None and version.value != LOCK_FORMAT:
        what = f"format {version.raw} is not known; this orch knows {LOCK_FORMAT}"
        raise CatalogueError([Problem(version.at, what, "use the orch that wrote it, or a newer one")])
    if problems := validate(tree, AccountsLockModel):
        raise CatalogueError(problems)
    accounts = tree.get("accounts")
    return (
        {} if accounts is None else {name: _entry(name, each, accounts.where(name)) for name, each in accounts.items()}
    )


def _entry(name: str, value: YamlValue, at: Location) -> LockedAccount:
    texts = {key: str(each.value) for key, each in value.items()}
    return LockedAccount(name=name, **texts, at=at, lines={key: value.where(key) for key in texts})


def lock_entry(catalogue: Catalogue, account: Account) -> LockedAccount:
    """What the catalogue says of an account now."""
    return LockedAccount(
        account.name, account.id, account.region, account.state_bucket, catalogue.settings.name, Location(FILE), {}
    )


def accounts_lock_text(entries: Iterable[LockedAccount]) -> str:
    """The file's text, sorted by name."""
    lines = [_HEAD, f"format: {LOCK_FORMAT}\n", "accounts:\n"]
    for each in sorted(entries, key=lambda entry: entry.name):
        lines += [f'  "{each.name}":\n', f'    id: "{each.id}"\n', f'    region: "{each.region}"\n']
        lines += [f'    bucket: "{each.bucket}"\n', f'    catalogue: "{each.catalogue}"\n']
    return "".join(lines)


def configured_at(catalogue: Catalogue, account: Account, key: str) -> Location:
    """The line of ``live/`` that decides a key (``id``, ``region``, ``bucket``, ``catalogue``) of an account."""
    own = f"live/accounts/{account.name}.yaml"
    places = {"id": [(own, "id")], "region": [(own, "region"), ("live/orch.yaml", "region")]}
    places |= {"bucket": [("live/orch.yaml", "state")], "catalogue": [("live/orch.yaml", "name")]}
    for file, name in places[key]:
        tree = read_yaml(catalogue.root / file, root=catalogue.root)
        if tree.kind is YamlKind.MAP and name in tree.value:
            return tree.where(name)
    return account.at
