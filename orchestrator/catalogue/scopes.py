"""Where a name means something: a stage with its stacks and its wiring, or an account with its own stacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.catalogue.files import Files
from orchestrator.catalogue.merge import empty_map, merge
from orchestrator.catalogue.near import near_miss
from orchestrator.catalogue.records import Account, Stage
from orchestrator.catalogue.scalars import Kind
from orchestrator.catalogue.yamlfile import Yaml
from orchestrator.errors import Location, Problem


@dataclass(frozen=True, slots=True)
class Scope:
    """A stage, or an account on its own.

    Attributes:
        name: of the stage or account.
        file: that says it, for hints.
        account: the account that it is in.
        region: of stacks that do not say otherwise.
        stacks: name -> the stack file with what this scope says merged over it.
        stack_at: name -> where the scope names it.
        dropped: stacks that are ``false`` here -> where.
        uses: name -> unit of another stage, as written; a null is kept.
        of_account: an account's own stacks.
    """

    name: str
    file: str
    account: Account
    region: str
    stacks: Mapping[str, Yaml]
    stack_at: Mapping[str, Location]
    dropped: Mapping[str, Location]
    uses: Mapping[str, Yaml]
    of_account: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A unit before its references are resolved."""

    id: str
    scope: Scope
    stack: str
    region: str
    body: Yaml
    at: Location


def account_scope(account: Account, value: Yaml, files: Files) -> Scope:
    """The scope of an account's own stacks."""
    stacks, places, dropped = _stacks(value, files)
    file = f"live/accounts/{account.name}.yaml"
    return Scope(account.name, file, account, account.region, stacks, places, dropped, {}, of_account=True)


def stage_scope(stage: Stage, value: Yaml, account: Account, files: Files) -> Scope:
    """The scope of a stage: its stacks, and what it uses."""
    stacks, places, dropped = _stacks(value, files)
    uses = value.get("uses")
    wired = dict(uses.items()) if uses is not None else {}
    for name in sorted(set(wired) & set(stacks)):
        what = f"{name!r} is in `stacks` and in `uses`, so nobody knows which is meant"
        files.problems.append(Problem(uses.where(name) if uses else stage.at, what, "rename one of them"))
    file = f"live/stages/{stage.name}.yaml"
    return Scope(stage.name, file, account, stage.region, stacks, places, dropped, wired)


def _stacks(value: Yaml, files: Files) -> tuple[dict[str, Yaml], dict[str, Location], dict[str, Location]]:
    found = value.get("stacks")
    stacks: dict[str, Yaml] = {}
    places: dict[str, Location] = {}
    dropped: dict[str, Location] = {}
    for name, entry in found.items() if found is not None else ():
        at = found.where(name) if found is not None else entry.at
        if entry.kind is Kind.BOOL:
            dropped[name] = at
        elif name not in files.stacks:
            if name not in files.broken:
                hint = near_miss(name, files.stacks) or f"write live/stacks/{name}.yaml"
                files.problems.append(Problem(at, f"there is no stack {name!r}", hint))
        else:
            over = entry if entry.kind is Kind.MAP else empty_map(entry.at)
            stacks[name] = merge(files.stacks[name], over)
            places[name] = at
    return stacks, places, dropped


def drafts_of(scope: Scope, problems: list[Problem]) -> Iterator[Draft]:
    """The units of a scope: one for each stack, or one for each of its regions."""
    for stack, body in scope.stacks.items():
        for region in _regions(scope, stack, body, problems):
            suffix = "" if region == scope.region else f"@{region}"
            yield Draft(f"{scope.name}/{stack}{suffix}", scope, stack, region, body, scope.stack_at[stack])


def _regions(scope: Scope, stack: str, body: Yaml, problems: list[Problem]) -> Iterator[str]:
    one, many = body.get("region"), body.get("regions")
    if one is not None and many is not None:
        problems.append(Problem(many.at, f"{stack} says `region` and `regions`", "keep one of them"))
        return
    if many is not None and not many.value:
        problems.append(Problem(many.at, f"{stack} has no region", "name one, or leave `regions` out"))
    wanted = [(item.value, item.at) for item in many.value] if many is not None else []
    if many is None:
        wanted = [(one.value, one.at)] if one is not None else [(scope.region, scope.stack_at[stack])]
    seen: set[str] = set()
    for region, at in wanted:
        if region in seen:
            problems.append(Problem(at, f"the region {region} is here twice"))
        elif scope.account.regions and region not in scope.account.regions:
            hint = f"add it to `regions` in live/accounts/{scope.account.name}.yaml"
            problems.append(Problem(at, f"the region {region} is not allowed in {scope.account.name}", hint))
        else:
            yield region
        seen.add(region)
