"""A ledger entry: what a state bucket knows about one unit, and its JSON format.

An entry outlives the configuration. When a unit is gone from ``live/``, its entry still names its state and the
resources that must not be lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from orchestrator import __version__
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.errors import UnitError
from orchestrator.terraform.model import StateRecord, StateResource

LEDGER_FORMAT = 1
LEDGER_PREFIX = "ledger/"
"""Prefix of the entries in a state bucket: ``ledger/STAGE/STACK/REGION.json``."""


@dataclass(frozen=True, slots=True)
class LedgerProvider:
    """An additional provider configuration of a unit, which is needed again to destroy its remaining resources."""

    name: str
    alias: str | None
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One unit after its last apply, destroy, move or adoption.

    Attributes:
        account: name of the account in ``live/``.
        account_id: its ID, 12 digits.
        module: address of the module, e.g. ``user_pool``.
        catalogue: ``name`` in ``live/orch.yaml``.
        lineage, serial: of the state; the lineage is empty if the unit has no state any more.
        resources: number of managed resources in the state; 0 after a destroy.
        protected: objects whose loss would lose data or identities.
        upstreams: units that this unit depends on.
        released: addresses that an apply which began after the state was written may delete, because a waiver allows
            it. If the apply is killed, they are missing from the state, and orch itself removed them.
        orch, time: version of orch that wrote the entry, and when (UTC, ISO 8601).
    """

    unit: str
    stage: str
    stack: str
    region: str
    account: str
    account_id: str
    state_key: str
    module: str
    catalogue: str
    lineage: str
    serial: int
    resources: int
    protected: tuple[StateResource, ...] = ()
    upstreams: tuple[str, ...] = ()
    providers: tuple[LedgerProvider, ...] = ()
    of_account: bool = False
    released: tuple[str, ...] = ()
    orch: str = __version__
    time: str = ""

    @property
    def folder(self) -> str:
        """``STAGE/STACK/REGION``, which identifies the unit independent of its ID."""
        return f"{self.stage}/{self.stack}/{self.region}"

    @property
    def empty(self) -> bool:
        """Whether the unit has no resources."""
        return self.resources == 0


def entry_key(folder: str) -> str:
    """Return the key of the entry of the unit with the folder ``STAGE/STACK/REGION``."""
    return f"{LEDGER_PREFIX}{folder}.json"


def folder_of(key: str) -> str | None:
    """Return the unit's folder that the key of an entry contains; None for other keys, e.g. of a stage named ledger."""
    parts = key.removeprefix(LEDGER_PREFIX).removesuffix(".json").split("/")
    return "/".join(parts) if key.startswith(LEDGER_PREFIX) and key.endswith(".json") and len(parts) == 3 else None


def make_entry(
    catalogue: Catalogue, unit: Unit, state: StateRecord | None, released: Iterable[str] = ()
) -> LedgerEntry:
    """Return the entry of a unit with this state; None: the unit has no state (any more)."""
    account = catalogue.account_of(unit)
    return LedgerEntry(
        unit=unit.id,
        stage=unit.stage,
        stack=unit.stack,
        region=unit.region,
        account=account.name,
        account_id=account.id,
        state_key=unit.state_key,
        module=unit.module.address,
        catalogue=catalogue.settings.name,
        lineage=state.lineage if state else "",
        serial=state.serial if state else 0,
        resources=len(state.addresses) if state else 0,
        protected=state.protected if state else (),
        upstreams=unit.upstreams,
        providers=tuple(LedgerProvider(p.name, p.alias, p.account, p.region) for p in unit.providers),
        of_account=unit.of_account,
        released=tuple(sorted(released)),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def unlisted_entry(account: Account, catalogue: Catalogue, folder: str, state: StateRecord) -> LedgerEntry:
    """Return the entry that a state without one would have, as far as its key and content tell.

    Which module it belongs to, what it depends on and which other accounts it has resources in is unknown.

    Args:
        account: owner of the state bucket.
        catalogue: the configuration.
        folder: ``STAGE/STACK/REGION``.
        state: the state.
    """
    stage, stack, region = folder.split("/")
    return LedgerEntry(
        unit=f"{stage}/{stack}",
        stage=stage,
        stack=stack,
        region=region,
        account=account.name,
        account_id=account.id,
        state_key=f"{folder}/terraform.tfstate",
        module="",
        catalogue=catalogue.settings.name,
        lineage=state.lineage,
        serial=state.serial,
        resources=len(state.addresses),
        protected=state.protected,
        of_account=stage == account.name,
    )


def entry_bytes(entry: LedgerEntry) -> bytes:
    """Serialize an entry as JSON."""
    return json.dumps({"format": LEDGER_FORMAT, **asdict(entry)}, indent=2, sort_keys=True).encode()


def parse_entry(data: bytes, place: str) -> LedgerEntry:
    """Parse the JSON of an entry.

    Args:
        data: content of the object.
        place: address of the object, for error messages.

    Raises:
        UnitError: the data is not an entry, or its format is unknown to this version of orch.
    """
    hint = "restore the last intact version of the object in the state bucket"
    try:
        document = json.loads(data)
        version = document["format"]
        if version != LEDGER_FORMAT:
            hint = f"use the version of orch that wrote it ({document.get('orch')!r}), or a newer one"
            raise UnitError(f"{place} has the format {version!r}, but this orch supports {LEDGER_FORMAT}", hint=hint)
        return _entry(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnitError(f"{place} is not a ledger entry", hint=hint) from error


def _entry(document: Mapping[str, Any]) -> LedgerEntry:
    document = {"released": (), **document}  # Entries of orch 0.1 have none.
    known = {name: document[name] for name in LedgerEntry.__dataclass_fields__}
    for name in ("unit", "stage", "stack", "region", "account", "account_id", "state_key", "module", "lineage"):
        if not isinstance(known[name], str):
            raise TypeError(name)
    if not isinstance(known["serial"], int) or not isinstance(known["resources"], int):
        raise TypeError("serial")
    return LedgerEntry(
        **{
            **known,
            "protected": tuple(StateResource(**each) for each in known["protected"]),
            "upstreams": tuple(known["upstreams"]),
            "released": tuple(known["released"]),
            "providers": tuple(LedgerProvider(**each) for each in known["providers"]),
        }
    )
