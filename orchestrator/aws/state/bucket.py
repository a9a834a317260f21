"""The state bucket of an account, created with botocore because Terraform needs it before it can store any state.

Each property is checked before it is set. So `plan_bucket` shows what `ensure_bucket` would do, running it twice
changes nothing, and an interrupted run continues where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from orchestrator.aws.causes import AwsFailure, Cause, cause_of, code_of
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.kms import key_for_backend
from orchestrator.config.catalogue import Account
from orchestrator.errors import Location, SetupError

KEEP_DAYS = 365
"""Old versions of a state can be restored for this many days."""
_ABORT_DAYS = 7
_WORK_DAYS = 2
"""An approval is valid for one day, and so is what was planned."""
PLAN_DAYS = 7
"""How long `orch apply --approved` accepts a stored plan."""
_TLS_ONLY = "OrchTlsOnly"
_EXPIRE = "orch-expire-old-versions"
_ABSENT = frozenset(
    {
        "NoSuchBucket",
        "404",
        "NoSuchBucketPolicy",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "OwnershipControlsNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
        "NoSuchTagSet",
    }
)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class BucketProperty:
    """A property of the bucket: ``look`` checks it, ``make`` sets it, and ``change`` describes the change in words."""

    name: str
    change: str
    look: Callable[[], bool]
    make: Callable[[], None]


@dataclass(frozen=True, slots=True)
class BucketChange:
    """The outcome for one property of the bucket.

    Attributes:
        name: name of the property, e.g. ``versioning``.
        done: the property was already set.
        change: the required change, in words.
    """

    name: str
    done: bool
    change: str


class StateBucket:
    """The bucket of one account, accessed under its bootstrap role.

    Args:
        account: owner of the bucket.
        identities: provides the clients.
    """

    def __init__(self, account: Account, identities: Identities) -> None:
        self._account = account
        self._identities = identities
        self._name = account.state_bucket
        self._s3: Any = identities.client("s3", account, Role.BOOTSTRAP)

    def properties(self) -> Sequence[BucketProperty]:
        """Return the required properties of a state bucket, in the order in which they are set."""
        region = self._account.region
        return (
            BucketProperty("bucket", f"create bucket {self._name} in {region}", self.exists, self._create),
            BucketProperty("public access block", "block all public access", self._is_closed, self._close),
            BucketProperty("ownership", "make the account the owner of every object", self._is_owned, self._own),
            BucketProperty("versioning", "keep every version of a state", self._is_versioned, self._version),
            BucketProperty("encryption", self._encryption, self._is_encrypted, self._encrypt),
            BucketProperty("tags", "tag it like the account's resources", self._is_tagged, self._tag),
            BucketProperty("TLS only", "deny requests without TLS", self._is_tls_only, self._tls_only),
            BucketProperty(
                "old versions", f"delete old versions after {KEEP_DAYS} days", self._is_expiring, self._expire
            ),
        )

    def exists(self) -> bool:
        """Whether the bucket exists in this account.

        Raises:
            SetupError: the bucket belongs to another account, or is in another region.
        """
        try:
            answer = self._s3.head_bucket(Bucket=self._name, ExpectedBucketOwner=self._account.id)
        except ClientError as error:
            if code_of(error) in _ABSENT:
                return False
            if cause_of(error) is Cause.DENIED:
                raise self._taken() from error
            raise
        found = answer.get("BucketRegion", self._account.region)
        if found != self._account.region:
            raise SetupError(
                f"bucket {self._name} is in {found}, expected {self._account.region}",
                where=self._account.at,
                hint="correct `region` of the account, or set another `state.bucket` in live/orch.yaml",
            )
        return True

    def call(self, step: str, function: Callable[[], _T]) -> _T:
        """Run a step that calls AWS, and translate its failure.

        Raises:
            SetupError, DeniedError, ThrottledError, UnitError: the call failed.
        """
        try:
            return function()
        except AwsFailure as error:
            doing = f"create bucket {self._name}" if step == "bucket" else f"set up {step} of state bucket {self._name}"
            context = replace(self._identities.context(self._account), bootstrap=True)
            raise translate(error, doing, context) from error

    def _taken(self) -> SetupError:
        return SetupError(
            f"bucket {self._name} belongs to another AWS account, or {self._account.name} cannot access it",
            where=self._account.at,
            hint="bucket names are unique across all AWS accounts: set another `state.bucket` in live/orch.yaml, "
            "with ${{ account_id }} in it",
        )

    def _create(self) -> None:
        region = self._account.region
        # S3 rejects us-east-1 as a LocationConstraint.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            self._s3.create_bucket(Bucket=self._name, ObjectOwnership="BucketOwnerEnforced", **place)
        except ClientError as error:
            if code_of(error) == "BucketAlreadyExists":
                raise self._taken() from error
            if code_of(error) != "BucketAlreadyOwnedByYou":  # created by a concurrent run
                raise
        self._s3.get_waiter("bucket_exists").wait(Bucket=self._name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})

    def _get(self, method: str) -> dict[str, Any]:
        """Return a setting of the bucket; empty if it is not configured."""
        try:
            answer: dict[str, Any] = getattr(self._s3, method)(**self._where)
        except ClientError as error:
            if code_of(error) in _ABSENT:
                return {}
            raise
        return answer

    @property
    def _where(self) -> dict[str, str]:
        return {"Bucket": self._name, "ExpectedBucketOwner": self._account.id}

    def _is_closed(self) -> bool:
        found = self._get("get_public_access_block").get("PublicAccessBlockConfiguration", {})
        return all(found.get(key) is True for key in _CLOSED)

    def _close(self) -> None:
        self._s3.put_public_access_block(**self._where, PublicAccessBlockConfiguration=_CLOSED)

    def _is_owned(self) -> bool:
        rules = self._get("get_bucket_ownership_controls").get("OwnershipControls", {}).get("Rules", [])
        return [rule.get("ObjectOwnership") for rule in rules] == ["BucketOwnerEnforced"]

    def _own(self) -> None:
        rules = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        self._s3.put_bucket_ownership_controls(**self._where, OwnershipControls=rules)

    def _is_versioned(self) -> bool:
        return bool(self._get("get_bucket_versioning").get("Status") == "Enabled")

    def _version(self) -> None:
        self._s3.put_bucket_versioning(**self._where, VersioningConfiguration={"Status": "Enabled"})

    @property
    def _encryption(self) -> str:
        key = self._account.state_kms_key
        return "encrypt with keys that S3 manages" if key is None else f"encrypt with the KMS key {key}"

    def _is_encrypted(self) -> bool:
        """Without ``kms_key`` any encryption is accepted: somebody chose it, so it is not changed."""
        found = self._get("get_bucket_encryption").get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        kinds = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") for rule in found]
        if (key := self._account.state_kms_key) is None:
            return bool(kinds) and all(kind in {"AES256", "aws:kms", "aws:kms:dsse"} for kind in kinds)
        keys = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") for rule in found]
        return bool(kinds) and all(kind != "AES256" for kind in kinds) and all(self._is_key(each, key) for each in keys)

    def _is_key(self, found: object, wanted: str) -> bool:
        """Return whether S3's name of a key is the one of ``live/``: an alias or id may stand for its ARN."""
        text = str(found)
        return text == wanted or text.endswith((f":{wanted}", f":key/{wanted}"))

    def _encrypt(self) -> None:
        rule: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        if (key := self._account.state_kms_key) is not None:
            self._find_key(key)
            default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_for_backend(self._account)}
            rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
        self._s3.put_bucket_encryption(**self._where, ServerSideEncryptionConfiguration={"Rules": [rule]})

    def _find_key(self, key: str) -> None:
        """Raise if the key does not exist: S3 accepts any name, and then refuses every state."""
        kms = self._identities.client("kms", self._account, Role.BOOTSTRAP)
        try:
            kms.describe_key(KeyId=key)
        except ClientError as error:
            if code_of(error) != "NotFoundException":
                raise
            place = f"{self._account.region} of {self._account.name}"
            raise SetupError(
                f"the KMS key {key} of the state bucket does not exist in {place}",
                where=Location("live/orch.yaml"),
                hint="create it: aws kms create-key, aws kms create-alias; or correct `state.kms_key`",
            ) from error

    def _tags(self) -> dict[str, str]:
        return {**self._account.tags, "account": self._account.name}

    def _found_tags(self) -> dict[str, str]:
        return {each["Key"]: each["Value"] for each in self._get("get_bucket_tagging").get("TagSet", [])}

    def _is_tagged(self) -> bool:
        return self._tags().items() <= self._found_tags().items()

    def _tag(self) -> None:
        tags = {**self._found_tags(), **self._tags()}
        listed = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
        self._s3.put_bucket_tagging(**self._where, Tagging={"TagSet": listed})

    def _policy(self) -> dict[str, Any]:
        text = self._get("get_bucket_policy").get("Policy")
        return dict(json.loads(text)) if text else {"Version": "2012-10-17", "Statement": []}

    def _tls_statement(self) -> dict[str, Any]:
        arn = f"arn:{self._identities.confirm(self._account, Role.BOOTSTRAP).partition}:s3:::{self._name}"
        return {
            "Sid": _TLS_ONLY,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }

    def _is_tls_only(self) -> bool:
        return self._tls_statement() in _listed(self._policy()["Statement"])

    def _tls_only(self) -> None:
        policy = self._policy()
        others = [s for s in _listed(policy["Statement"]) if s.get("Sid") != _TLS_ONLY]
        policy["Statement"] = [*others, self._tls_statement()]
        self._s3.put_bucket_policy(**self._where, Policy=json.dumps(policy))

    def _rules(self) -> list[dict[str, Any]]:
        return list(self._get("get_bucket_lifecycle_configuration").get("Rules", []))

    def _is_expiring(self) -> bool:
        there = self._rules()
        return all(
            any(all(rule.get(key) == value for key, value in wanted.items()) for rule in there)
            for wanted in _expiries(self._account.state_prefix)
        )

    def _expire(self) -> None:
        wanted = _expiries(self._account.state_prefix)
        others = [rule for rule in self._rules() if rule.get("ID") not in {each["ID"] for each in wanted}]
        self._s3.put_bucket_lifecycle_configuration(**self._where, LifecycleConfiguration={"Rules": [*others, *wanted]})


def plan_bucket(account: Account, identities: Identities) -> tuple[BucketChange, ...]:
    """Return what `ensure_bucket` would do. Changes nothing.

    Args:
        account: owner of the bucket.
        identities: provides the clients.

    Returns:
        every step in order, done or not.

    Raises:
        SetupError: the bucket belongs to another account, or the bootstrap role cannot be assumed.
        DeniedError, ThrottledError, UnitError: AWS rejected a call.
    """
    identities.confirm(account, Role.BOOTSTRAP)
    bucket = StateBucket(account, identities)
    exists = bucket.call("bucket", bucket.exists)
    return tuple(BucketChange(p.name, exists and bucket.call(p.name, p.look), p.change) for p in bucket.properties())


def ensure_bucket(
    account: Account, identities: Identities, *, on_step: Callable[[BucketChange], None] | None = None
) -> tuple[BucketChange, ...]:
    """Create the state bucket of an account, or set its missing properties.

    Args:
        account: owner of the bucket.
        identities: provides the clients.
        on_step: called after each step; ``done`` is true if nothing had to change.

    Returns:
        every step in order.

    Raises:
        SetupError: the bucket belongs to another account, or the bootstrap role cannot be assumed.
        DeniedError, ThrottledError, UnitError: AWS rejected a call; earlier steps remain done.
    """
    identities.confirm(account, Role.BOOTSTRAP)
    bucket = StateBucket(account, identities)
    steps: list[BucketChange] = []
    for prop in bucket.properties():
        done = bucket.call(prop.name, prop.look)
        if not done:
            bucket.call(prop.name, prop.make)
        steps.append(BucketChange(prop.name, done, prop.change))
        if on_step is not None:
            on_step(steps[-1])
    return tuple(steps)


_CLOSED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def _expiries(below: str) -> tuple[dict[str, Any], ...]:
    """Return the lifecycle rules of what orch stores in a state bucket. ``below``: the prefix of its keys."""
    suffix = f"-{below.strip('/')}" if below else ""  # With its slashes: `a/b` and `a-b` must not share rules.
    old = {
        "ID": f"{_EXPIRE}{suffix}",
        "Status": "Enabled",
        "Filter": {"Prefix": below},
        "NoncurrentVersionExpiration": {"NoncurrentDays": KEEP_DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _ABORT_DAYS},
    }
    # What a run on a cluster leaves, and plans that wait for their approval: they contain secrets, and are needed for a
    # time only. Of two rules, S3 follows the one that expires first.
    work: tuple[dict[str, Any], ...] = tuple(
        {
            "ID": f"orch-expire-{prefix}{suffix}",
            "Status": "Enabled",
            "Filter": {"Prefix": f"{below}{prefix}/"},
            "Expiration": {"Days": days},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        }
        for prefix, days in (("work", _WORK_DAYS), ("claims", _WORK_DAYS), ("plans", PLAN_DAYS + 1))
    )
    return (old, *work)


def _listed(statements: Any) -> list[dict[str, Any]]:
    return list(statements) if isinstance(statements, list) else [statements]
