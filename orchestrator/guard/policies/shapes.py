"""Recognizes rules that delete data or lock everybody out, in the forms of Terraform and of CloudFormation.

Each function takes the value of an attribute and returns its ``Level``: what the rules in it do, and how soon.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

from orchestrator.guard.policies.levels import WORST, Level, dangers
from orchestrator.guard.policies.values import (
    Mark,
    ValueReference,
    contains_unknown,
    elements,
    number,
    one_value,
    value_at,
)
from orchestrator.util.plural import agreeing, plural

_Danger = tuple[str, float, str]

_PREFIXES = ("prefix", "filter.prefix", "filter.and.prefix")
_TAGS = ("tags", "tag_filters", "filter.tag", "filter.and.tags")


def expiration(value: Any) -> Level:
    """Lifecycle rules of a bucket that expire every object, or every old version; after how many days.

    A rule for a prefix or a tag does not count: it is about objects that are made to expire.
    """
    return WORST if _not_known(value) else dangers(each for rule in elements(value) for each in _expiring(rule))


def _expiring(rule: Any) -> Iterator[_Danger]:
    status = one_value(value_at(rule, "status") or value_at(rule, "enabled"))
    if status in {"Disabled", False} or _narrowed(rule):
        return
    days = _soonest(rule, "expiration.days", "expiration_in_days")
    if days is not None:
        yield "objects", days, f"every object expires after {_days(days)}"
    date = value_at(rule, "expiration.date") or value_at(rule, "expiration_date")
    if date:
        yield "date", 0, "every object expires on a date"
    old = ("noncurrent_version_expiration.noncurrent_days", "noncurrent_version_expiration.days")
    days = _soonest(rule, *old, "noncurrent_version_expiration_in_days")
    if days is not None:
        text = f"every old version expires after {_days(days)}"
        kept = number(value_at(rule, "noncurrent_version_expiration.newer_noncurrent_versions")) or 0
        yield "versions", days, text
        yield "kept", kept, f"only {_kept(kept, 'old version')}" if kept else text


def _days(number_: float) -> str:
    return plural(int(number_), "day")


def _kept(number_: float, noun: str) -> str:
    return f"{plural(int(number_), noun)} {agreeing(int(number_), 'is', 'are')} kept"


def _soonest(rule: Any, *paths: str) -> float | None:
    """Return the number of days at one of the paths; 0 if nobody knows, None if there is none (providers write 0)."""
    found = [value_at(rule, path) for path in paths]
    if any(map(_not_known, found)):
        return 0.0
    return next((days for days in map(number, found) if days), None)


def _narrowed(rule: Any) -> bool:
    """Return whether a rule is about a part of the bucket. Sizes do not count: every object has one."""
    prefixes = [value_at(rule, path) for path in _PREFIXES]
    tags = [value_at(rule, path) for path in _TAGS]
    return any(isinstance(each, str) and each not in {"", "/"} for each in prefixes) or any(
        bool(each) and not contains_unknown(each) for each in tags
    )


def images(value: Any) -> Level:
    """Lifecycle policies of a repository that expire tagged images: how many are kept, and for how many days.

    Rules for untagged images, or for images whose tags begin in a certain way, do not count.
    """
    document = _document(value)
    if document is None:
        return WORST
    return dangers(each for rule in elements(document.get("rules")) for each in _expiring_images(rule))


def _expiring_images(rule: Any) -> Iterator[_Danger]:
    selection = value_at(rule, "selection") or {}
    some = [*elements(value_at(selection, "tagPrefixList")), *elements(value_at(selection, "tagPatternList"))]
    if value_at(selection, "tagStatus") == "untagged" or (some and "*" not in some):
        return
    count = number(value_at(selection, "countNumber")) or 0.0
    if value_at(selection, "countType") == "imageCountMoreThan":
        yield "count", count, f"only {_kept(count, 'image')}"
    else:
        yield "days", count, f"every image expires after {_days(count)}"


def ttl(value: Any) -> Level:
    """A table's time to live: items whose attribute has a time in the past are deleted."""
    if _not_known(value):
        return WORST
    found = elements(value)
    on = [each for each in found if one_value(value_at(each, "enabled")) not in {None, False}]
    names = [value_at(each, "attribute_name") for each in on]
    return dangers((str(each), 0.0, f"items expire by their attribute {each}") for each in names)


_READ_OR_REPAIR = (
    *("s3:GetObject", "s3:PutBucketPolicy", "kms:Decrypt", "kms:PutKeyPolicy", "dynamodb:GetItem"),
    *("dynamodb:PutResourcePolicy", "secretsmanager:GetSecretValue", "secretsmanager:PutResourcePolicy"),
    *("sqs:ReceiveMessage", "sqs:SetQueueAttributes", "ecr:BatchGetImage", "ecr:SetRepositoryPolicy"),
    *("elasticfilesystem:ClientMount", "elasticfilesystem:PutFileSystemPolicy", "es:ESHttpGet"),
    *("backup:StartRestoreJob", "backup:PutBackupVaultAccessPolicy", "kinesis:GetRecords", "es:UpdateDomainConfig"),
    *("kinesis:PutResourcePolicy", "s3-outposts:GetObject", "s3-outposts:PutBucketPolicy"),
)
"""Actions without which nobody can read what is protected, or change the policy back."""


def lockout(value: Any) -> Level:
    """Statements of a resource policy that deny reading, or changing the policy back, to everybody."""
    document = _document(value)
    if document is None:
        return WORST
    denied = [each for each in _statements(document) if value_at(each, "Effect") != "Allow" and _for_everybody(each)]
    return dangers(
        (action, 0.0, _nobody(action, each)) for each in denied for action in _READ_OR_REPAIR if _covers(each, action)
    )


def key_lockout(value: Any) -> Level:
    """A key policy that denies use or repair to everybody, or allows them to nobody: IAM alone gives no access."""
    document = _document(value)
    if document is None:
        return WORST
    allowing = [each for each in _statements(document) if value_at(each, "Effect") == "Allow"]
    unused = ("kms:Decrypt", "kms:PutKeyPolicy") if document else ()
    denied = lockout(value)
    missing = [each for each in unused if not any(_covers(statement, each) for statement in allowing)]
    return dangers(
        [
            *((key, amount, denied.texts[key]) for key, amount in denied.amounts.items()),
            *((each, 0.0, f"nobody can call {each}") for each in missing),
        ]
    )


def _nobody(action: str, statement: Any) -> str:
    everything = any(each in {"*", "*:*"} for each in elements(value_at(statement, "Action")))
    return "nobody can call any API of it" if everything else f"nobody can call {action}"


def _document(value: Any) -> Mapping[str, Any] | None:
    """Return a policy, from its JSON or as it is; empty when there is none, None when nobody knows it."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


def _statements(document: Mapping[str, Any]) -> list[Any]:
    return elements(document.get("Statement"))


def _for_everybody(statement: Any) -> bool:
    """Return whether a statement is about every principal, unconditionally, and about the whole resource."""
    principal = value_at(statement, "Principal")
    given = principal.values() if isinstance(principal, Mapping) else [principal]
    everyone = any(each in {"*"} or each is Mark.UNKNOWN for one in given for each in elements(one) if _simple(each))
    return everyone and not _conditional(value_at(statement, "Condition")) and _whole(value_at(statement, "Resource"))


def _simple(value: Any) -> bool:
    return isinstance(value, str | Mark)


def _conditional(condition: Any) -> bool:
    """Return whether a condition restricts anything; ``StringLike … *`` is true of everybody."""
    if not isinstance(condition, Mapping):
        return False
    tests = ((operator, values) for operator, each in condition.items() for values in _tested(each))
    return any(not _vacuous(operator, values) for operator, values in tests)


def _vacuous(operator: str, values: list[Any]) -> bool:
    return operator.endswith("Like") and "Not" not in operator and values == ["*"]


def _tested(keys: Any) -> Iterator[list[Any]]:
    for values in keys.values() if isinstance(keys, Mapping) else [keys]:
        yield elements(values)


def _whole(resources: Any) -> bool:
    """Return whether a statement is about the whole resource. Only in a bucket it can be about less: one prefix."""
    return any(not _prefix_of_a_bucket(each) for each in elements(resources) or ["*"])


def _prefix_of_a_bucket(resource: Any) -> bool:
    if not isinstance(resource, str) or ":s3:::" not in resource:
        return False
    _, _, key = resource.partition("/")
    return key not in {"", "*"}


def _covers(statement: Any, action: str) -> bool:
    """Return whether a statement is about an action, or may be."""
    named, excepted = value_at(statement, "Action"), value_at(statement, "NotAction")
    if named is None:
        return not any(_matches(each, action) for each in elements(excepted))
    return any(_matches(each, action) for each in elements(named))


def _matches(pattern: Any, action: str) -> bool:
    return not isinstance(pattern, str) or fnmatchcase(action.lower(), pattern.lower())


def _not_known(value: Any) -> bool:
    return value is Mark.UNKNOWN or isinstance(value, ValueReference)


Shape = Literal["expiration", "images", "ttl", "lockout", "key_lockout"]

SHAPES: Mapping[Shape, Callable[[Any], Level]] = {
    "expiration": expiration,
    "images": images,
    "ttl": ttl,
    "lockout": lockout,
    "key_lockout": key_lockout,
}
"""The names that ``no_new`` can have in ``policies/protected.yaml``."""
