"""An entry of the ledger: what a state bucket knows of one unit, and its form as JSON.

It outlives the catalogue that it was written from: when a unit is gone from ``live/``, its entry still says what there
was, in which state, and what of it must not be lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from orchestrator import __version__
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import UnitError
from orchestrator.terraform.model import StateRecord, StateResource

LEDGER_FORMAT = 1
LEDGER_PREFIX = "ledger/"
"""Where the entries are in a state bucket: ``ledger/STAGE/STACK/REGION.json``."""


@dataclass(frozen=True, slots=True)
class LedgerProvider:
    """One further provider configuration of a unit; destroying what is left of it needs the same."""

    name: str
    alias: str | None
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One unit as it was after its last apply, destroy, move or adoption.

    Attributes:
        account: name of the account in ``live/``; ``account_id`` its twelve digits.
        module: the module's address, e.g. ``user_pool``.
        catalogue: ``name`` of ``live/orch.yaml``.
        lineage, serial: of the state; an empty lineage when there is no state any more.
        resources: how many managed resources the state has; 0 after a destroy.
        protected: the objects whose loss loses data or identities.
        upstreams: units that had to be done before it.
        orch, time: who wrote it, and when (UTC, ISO 8601).
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
    orch: str = __version__
    time: str = ""

    @property
    def folder(self) -> str:
        """``STAGE/STACK/REGION``: which unit it is of, whatever its id looks like."""
        return f"{self.stage}/{self.stack}/{self.region}"

    @property
    def empty(self) -> bool:
        """Whether nothing is left of the unit."""
        return self.resources == 0


def entry_key(folder: str) -> str:
    """Key of the entry of the unit in a folder ``STAGE/STACK/REGION``."""
    return f"{LEDGER_PREFIX}{folder}.json"


def folder_of(key: str) -> str | None:
    """The unit's folder that a key of an entry means; None for any other key, as of a stage that is named ledger."""
    parts = key.removeprefix(LEDGER_PREFIX).removesuffix(".json").split("/")
    return "/".join(parts) if key.startswith(LEDGER_PREFIX) and key.endswith(".json") and len(parts) == 3 else None


def make_entry(catalogue: Catalogue, unit: Unit, state: StateRecord | None) -> LedgerEntry:
    """The entry of a unit whose state is this; None: it has no state (any more)."""
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
        time=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def entry_bytes(entry: LedgerEntry) -> bytes:
    """An entry as JSON."""
    return json.dumps({"format": LEDGER_FORMAT, **asdict(entry)}, indent=2, sort_keys=True).encode()


def parse_entry(data: bytes, place: str) -> LedgerEntry:
    """An entry from its JSON.

    Args:
        data: the object's content.
        place: how messages name it.

    Raises:
        UnitError: it is no entry, or of a format that this orch does not know.
    """
    hint = "look at the object's versions in the state bucket, and bring the last whole one back"
    try:
        document = json.loads(data)
        version = document["format"]
        if version != LEDGER_FORMAT:
            hint = f"use the orch that wrote it, or a newer one (it says {document.get('orch')!r})"
            raise UnitError(f"{place} has the format {version!r}; this orch knows {LEDGER_FORMAT}", hint=hint)
        return _entry(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnitError(f"{place} is no entry of a ledger", hint=hint) from error


def _entry(document: Mapping[str, Any]) -> LedgerEntry:
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
            "providers": tuple(LedgerProvider(**each) for each in known["providers"]),
        }
    )
