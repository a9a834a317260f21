"""The sample function, called as by API Gateway."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.support.module_readme import ROOT


def load() -> Any:
    spec = importlib.util.spec_from_file_location("service_api", ROOT / "services/api/app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """AWS with the function's table, bucket and queue. Returns the queue."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("TABLE", "users")
    monkeypatch.setenv("DOCUMENTS", "documents")
    with mock_aws():
        boto3.setup_default_session()
        boto3.client("dynamodb").create_table(
            TableName="users",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="documents", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for key in ("ann/cv.pdf", "bob/cv.pdf"):
            s3.put_object(Bucket="documents", Key=key, Body=b"x")
        queue = boto3.resource("sqs").create_queue(QueueName="tasks")
        monkeypatch.setenv("TASKS", queue.url)
        yield queue


def call(method: str, path: str, body: str | None = None, *, person: str = "ann") -> tuple[int, Any]:
    claims = {"sub": person, "email": f"{person}@example.com"}
    context = {"http": {"method": method, "path": path}, "authorizer": {"jwt": {"claims": claims}}}
    answer = load().handler({"requestContext": context, "body": body}, None)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_profile_is_saved_and_read_by_its_owner_only(queue: Any) -> None:
    assert call("GET", "/me")[0] == 404
    profile = {"id": "ann", "name": "Ann", "email": "ann@example.com"}
    assert call("PUT", "/me", '{"name": "Ann", "id": "bob"}') == (200, profile)
    assert call("GET", "/me") == (200, profile)
    assert call("GET", "/me", person="bob")[0] == 404
    (message,) = queue.receive_messages()
    assert json.loads(message.body) == {"kind": "profile-saved", "person": "ann"}


def test_a_stage_without_the_second_product_sends_nothing(queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TASKS")
    assert call("PUT", "/me", '{"name": "Ann"}')[0] == 200
    assert queue.receive_messages() == []


def test_numbers_of_the_table_are_answered(queue: Any) -> None:
    boto3.resource("dynamodb").Table("users").put_item(Item={"id": "ann", "expires_at": 1_800_000_000})
    assert call("GET", "/me") == (200, {"id": "ann", "expires_at": "1800000000"})


@pytest.mark.parametrize("body", [None, "", "no json", "[]", "7", "{}", '{"name": 7}', '{"name": ""}'])
def test_a_profile_without_a_name_is_refused(queue: Any, body: str | None) -> None:
    assert call("PUT", "/me", body)[0] == 400
    assert call("GET", "/me")[0] == 404


def test_documents_are_those_of_the_caller(queue: Any) -> None:
    assert call("GET", "/documents") == (200, ["cv.pdf"])
    assert call("GET", "/documents", person="eve") == (200, [])


def test_anything_else_is_not_there(queue: Any) -> None:
    assert call("DELETE", "/me")[0] == 404
