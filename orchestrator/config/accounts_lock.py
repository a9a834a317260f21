"""``live/accounts.lock.yaml``: the AWS account and state bucket of each account name, recorded by `orch bootstrap`.

``live/accounts/`` is the desired configuration, and this file is what exists. When the two differ, a run would look for
its states in another bucket, find none, and create everything a second time.
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
# The AWS account and state bucket of each name in live/accounts/. Written by `orch bootstrap`; commit it.
# When live/ differs from this file, orch stops: it would not find the states and would create everything again.
"""

Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


class LockedAccountModel(StrictModel):
    """One account in the file."""

    id: AccountId
    region: Region
    bucket: Bucket
    catalogue: Name
    prefix: str | None = None
    emulator: bool = False


class AccountsLockModel(StrictModel):
    """The content of the file."""

    format: Literal[1]
    accounts: dict[Name, LockedAccountModel] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LockedAccount:
    """One account as recorded in the lock file.

    Attributes:
        region: region of its state bucket.
        catalogue: ``name`` in ``live/orch.yaml``, the first part of every name in AWS.
        prefix: prefix of all keys in the bucket, as in ``Account.state_prefix``.
        emulator: it was bootstrapped on the emulator only, so against AWS it is as if it were not listed.
        at: where the entry is written.
        lines: key -> where it is written.
    """

    name: str
    id: str
    region: str
    bucket: str
    catalogue: str
    at: Location
    lines: Mapping[str, Location]
    prefix: str = ""
    emulator: bool = False


AccountsLock = Mapping[str, LockedAccount]
"""Account name -> its entry in the lock file."""


def counted(lock: AccountsLock, *, emulated: bool) -> AccountsLock:
    """Return the entries that count: against AWS, all but those of the emulator."""
    return {name: each for name, each in lock.items() if emulated or not each.emulator}


def read_accounts_lock(root: Path) -> AccountsLock:
    """Read the lock file of a repository; return an empty one when the file does not exist.

    Raises:
        CatalogueError: as for `parse_lock`.
    """
    try:
        data = (root / FILE).read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CatalogueError([Problem(Location(FILE), f"cannot read the file: {error.strerror}")]) from error
    return parse_lock(data)


def parse_lock(data: bytes) -> AccountsLock:
    """Parse the content of a lock file, for example from another commit.

    Raises:
        CatalogueError: it is not valid YAML, has an unsupported format, or is damaged.
    """
    tree = parse_yaml(data, FILE)
    version = tree.get("format")
    if version is not None and version.value != LOCK_FORMAT:
        what = f"unsupported format {version.raw}: this orch supports format {LOCK_FORMAT}"
        raise CatalogueError([Problem(version.at, what, "use the orch version that wrote the file, or a newer one")])
    if problems := validate(tree, AccountsLockModel):
        raise CatalogueError(problems)
    accounts = tree.get("accounts")
    return (
        {} if accounts is None else {name: _entry(name, each, accounts.where(name)) for name, each in accounts.items()}
    )


def _entry(name: str, value: YamlValue, at: Location) -> LockedAccount:
    texts = {key: str(each.value) for key, each in value.items() if key != "emulator"}
    mark = value.get("emulator")
    lines = {key: value.where(key) for key in texts}
    return LockedAccount(name=name, **texts, at=at, lines=lines, emulator=mark is not None and mark.value is True)


def lock_entry(catalogue: Catalogue, account: Account, *, emulator: bool = False) -> LockedAccount:
    """Return the lock entry for the present configuration of an account. ``emulator``: as in `LockedAccount`."""
    return LockedAccount(
        account.name,
        account.id,
        account.region,
        account.state_bucket,
        catalogue.settings.name,
        Location(FILE),
        {},
        account.state_prefix,
        emulator,
    )


def accounts_lock_text(entries: Iterable[LockedAccount]) -> str:
    """Return the text of the lock file, sorted by name."""
    lines = [_HEAD, f"format: {LOCK_FORMAT}\n", "accounts:\n"]
    for each in sorted(entries, key=lambda entry: entry.name):
        lines += [f'  "{each.name}":\n', f'    id: "{each.id}"\n', f'    region: "{each.region}"\n']
        lines += [f'    bucket: "{each.bucket}"\n', f'    catalogue: "{each.catalogue}"\n']
        lines += [f'    prefix: "{each.prefix}"\n'] if each.prefix else []
        lines += ["    emulator: true\n"] if each.emulator else []
    return "".join(lines)


def configured_at(catalogue: Catalogue, account: Account, key: str) -> Location:
    """Return where ``live/`` sets ``id``, ``region``, ``bucket``, ``prefix`` or ``catalogue`` of an account."""
    own = f"live/accounts/{account.name}.yaml"
    places = {"id": [(own, "id")], "region": [(own, "region"), ("live/orch.yaml", "region")]}
    places |= {key: [("live/orch.yaml", "state")] for key in ("bucket", "prefix")}
    places |= {"catalogue": [("live/orch.yaml", "name")]}
    for file, name in places[key]:
        tree = read_yaml(catalogue.root / file, root=catalogue.root)
        if tree.kind is YamlKind.MAP and name in tree.value:
            return tree.where(name)
    return account.at
