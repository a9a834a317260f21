"""Merges each stage over the stages that it extends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from orchestrator.config.catalogue import Account, Stage
from orchestrator.config.live.files import LiveFiles
from orchestrator.config.live.merge import StackEntry, extend_entries, extend_stage
from orchestrator.config.live.settings import region_not_allowed, text_of
from orchestrator.config.yaml.value import YamlValue
from orchestrator.errors import Location, Problem
from orchestrator.util.suggest import near_miss


@dataclass(frozen=True, slots=True)
class MergedStage:
    """A stage merged over what it extends.

    Attributes:
        value: its keys, without ``stacks``.
        entries: its stacks, merged with those of the stages it extends.
        lineage: its name, then the stages that it extends, nearest first.
    """

    value: YamlValue
    entries: Mapping[str, StackEntry]
    lineage: tuple[str, ...]


def merged_stages(files: LiveFiles) -> dict[str, MergedStage]:
    """Return every stage merged over what it extends. A stage that cannot be merged is left out and reported."""
    done: dict[str, MergedStage | None] = {}
    for name in files.stages:
        _merge_chain(_chain(name, done, files), done, files)
    return {name: found for name in files.stages if (found := done[name]) is not None}


def _chain(name: str, done: Mapping[str, MergedStage | None], files: LiveFiles) -> list[str]:
    """Return a stage and the stages above it that are not merged yet. It stops at a cycle."""
    chain: list[str] = []
    while name in files.stages and name not in done and name not in chain:
        chain.append(name)
        name = text_of(files.stages[name], "extends")
    return chain


def _merge_chain(chain: list[str], done: dict[str, MergedStage | None], files: LiveFiles) -> None:
    for name in reversed(chain):
        own = files.stages[name]
        parent = text_of(own, "extends")
        if not parent:
            done[name] = MergedStage(own, extend_entries({}, own.get("stacks"), files.stacks), (name,))
            continue
        base = done.get(parent)
        if base is not None:
            entries = extend_entries(base.entries, own.get("stacks"), files.stacks)
            done[name] = MergedStage(extend_stage(base.value, own), entries, (name, *base.lineage))
            continue
        done[name] = None
        if (parent in chain and parent not in done) or parent == name:
            _report_cycle(chain, parent, files)
        elif parent not in files.stages and parent not in files.broken:
            at = own.value["extends"].at
            hint = f"{parent} is an account: write `account: {parent}`; `extends` names a stage"
            if parent not in files.accounts:
                stages = ", ".join(sorted(set(files.stages) - {name})) or "there is no other one"
                hint = near_miss(parent, files.stages) or f"stages: {stages}"
            files.problems.append(Problem(at, f"unknown stage {parent!r}", hint))


def _report_cycle(chain: list[str], parent: str, files: LiveFiles) -> None:
    cycle = chain[chain.index(parent) :]
    start = cycle.index(min(cycle))
    cycle = [*cycle[start:], *cycle[:start]]
    path = " -> ".join(f"{each} (live/stages/{each}.yaml)" for each in (*cycle, cycle[0]))
    at = files.stages[cycle[0]].value["extends"].at
    files.problems.append(Problem(at, f"`extends` cycle: {path}", "remove one `extends`"))


def make_stage(name: str, merged: MergedStage, accounts: Mapping[str, Account], files: LiveFiles) -> Stage | None:
    """Return a merged stage as a record; None when its account is not valid, which is reported."""
    value = merged.value
    account = text_of(value, "account")
    if account not in accounts:
        if not account:
            files.problems.append(Problem(value.at, "missing key 'account'", "name the account that the stage runs in"))
        elif account not in files.broken:
            where = value.value["account"].at
            files.problems.append(Problem(where, f"unknown account {account!r}", near_miss(account, accounts)))
        return None
    region = text_of(value, "region")
    if region and not accounts[account].allows(region):
        files.problems.append(region_not_allowed(region, value.value["region"].at, account))
    disposable = _disposable(name, value, accounts[account], files)
    return Stage(
        name=name,
        account=account,
        region=region or accounts[account].region,
        lineage=merged.lineage,
        at=value.at,
        expires=_day(value, files),
        disposable=disposable is not None,
        disposable_at=disposable,
        named=text_of(value, "named") or None,
    )


def _disposable(name: str, value: YamlValue, account: Account, files: LiveFiles) -> Location | None:
    """Return where a stage says that it is disposable; None where it does not."""
    found = value.get("disposable")
    if found is None or found.value is not True:
        return None
    if account.restricted:
        what = f"{name} is disposable, but the account {account.name} is restricted"
        hint = "put the stage into an account with `access: open`, or remove `disposable`"
        files.problems.append(Problem(found.at, what, hint))
    return found.at


def _day(value: YamlValue, files: LiveFiles) -> str | None:
    text = text_of(value, "expires")
    if not text:
        return None
    try:
        date.fromisoformat(text)
    except ValueError:
        files.problems.append(Problem(value.value["expires"].at, f"invalid date {text}", 'write it like "2027-01-31"'))
    return text
