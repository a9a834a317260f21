"""Names in AWS, from one function. Changing what it gives is a breaking release: a changed name replaces things.

Limits are those of the documentation of AWS: S3 "Bucket naming rules" (3 to 63, lower case, global), "CreateUserPool"
PoolName (128) and "CreateUserPoolDomain" (63, global in a region, without the words aws, amazon, cognito), Lambda
"CreateFunction" (64), IAM quotas (roles 64, policies 128), SQS "CreateQueue" (80), DynamoDB naming rules (255), API
Gateway quotas (HTTP API name 128), CloudWatch Logs "CreateLogGroup" (512). The characters are those of the same pages;
a name has only lower-case letters, digits and "-", which all of them allow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import Problem

_HASH = 8
"""Hexadecimal digits of the hash that a shortened name ends with."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a service allows.

    Attributes:
        limit: most characters.
        allowed: regular expression of the whole name, as the service's documentation has it.
        unique: the name must be the only one in the world, so it carries the account's id.
        without: words that must not stand in it.
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
"""Service -> what it allows; ``name`` is the plain one, short enough for all of them."""


def aws_name(
    settings_name: str, stage: str, stack: str, service: str, *, region_suffix: str = "", account_id: str = ""
) -> str:
    """The name of a unit's thing in a service: ``ams-prod-identity``.

    Args:
        settings_name: ``name`` of ``live/orch.yaml``.
        stage: name of the stage or account, or the stage's ``named``.
        stack: name of the stack, or its ``named``.
        service: a key of ``SERVICES``.
        region_suffix: the region, for units outside of their stage's.
        account_id: for names that must be the only ones in the world.

    Returns:
        The parts with ``-`` between them; what is longer than the service's limit, or has a word that it forbids, is
        cut and ends with a hash of the whole.

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
    # The parts are hashed with their borders: a-b + c and a + b-c look alike.
    digest = hashlib.sha256("\n".join([service, *parts]).encode()).hexdigest()[:_HASH]
    return f"{kept[: allowed.limit - _HASH - 1].rstrip('-')}-{digest}"


def name_collisions(settings_name: str, units: Iterable[Unit]) -> Iterator[Problem]:
    """Units of one account that would have the same names in AWS: ``a-b/c`` and ``a/b-c``."""
    seen: dict[tuple[str, str], Unit] = {}
    for unit in units:
        whole = "-".join([settings_name, unit.named_stage or unit.stage, unit.named or unit.stack])
        if "@" in unit.id:
            whole += f"-{unit.region}"
        first = seen.setdefault((unit.account, whole), unit)
        if first is not unit:
            what = f"{unit.id} and {first.id} have the same names in AWS, {whole}, in the account {unit.account}"
            yield Problem(unit.at, what, "rename a stage or a stack, or give one of them another name with `named:`")


def aws_names(catalogue: Catalogue, unit: Unit) -> Mapping[str, str]:
    """Every service's name for a unit."""
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
