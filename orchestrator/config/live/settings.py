"""Makes the settings and the accounts from checked files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from orchestrator import __version__
from orchestrator.config.catalogue import NOT_CREATED, Account, Membership, Provider, Roles, Settings, Timeouts
from orchestrator.config.live.references import BuiltIn, OutputReference, ReferenceTextError, split
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import Location, Problem
from orchestrator.hcl.modules.sources import is_fetched

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_CONSTRAINT_PART = r"(?:=|!=|>|>=|<|<=|~>)? *v?[0-9]+(?:\.[0-9]+){0,2}(?:[-+][0-9A-Za-z.-]+)?"
CONSTRAINT = re.compile(rf" *{_CONSTRAINT_PART} *(?:, *{_CONSTRAINT_PART} *)*")
"""A version constraint that Terraform accepts."""
_OWN_VARIABLES = ("AWS_", "TF_", "ORCH_")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def text_of(value: YamlValue | None, key: str, default: str = "") -> str:
    """Return the text of a key; the default when the key is missing or empty."""
    found = value.get(key) if value is not None else None
    return found.value if found is not None and found.kind is YamlKind.TEXT else default


def texts_of(value: YamlValue | None, key: str) -> dict[str, str]:
    """Return the map of texts under a key."""
    found = value.get(key) if value is not None else None
    return {name: item.value for name, item in found.items() if item.kind is YamlKind.TEXT} if found is not None else {}


def make_settings(orch: YamlValue, problems: list[Problem]) -> Settings:
    """Return ``live/orch.yaml`` as a record. Problems are added to ``problems``."""
    _check_version(orch, problems)
    terraform = text_of(orch, "terraform", ">=1.11,<2.0")
    if not CONSTRAINT.fullmatch(terraform):
        hint = 'write it like ">=1.11,<2.0"'
        problems.append(Problem(orch.value["terraform"].at, f"invalid version constraint {terraform!r}", hint))
    state = orch.value["state"]
    return Settings(
        name=text_of(orch, "name"),
        region=text_of(orch, "region"),
        terraform=terraform,
        orch=text_of(orch, "orch"),
        providers=_providers(orch, problems),
        state_bucket=text_of(state, "bucket"),
        roles=make_roles(Roles(), orch.get("roles")),
        tags=texts_of(orch, "tags"),
        timeouts=make_timeouts(Timeouts(), orch.get("timeouts")),
        binary=text_of(orch, "binary", "terraform"),
        management=text_of(orch, "management"),
        module_sources=_module_sources(orch, problems),
        environment=_environment(orch, problems),
        checks=_checks(orch),
        warm=_flag(orch, "warm", unset=True),
    )


def _flag(value: YamlValue, key: str, *, unset: bool) -> bool:
    found = value.get(key)
    return bool(found.value) if found is not None and found.kind is YamlKind.BOOL else unset


def _check_version(orch: YamlValue, problems: list[Problem]) -> None:
    wanted = orch.value["orch"]
    try:
        fits = __version__ in SpecifierSet(wanted.value)
    except InvalidSpecifier:
        problems.append(Problem(wanted.at, f"invalid version specifier {wanted.value!r}", 'write it like "~=0.1"'))
        return
    if not fits:
        what = f"this repository requires orch {wanted.value}, but this is orch {__version__}"
        problems.append(Problem(wanted.at, what, f'run: pip install "orch{wanted.value}"'))


def _providers(orch: YamlValue, problems: list[Problem]) -> Mapping[str, Provider]:
    providers: dict[str, Provider] = {}
    found = orch.get("providers")
    for name, value in found.items() if found is not None else ():
        version = value.value if value.kind is YamlKind.TEXT else text_of(value, "version")
        if not CONSTRAINT.fullmatch(version):
            what = f"invalid version {version!r} of provider {name}"
            problems.append(Problem(value.at, what, 'write it like "5.100.0"'))
        source = f"hashicorp/{name}" if value.kind is YamlKind.TEXT else text_of(value, "source")
        providers[name] = Provider(name=name, source=source, version=version)
    return providers


def _module_sources(orch: YamlValue, problems: list[Problem]) -> tuple[str, ...]:
    found = orch.get("module_sources")
    listed = found.value if found is not None and found.kind is YamlKind.LIST else ()
    for each in listed:
        if not is_fetched(each.value):
            hint = "write a registry address (NAMESPACE/NAME/PROVIDER), or git::https://…?ref=…"
            problems.append(Problem(each.at, f"invalid module address {each.value!r}", hint))
    return tuple(each.value for each in listed)


def _environment(orch: YamlValue, problems: list[Problem]) -> tuple[str, ...]:
    found = orch.get("environment")
    listed = found.value if found is not None and found.kind is YamlKind.LIST else ()
    for each in listed:
        if each.value.upper().startswith(_OWN_VARIABLES):
            hint = "orch sets these itself; values of the module's variables belong under `inputs`"
            problems.append(Problem(each.at, f"{each.value} cannot be passed to Terraform", hint))
    return tuple(each.value for each in listed)


def _checks(orch: YamlValue) -> tuple[str, ...]:
    found = orch.get("checks")
    return tuple(each.value for each in found.value) if found is not None and found.kind is YamlKind.LIST else ()


def make_roles(base: Roles, value: YamlValue | None) -> Roles:
    """Return the roles of ``value``, and those of ``base`` where it has none."""
    return Roles(
        bootstrap=text_of(value, "bootstrap", base.bootstrap),
        plan=text_of(value, "plan", base.plan),
        apply=text_of(value, "apply", base.apply),
        break_glass=text_of(value, "break_glass", base.break_glass),
    )


def make_timeouts(base: Timeouts, value: YamlValue | None) -> Timeouts:
    """Return the time limits of ``value``, and those of ``base`` where it has none."""
    plan, apply = text_of(value, "plan"), text_of(value, "apply")
    return Timeouts(plan=_seconds(plan) if plan else base.plan, apply=_seconds(apply) if apply else base.apply)


def _seconds(text: str) -> float:
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"([0-9]+)([hms])", text))


def make_accounts(
    values: Mapping[str, YamlValue], orch: YamlValue, settings: Settings, problems: list[Problem]
) -> dict[str, Account]:
    """Return the files of ``live/accounts/`` as records, each with its own state bucket."""
    accounts = {name: _make_account(name, value, settings, problems) for name, value in values.items()}
    try:
        buckets = _buckets(settings, accounts)
    except ReferenceTextError as error:
        problems.append(Problem(orch.value["state"].value["bucket"].at, f"state.bucket: {error}"))
        return accounts
    return {name: replace(account, state_bucket=buckets[name]) for name, account in accounts.items()}


def _buckets(settings: Settings, accounts: Mapping[str, Account]) -> dict[str, str]:
    """Return account -> state bucket. No two accounts share one."""
    owners: dict[str, str] = {}
    buckets: dict[str, str] = {}
    for account in accounts.values():
        bucket = _bucket(settings, account)
        first = owners.setdefault(bucket, account.name)
        if accounts[first].id != account.id:  # two accounts with one id are already reported
            message = f"{first} and {account.name} would share the bucket {bucket}; add ${{{{ account_id }}}} to it"
            raise ReferenceTextError(message)
        buckets[account.name] = bucket
    return buckets


def _make_account(name: str, value: YamlValue, settings: Settings, problems: list[Problem]) -> Account:
    region = text_of(value, "region", settings.region)
    listed = value.get("regions")
    regions = tuple(item.value for item in listed.value) if listed is not None and listed.kind is YamlKind.LIST else ()
    if listed is not None and listed.kind is YamlKind.LIST and not regions:
        problems.append(Problem(listed.at, f"`regions` of {name} is empty", "add a region, or remove `regions`"))
    if regions and region not in regions:
        at = value.value["region"].at if text_of(value, "region") else value.where("regions")
        hint = f"add it to `regions`, or set `region` to one of {', '.join(regions)}"
        problems.append(Problem(at, f"region {region} is not allowed in {name}", hint))
    return Account(
        name=name,
        id=text_of(value, "id", NOT_CREATED),
        region=region,
        regions=regions,
        restricted=text_of(value, "access", "restricted") == "restricted",
        state_bucket="",
        roles=make_roles(settings.roles, value.get("roles")),
        tags={**settings.tags, **texts_of(value, "tags")},
        at=value.at,
        profile=text_of(value, "profile") or None,
        organization=_membership(value.get("organization")),
    )


def _membership(value: YamlValue | None) -> Membership | None:
    email = text_of(value, "email")
    if value is None or not email:
        return None
    return Membership(email, text_of(value, "organizational_unit") or None, value.at)


def region_not_allowed(region: str, at: Location, account: str) -> Problem:
    """Return the problem of a region that an account does not allow."""
    hint = f"add it to `regions` in live/accounts/{account}.yaml"
    return Problem(at, f"region {region} is not allowed in {account}", hint)


def _bucket(settings: Settings, account: Account) -> str:
    built_ins = {"name": settings.name, "account": account.name, "account_id": account.id, "region": account.region}
    bucket = fill_built_ins(settings.state_bucket, built_ins)
    if not _BUCKET.fullmatch(bucket):
        message = f"{bucket!r} is not a valid bucket name: use 3 to 63 lowercase letters, digits, - and ."
        raise ReferenceTextError(message)
    return bucket


def fill_built_ins(text: str, context: Mapping[str, str]) -> str:
    """Return a text with its built-in references filled in.

    Args:
        text: the text.
        context: name of a built-in -> its value.

    Raises:
        ReferenceTextError: the text refers to an output, or to a built-in that is not available.
    """
    known = f"available: {', '.join(sorted(context))}"
    filled = []
    for part in split(text):
        if isinstance(part, OutputReference):
            message = f"${{{{ {part.stack}.{part.output} }}}} is an output, which is not available here; {known}"
            raise ReferenceTextError(message)
        if isinstance(part, BuiltIn):
            if part.name not in context:
                message = f"${{{{ {part.name} }}}} is not available here; {known}"
                raise ReferenceTextError(message)
            filled.append(context[part.name])
        else:
            filled.append(part)
    return "".join(filled)
