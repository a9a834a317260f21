"""A small catalogue of records, and an AWS that answers what a test tells it to."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Account, Catalogue, ModuleSource, Roles, Settings, Stage, Timeouts, Unit
from orchestrator.errors import Location

PRODUCTION = "111111111111"
BPM = "333333333333"
MANAGEMENT = "999999999999"
ENTRY = f"arn:aws:iam::{MANAGEMENT}:user/me"


def account(name: str, number: str, *, region: str = "eu-west-1", profile: str | None = None) -> Account:
    at = Location(f"live/accounts/{name}.yaml", 1)
    bucket = f"ams-{number}-tfstate"
    return Account(name, number, region, (region,), False, bucket, Roles(), {}, at, profile)


def unit(unit_id: str, account_name: str, *, upstreams: tuple[str, ...] = (), of_account: bool = False) -> Unit:
    stage, stack = unit_id.split("/")
    at = Location(f"live/stages/{stage}.yaml", 3)
    source = ModuleSource("service", None, Path("modules/service"), at)
    return Unit(
        unit_id, stage, stack, account_name, "eu-west-1", source, {}, at, upstreams=upstreams, of_account=of_account
    )


def catalogue(root: Path, *, production: str = PRODUCTION, bpm: str = BPM) -> Catalogue:
    """Two accounts, by their ids: production with a stage prod, bpm with a stage bpm-prod."""
    settings = Settings(
        name="ams",
        region="eu-west-1",
        terraform=">=1.11,<2.0",
        orch="~=0.1",
        providers={},
        state_bucket="${{ name }}-${{ account_id }}-tfstate",
        roles=Roles(),
        tags={},
        timeouts=Timeouts(),
        management="999999999999",
    )
    accounts = {a.name: a for a in (account("production", production), account("bpm", bpm))}
    stages = {
        name: Stage(name, where, "eu-west-1", (name,), Location(f"live/stages/{name}.yaml", 1))
        for name, where in {"prod": "production", "bpm-prod": "bpm"}.items()
    }
    units = (
        unit("production/baseline", "production", of_account=True),
        unit("prod/data", "production", upstreams=("production/baseline",)),
        unit("prod/api", "production", upstreams=("bpm-prod/tasks", "prod/data", "production/baseline")),
        unit("bpm/baseline", "bpm", of_account=True),
        unit("bpm-prod/tasks", "bpm", upstreams=("bpm/baseline",)),
    )
    return Catalogue(root, settings, accounts, stages, {u.id: u for u in units})


def with_account(given: Catalogue, changed: Account) -> Catalogue:
    return replace(given, accounts={**given.accounts, changed.name: changed})


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came in; ``fields`` are those of query and form."""

    method: str
    path: str
    fields: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def key_id(self) -> str:
        """Access key id that signed it."""
        return self.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]

    @property
    def action(self) -> str:
        return self.fields.get("Action", "")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


Answering = Callable[[Call], Answer]


@dataclass
class FakeAws:
    """An endpoint on loopback that answers with what ``answer`` returns, and remembers every call."""

    url: str
    answer: Answering
    calls: list[Call] = field(default_factory=list)

    def count(self, action: str) -> int:
        return sum(1 for call in self.calls if call.action == action)


@contextmanager
def fake_aws(answer: Answering) -> Iterator[FakeAws]:
    fake = FakeAws("", answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            form = body if self.command == "POST" else ""
            fields = {k: v[0] for k, v in parse_qs(f"{parts.query}&{form}", keep_blank_values=True).items()}
            call = Call(self.command, unquote(parts.path), fields, dict(self.headers), body)
            fake.calls.append(call)
            answer = fake.answer(call)
            data = b"" if self.command == "HEAD" else answer.text.encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "text/xml", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _any  # noqa: N815 - the names that http.server wants

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class AtOnce:
    """Answers a group of calls only when all of it have come in: calls that wait for each other fail the test.

    Args:
        answer: gives the answers.
        groups: name -> how many calls it has.
        group_of: the group of a call; None: it is answered at once.
    """

    def __init__(self, answer: Answering, groups: Mapping[str, int], group_of: Callable[[Call], str | None]) -> None:
        self._answer = answer
        self._barriers = {name: threading.Barrier(size) for name, size in groups.items()}
        self._group_of = group_of

    def __call__(self, call: Call) -> Answer:
        group = self._group_of(call)
        if group is not None:
            try:
                self._barriers[group].wait(timeout=20)
            except threading.BrokenBarrierError:
                return Answer(400, f"not all of the group {group} were asked at the same time")
        return self._answer(call)


def caller_identity(number: str, arn: str) -> Answer:
    return Answer(
        200,
        "<GetCallerIdentityResponse><GetCallerIdentityResult>"
        f"<Arn>{arn}</Arn><UserId>X</UserId><Account>{number}</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>",
    )


def assumed(action: str, key: str, expires: datetime) -> Answer:
    return Answer(
        200,
        f"<{action}Response><{action}Result><Credentials>"
        f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>SECRET-{key}</SecretAccessKey>"
        f"<SessionToken>TOKEN-{key}</SessionToken><Expiration>{expires.strftime('%Y-%m-%dT%H:%M:%SZ')}</Expiration>"
        f"</Credentials></{action}Result></{action}Response>",
    )


def refused(code: str, message: str, status: int = 403) -> Answer:
    return Answer(
        status, f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    )


def s3_refused(code: str, message: str, status: int) -> Answer:
    return Answer(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>")


class World:
    """STS and S3: who the base is, who each assumed key is, what the buckets hold, and what is refused.

    ``refuse``: action, role ARN, or "METHOD /path" -> the answer instead.
    """

    def __init__(self) -> None:
        self.base = (MANAGEMENT, ENTRY)
        self.refuse: dict[str, Answer] = {}
        self.lifetime: timedelta = timedelta(hours=1)
        self.expires: datetime | None = None
        self.roles: dict[str, str] = {}
        self.objects: dict[str, str] = {}
        self.times: dict[str, str] = {}

    def __call__(self, call: Call) -> Answer:
        words = (call.action, call.fields.get("RoleArn", ""), f"{call.method} {call.path}")
        for word in words:
            if word in self.refuse:
                return self.refuse[word]
        if call.action in ("AssumeRole", "AssumeRoleWithWebIdentity"):
            key = f"ASIA{len(self.roles):016d}"
            self.roles[key] = call.fields["RoleArn"]
            return assumed(call.action, key, self.expires or datetime.now(UTC) + self.lifetime)
        if call.action == "GetCallerIdentity":
            return self._who(call.key_id)
        return self._s3(call)

    def role_of(self, call: Call) -> str:
        """ACCOUNT/ROLE that signed a call."""
        arn = self.roles[call.key_id]
        return f"{arn.split(':')[4]}/{arn.rsplit('/', 1)[1]}"

    def _who(self, key: str) -> Answer:
        if key not in self.roles:
            return caller_identity(*self.base)
        number, name = self.roles[key].split(":")[4], self.roles[key].rsplit("/", 1)[1]
        return caller_identity(number, f"arn:aws:sts::{number}:assumed-role/{name}/orch-me")

    def _s3(self, call: Call) -> Answer:
        if call.method == "PUT":
            self.objects[call.path] = call.body
            return Answer(200)
        if call.method == "POST" and "delete" in call.fields:
            return Answer(200, "<DeleteResult/>")
        if "list-type" in call.fields:
            return Answer(
                200,
                self._listing(
                    call.path.rstrip("/"), call.fields.get("prefix", ""), int(call.fields.get("max-keys", 1000))
                )
                if "delimiter" not in call.fields
                else self._folders(call.path.rstrip("/")),
            )
        if call.path not in self.objects:
            return s3_refused("NoSuchKey", "The specified key does not exist.", 404)
        return Answer(200, self.objects[call.path], {"ETag": etag(self.objects[call.path])})

    def _listing(self, bucket: str, prefix: str, most: int) -> str:
        keys = sorted(k for k in self.objects if k.startswith(f"{bucket}/{prefix}"))[:most]
        found = "".join(
            f"<Contents><Key>{k.removeprefix(bucket + '/')}</Key><ETag>{etag(self.objects[k])}</ETag>"
            f"<LastModified>{self.times.get(k, '2026-11-26T12:00:00')}.000Z</LastModified></Contents>"
            for k in keys
        )
        return f"<ListBucketResult><Name>{bucket}</Name>{found}</ListBucketResult>"

    def _folders(self, bucket: str) -> str:
        """The first folders of keys, as a listing with the delimiter / has them."""
        keys = [k.removeprefix(f"{bucket}/") for k in self.objects if k.startswith(f"{bucket}/")]
        names = sorted({key.partition("/")[0] for key in keys if "/" in key})
        found = "".join(f"<CommonPrefixes><Prefix>{name}/</Prefix></CommonPrefixes>" for name in names)
        return f"<ListBucketResult><Name>{bucket}</Name>{found}</ListBucketResult>"


def etag(text: str) -> str:
    return f'"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}"'


@contextmanager
def standard_chain(world: World, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    """An AWS for the standard chain, with an empty home: AWS_ENDPOINT_URL is how AWS's own tools are led elsewhere."""
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with fake_aws(world) as fake:
        monkeypatch.setenv("AWS_ENDPOINT_URL", fake.url)
        yield fake


def give_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIABASE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET-BASE")


def make_roles(identities: Identities, account: Account, names: Sequence[str] = ("orch-plan", "orch-apply")) -> None:
    """Roles that the management account may assume: apply does everything, plan only reads, any other nothing."""
    allowed = {"orch-plan": ["s3:Get*", "s3:List*", "sns:Get*", "sns:List*"], "orch-apply": ["*"]}
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}, "Action": "sts:AssumeRole"}
    iam = identities.client("iam", account, Role.BOOTSTRAP)
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
        actions = allowed.get(name, ["sts:GetCallerIdentity"])
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="what-it-may", PolicyDocument=_policy(statement))


def _policy(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
