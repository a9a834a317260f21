"""Every type that a rehearsal fills, in the shapes that are hard to fill, on the shared emulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.aws.backup.locate import ResourceLocation
from orchestrator.aws.identity.identities import Identities
from orchestrator.config.catalogue import Secret, Unit
from orchestrator.config.load import load
from orchestrator.emulator.info import read_info
from orchestrator.errors import Location
from orchestrator.run.rehearse.contents import CONTENTS, NUMBER, count_filled, fill_resource
from orchestrator.run.rehearse.secrets import PLACEHOLDER_TEXT, add_missing_secrets
from tests.support.emulator import REGION, Account
from tests.support.project import Project

pytestmark = pytest.mark.integration


@pytest.fixture
def identities(tmp_path: Path, emulator: Path, account: Account) -> Identities:
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account.id})
    project.write("live/stages/prod.yaml", "account: main\nstacks: {box: }\n")
    project.write("live/stacks/box.yaml", "module: box\n")
    return Identities(load(project.root), read_info(emulator))


def _pool(account: Account, **more: object) -> str:
    return str(account.client("cognito-idp").create_user_pool(PoolName="people", **more)["UserPool"]["Id"])


def _required(account: Account) -> str:
    schema = [{"Name": name, "Required": True} for name in ("email", "birthdate", "given_name")]
    return _pool(account, Schema=schema, AliasAttributes=["email"])


def _table(account: Account) -> str:
    account.client("dynamodb").create_table(
        TableName="events",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "at", "KeyType": "HASH"}, {"AttributeName": "blob", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "at", "AttributeType": "N"},
            {"AttributeName": "blob", "AttributeType": "B"},
        ],
    )
    return "events"


def _bucket(account: Account) -> str:
    name = f"files-{account.id}"
    account.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def _fifo(account: Account) -> str:
    made = account.client("sqs").create_queue(QueueName="tasks.fifo", Attributes={"FifoQueue": "true"})
    return str(made["QueueUrl"])


def _repository(account: Account) -> str:
    account.client("ecr").create_repository(repositoryName="images")
    return "images"


SHAPES: dict[str, tuple[str, Callable[[Account], str]]] = {
    "by name": ("aws_cognito_user_pool", _pool),
    "by email": ("aws_cognito_user_pool", lambda account: _pool(account, UsernameAttributes=["email"])),
    "by phone": ("aws_cognito_user_pool", lambda account: _pool(account, UsernameAttributes=["phone_number"])),
    "required": ("aws_cognito_user_pool", _required),
    "table": ("aws_dynamodb_table", _table),
    "bucket": ("aws_s3_bucket", _bucket),
    "fifo": ("aws_sqs_queue", _fifo),
    "images": ("aws_ecr_repository", _repository),
}


def test_every_type_is_filled_and_counted(identities: Identities, account: Account) -> None:
    assert {type_ for type_, _ in SHAPES.values()} == set(CONTENTS)
    for name, (type_, make) in SHAPES.items():
        place = ResourceLocation(type_, make(account), "main", REGION)
        assert count_filled(identities, place) == 0, name
        assert fill_resource(identities, place) == (NUMBER, ""), name
        assert count_filled(identities, place) == NUMBER, name


@pytest.mark.parametrize("type_", sorted(CONTENTS))
def test_what_does_not_exist_has_nothing_in_it_and_cannot_be_filled(identities: Identities, type_: str) -> None:
    id_ = {
        "aws_cognito_user_pool": "eu-west-1_gone",
        "aws_sqs_queue": "https://sqs.eu-west-1.amazonaws.com/111111111111/gone",
    }.get(type_, "gone-for-good")
    place = ResourceLocation(type_, id_, "main", REGION)
    assert count_filled(identities, place) == 0
    number, why = fill_resource(identities, place)
    assert number == 0
    assert why.startswith("could not be filled: ")


def test_secrets_that_nothing_makes_get_a_placeholder_and_others_stay(identities: Identities, account: Account) -> None:
    ssm, store = account.client("ssm"), account.client("secretsmanager")
    ssm.put_parameter(Name="/prod/token", Value="theirs", Type="SecureString")
    at = Location("live/stacks/box.yaml", 1)
    secrets = (
        Secret("token", "ssm", "/prod/token", at),
        Secret("other", "ssm", "/prod/other", at),
        Secret("key", "secretsmanager", "prod/key", at),
    )
    unit = Unit("prod/box", "prod", "box", "main", REGION, None, {}, at, secrets=secrets)  # type: ignore[arg-type]
    assert add_missing_secrets(identities, [unit]) == ("ssm:/prod/other", "secretsmanager:prod/key")
    assert ssm.get_parameter(Name="/prod/token", WithDecryption=True)["Parameter"]["Value"] == "theirs"
    assert ssm.get_parameter(Name="/prod/other", WithDecryption=True)["Parameter"]["Value"] == PLACEHOLDER_TEXT
    assert store.get_secret_value(SecretId="prod/key")["SecretString"] == PLACEHOLDER_TEXT
    assert add_missing_secrets(identities, [unit]) == ()
