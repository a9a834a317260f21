"""Makes names in AWS. A change to these names is a breaking change, because AWS replaces resources that are renamed.

The limits are from the AWS documentation: S3 "Bucket naming rules" (3 to 63, lower case, global), "CreateUserPool"
PoolName (128) and "CreateUserPoolDomain" (63, global in a region, without the words aws, amazon, cognito), Lambda
"CreateFunction" (64), IAM quotas (roles 64, policies 128), SQS "CreateQueue" (80), DynamoDB naming rules (255), API
Gateway quotas (HTTP API name 128), CloudWatch Logs "CreateLogGroup" (512). The characters are from the same pages.
A name has only lowercase letters, digits and "-", which all services allow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import Problem
from orchestrator.hcl.modules.interface import Variable
from orchestrator.hcl.modules.types import Collection, ObjectAttribute, ObjectType, Primitive, parse_type

_HASH = 8
"""Hexadecimal digits of the hash at the end of a shortened name."""


@dataclass(frozen=True, slots=True)
class Service:
    """The naming rules of a service.

    Attributes:
        limit: maximum number of characters.
        allowed: regular expression for the whole name, from the documentation of the service.
        unique: the name must be globally unique, so it contains the account id.
        without: words that the name must not contain.
    """

    limit: int
    allowed: str
    unique: bool = False
    without: tuple[str, ...] = ()


SERVICES: Mapping[str, Service] = {
    "bucket": Service(63, r"[a-z0-9][a-z0-9.-]+[a-z0-9]", unique=True),
    "pool": Service(128, r"[\w\s+=,.@-]+"),
    "domain": Service(63, r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", unique=True, without=("cognito", "amazon", "aws")),
    "function": Service(64, r"[a-zA-Z0-9_-]+"),
    "role": Service(64, r"[\w+=,.@-]+"),
    "policy": Service(128, r"[\w+=,.@-]+"),
    "queue": Service(80, r"[a-zA-Z0-9_-]+"),
    "table": Service(255, r"[a-zA-Z0-9_.-]{3,}"),
    "api": Service(128, r".+"),
    "log_group": Service(512, r"[a-zA-Z0-9_/.#-]+"),
    "name": Service(63, r"[a-z][a-z0-9-]*"),
}
"""Service -> its naming rules. ``name`` is short enough for all of them."""

_TEXT = (Primitive("any"), Primitive("string"))


def aws_name(
    settings_name: str, stage: str, stack: str, service: str, *, region_suffix: str = "", account_id: str = ""
) -> str:
    """Return the name of a unit's resource in a service, e.g. ``ams-prod-identity``.

    Args:
        settings_name: ``name`` of ``live/orch.yaml``.
        stage: name of the stage or account, or the stage's ``named``.
        stack: name of the stack, or its ``named``.
        service: a key of ``SERVICES``.
        region_suffix: the region, for units outside the region of their stage.
        account_id: id of the account, for globally unique names.

    Returns:
        The parts joined with ``-``. A name that is too long, or contains a forbidden word, is cut and ends with a hash
        of the whole.

    Raises:
        KeyError: the service is unknown.
    """
    allowed = SERVICES[service]
    parts = [settings_name, stage, stack, region_suffix, account_id if allowed.unique else ""]
    whole = "-".join(part for part in parts if part)
    kept = whole
    for word in allowed.without:
        kept = kept.replace(word, "x")
    if kept == whole and len(whole) <= allowed.limit:
        return whole
    # The parts are hashed separately, because a-b + c and a + b-c join to the same text.
    digest = hashlib.sha256("\n".join([service, *parts]).encode()).hexdigest()[:_HASH]
    return f"{kept[: allowed.limit - _HASH - 1].rstrip('-')}-{digest}"


def name_collisions(settings_name: str, units: Iterable[Unit]) -> Iterator[Problem]:
    """Yield a problem for units of one account with the same names in AWS, such as ``a-b/c`` and ``a/b-c``."""
    seen: dict[tuple[str, str], Unit] = {}
    for unit in units:
        whole = "-".join([settings_name, unit.named_stage or unit.stage, unit.named or unit.stack])
        if "@" in unit.id:
            whole += f"-{unit.region}"
        first = seen.setdefault((unit.account, whole), unit)
        if first is not unit:
            what = f"{unit.id} and {first.id} have the same name in AWS: {whole} in account {unit.account}"
            yield Problem(unit.at, what, "rename a stage or a stack, or set another name with `named:`")


def aws_names(catalogue: Catalogue, unit: Unit) -> Mapping[str, str]:
    """Return service -> name in AWS for a unit."""
    home = catalogue.accounts[unit.stage].region if unit.of_account else catalogue.stages[unit.stage].region
    suffix = "" if unit.region == home else unit.region
    return {
        service: aws_name(
            catalogue.settings.name,
            unit.named_stage or unit.stage,
            unit.named or unit.stack,
            service,
            region_suffix=suffix,
            account_id=catalogue.account_of(unit).id,
        )
        for service in SERVICES
    }


def asks_for_names(variable: Variable) -> bool:
    """Return whether a variable is declared to get its value from orch.

    That is a variable ``names`` without a default, whose type is an object of keys of ``SERVICES``.
    """
    wanted = parse_type(variable.type)
    return (
        variable.name == "names"
        and not variable.has_default
        and isinstance(wanted, ObjectType)
        and bool(wanted.attributes)
        and all(_is_service(each) for each in wanted.attributes)
    )


def takes_names(variable: Variable) -> bool:
    """Return whether Terraform accepts names in AWS for a variable: text for ``name``, a map of texts for ``names``."""
    wanted = parse_type(variable.type)
    if variable.name == "name":
        return wanted in _TEXT
    if isinstance(wanted, ObjectType):
        return all(_is_service(each) or (each.optional and each.name not in SERVICES) for each in wanted.attributes)
    if isinstance(wanted, Collection):
        return wanted.name == "map" and wanted.element in _TEXT
    return wanted == Primitive("any")


def _is_service(attribute: ObjectAttribute) -> bool:
    return attribute.name in SERVICES and attribute.type in _TEXT
