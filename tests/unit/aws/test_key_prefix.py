"""Keys below ``state.prefix``, and the key that encrypts them; with requests as botocore sends them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from orchestrator.aws.key_prefix import keep_below
from orchestrator.aws.kms import key_for_backend
from tests.support.catalogue import loaded


@pytest.fixture
def s3() -> Iterator[tuple[Any, Stubber]]:
    client: Any = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    keep_below(client, {"states": "team/t/", "plain": ""})
    with Stubber(client) as stubber:
        yield client, stubber


def test_keys_get_the_prefix_and_lose_it_again(s3: tuple[Any, Stubber]) -> None:
    client, stub = s3
    stub.add_response("head_object", {}, {"Bucket": "states", "Key": "team/t/prod/a"})
    client.head_object(Bucket="states", Key="prod/a")
    page = {
        "Contents": [{"Key": "team/t/prod/a"}],
        "Prefix": "team/t/prod/",
        "CommonPrefixes": [{"Prefix": "team/t/x/"}],
    }
    stub.add_response("list_objects_v2", page, {"Bucket": "states", "Prefix": "team/t/prod/", "StartAfter": "team/t/b"})
    found = client.list_objects_v2(Bucket="states", Prefix="prod/", StartAfter="b")
    assert ([each["Key"] for each in found["Contents"]], found["Prefix"]) == (["prod/a"], "prod/")
    assert found["CommonPrefixes"] == [{"Prefix": "x/"}]


def test_a_listing_of_everything_stays_below_the_prefix(s3: tuple[Any, Stubber]) -> None:
    client, stub = s3
    versions = {"Versions": [{"Key": "team/t/a", "VersionId": "1"}], "NextKeyMarker": "team/t/a"}
    stub.add_response("list_object_versions", versions, {"Bucket": "states", "Prefix": "team/t/"})
    found = client.list_object_versions(Bucket="states")
    assert (found["Versions"][0]["Key"], found["NextKeyMarker"]) == ("a", "a")


def test_several_objects_are_deleted_below_the_prefix(s3: tuple[Any, Stubber]) -> None:
    client, stub = s3
    sent = {"Objects": [{"Key": "team/t/a", "VersionId": "1"}], "Quiet": True}
    stub.add_response("delete_objects", {"Deleted": [{"Key": "team/t/a"}]}, {"Bucket": "states", "Delete": sent})
    given = {"Objects": [{"Key": "a", "VersionId": "1"}], "Quiet": True}
    assert client.delete_objects(Bucket="states", Delete=given)["Deleted"] == [{"Key": "a"}]
    assert given["Objects"] == [{"Key": "a", "VersionId": "1"}], "what the caller gave is as it was"


@pytest.mark.parametrize("bucket", ["plain", "another"])
def test_other_buckets_are_left_alone(s3: tuple[Any, Stubber], bucket: str) -> None:
    client, stub = s3
    stub.add_response("list_objects_v2", {"Contents": [{"Key": "team/t/a"}]}, {"Bucket": bucket})
    assert client.list_objects_v2(Bucket=bucket)["Contents"] == [{"Key": "team/t/a"}]


@pytest.mark.parametrize(
    ("key", "region", "sent"),
    [
        (None, "eu-west-1", None),
        ("arn:aws:kms:x", "eu-west-1", "arn:aws:kms:x"),
        ("alias/states", "eu-west-1", "arn:aws:kms:eu-west-1:111111111111:alias/states"),
        ("alias/states", "cn-north-1", "arn:aws-cn:kms:cn-north-1:111111111111:alias/states"),
        ("alias/states", "eusc-de-east-1", "arn:aws-eusc:kms:eusc-de-east-1:111111111111:alias/states"),
    ],
)
def test_the_key_for_the_backend(tmp_path: Path, key: str | None, region: str, sent: str | None) -> None:
    account = loaded(tmp_path, "== stages/prod\naccount: main\nstacks: {a: }\n== stacks/a\nmodule: any\n").accounts[
        "main"
    ]
    assert key_for_backend(replace(account, state_kms_key=key, region=region)) == sent
