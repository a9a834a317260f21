"""A scope is a stage with its stacks and `uses`, or an account with its own stacks. References are resolved in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.config.catalogue import Account, Stage
from orchestrator.config.live.files import RESERVED, LiveFiles
from orchestrator.config.live.merge import StackEntry, extend_entries
from orchestrator.config.live.settings import region_not_allowed
from orchestrator.config.live.stages import MergedStage
from orchestrator.config.schema.models import StackModel
from orchestrator.config.yaml.value import YamlValue
from orchestrator.errors import Location, Problem
from orchestrator.util.suggest import near_miss


@dataclass(frozen=True, slots=True)
class Scope:
    """A stage, or an account on its own.

    Attributes:
        name: name of the stage or account.
        file: its file, for hints.
        account: the account that it is in.
        region: default region of its stacks.
        stacks: name -> the stack file with the keys of this scope merged over it.
        stack_at: name -> where the scope names it.
        dropped: stacks that are ``false`` here -> where.
        uses: name -> unit of another stage, as written, including nulls.
        of_account: whether it is an account.
        named: the former name of a renamed stage, which its names in AWS keep.
        disposable: whether it is a disposable stage.
        lineage: name of the stage, then the stages that it extends; empty for an account.
    """

    name: str
    file: str
    account: Account
    region: str
    stacks: Mapping[str, YamlValue]
    stack_at: Mapping[str, Location]
    dropped: Mapping[str, Location]
    uses: Mapping[str, YamlValue]
    of_account: bool = False
    named: str | None = None
    disposable: bool = False
    lineage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitDraft:
    """A unit before its references are resolved."""

    id: str
    scope: Scope
    stack: str
    region: str
    body: YamlValue
    at: Location


def account_scope(account: Account, value: YamlValue, files: LiveFiles) -> Scope:
    """Return the scope of the stacks of an account."""
    entries = extend_entries({}, value.get("stacks"), files.stacks)
    stacks, places, dropped = _stacks(entries, files)
    file = f"live/accounts/{account.name}.yaml"
    return Scope(account.name, file, account, account.region, stacks, places, dropped, {}, of_account=True)


def stage_scope(stage: Stage, merged: MergedStage, account: Account, files: LiveFiles) -> Scope:
    """Return the scope of a stage."""
    stacks, places, dropped = _stacks(merged.entries, files)
    uses = merged.value.get("uses")
    wired: dict[str, YamlValue] = {}
    for name, value in uses.items() if uses is not None else ():
        at = uses.where(name) if uses is not None else value.at
        if name in stacks:
            what = f"{name!r} is in both `stacks` and `uses`"
            files.problems.append(Problem(at, what, "rename one of them"))
        elif name in RESERVED:
            files.problems.append(Problem(at, f"the name {name!r} is reserved for a built-in reference"))
        wired[name] = value
    file = f"live/stages/{stage.name}.yaml"
    return Scope(
        stage.name,
        file,
        account,
        stage.region,
        stacks,
        places,
        dropped,
        wired,
        named=stage.named,
        disposable=stage.disposable,
        lineage=stage.lineage,
    )


def _stacks(
    entries: Mapping[str, StackEntry], files: LiveFiles
) -> tuple[dict[str, YamlValue], dict[str, Location], dict[str, Location]]:
    stacks: dict[str, YamlValue] = {}
    places: dict[str, Location] = {}
    dropped: dict[str, Location] = {}
    for name, entry in entries.items():
        if entry.dropped:
            dropped[name] = entry.at
            if name not in files.stacks and name not in files.broken:
                hint = near_miss(name, files.stacks) or "remove the line"
                files.problems.append(Problem(entry.at, f"unknown stack {name!r}", hint))
        elif entry.body is not None:
            stacks[name] = entry.body
            places[name] = entry.at
        elif name not in files.broken:
            hint = near_miss(name, files.stacks) or f"create live/stacks/{name}.yaml"
            if name in StackModel.model_fields:
                hint = f"`{name}` is a key of a stack: indent it below the name of its stack"
            files.problems.append(Problem(entry.at, f"unknown stack {name!r}", hint))
    return stacks, places, dropped


def unit_drafts(scope: Scope, problems: list[Problem]) -> Iterator[UnitDraft]:
    """Yield the units of a scope: one for each stack, or one for each region of a stack."""
    for stack, body in scope.stacks.items():
        for region in _regions(scope, stack, body, problems):
            suffix = "" if region == scope.region else f"@{region}"
            yield UnitDraft(f"{scope.name}/{stack}{suffix}", scope, stack, region, body, scope.stack_at[stack])


def _regions(scope: Scope, stack: str, body: YamlValue, problems: list[Problem]) -> Iterator[str]:
    one, many = body.get("region"), body.get("regions")
    if one is not None and many is not None:
        problems.append(Problem(body.where("regions"), f"{stack} sets both `region` and `regions`", "keep one of them"))
        return
    if many is not None:
        wanted = many.value
    elif one is not None:
        wanted = (one,)
    else:
        if scope.account.allows(scope.region):  # otherwise reported where the region is set
            yield scope.region
        return
    if many is not None and not many.value:
        problems.append(Problem(many.at, f"`regions` of {stack} is empty", "add a region, or remove `regions`"))
    seen: set[str] = set()
    for item in wanted:
        if item.value in seen:
            problems.append(Problem(item.at, f"duplicate region {item.value}"))
        elif not scope.account.allows(item.value):
            problems.append(region_not_allowed(item.value, item.at, scope.account.name))
        else:
            yield item.value
        seen.add(item.value)
