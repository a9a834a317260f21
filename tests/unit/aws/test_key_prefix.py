"""Keys below ``state.prefix``, and the key that encrypts them; with requests as botocore sends them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from orchestrator.aws.key_prefix import keep_below
from orchestrator.aws.kms import key_for_backend
from tests.support.catalogue import loaded


class Answers:
    """A client whose calls are not sent: it records their parameters and gives one answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.client: Any = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
        keep_below(self.client, {"states": "team/t/", "plain": ""})
        self.sent: dict[str, Any] = {}
        self.answer = answer
        self.client.meta.events.register_last("before-parameter-build.s3", self._record)
        events: Any = self.client.meta.events  # botocore's stubs allow no answer of a handler
        events.register("before-call.s3", self._answer)

    def _record(self, params: dict[str, Any], **_: Any) -> None:
        self.sent = {**params}

    def _answer(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        return SimpleNamespace(status_code=200, headers={}), self.answer


def test_keys_get_the_prefix_and_lose_it_again() -> None:
    page = {
        "Contents": [{"Key": "team/t/prod/a"}],
        "Prefix": "team/t/prod/",
        "CommonPrefixes": [{"Prefix": "team/t/x/"}],
    }
    s3 = Answers(page)
    found = s3.client.list_objects_v2(Bucket="states", Prefix="prod/", StartAfter="b")
    assert (s3.sent["Prefix"], s3.sent["StartAfter"]) == ("team/t/prod/", "team/t/b")
    assert ([each["Key"] for each in found["Contents"]], found["Prefix"]) == (["prod/a"], "prod/")
    assert found["CommonPrefixes"] == [{"Prefix": "x/"}]
    s3.client.head_object(Bucket="states", Key="prod/a")
    assert s3.sent["Key"] == "team/t/prod/a"


def test_a_listing_of_everything_stays_below_the_prefix() -> None:
    s3 = Answers({"Versions": [{"Key": "team/t/a", "VersionId": "1"}], "NextKeyMarker": "team/t/a"})
    found = s3.client.list_object_versions(Bucket="states")
    assert s3.sent["Prefix"] == "team/t/"
    assert (found["Versions"][0]["Key"], found["NextKeyMarker"]) == ("a", "a")


def test_several_objects_are_deleted_below_the_prefix() -> None:
    s3 = Answers({"Deleted": [{"Key": "team/t/a"}]})
    given = {"Objects": [{"Key": "a", "VersionId": "1"}], "Quiet": True}
    assert s3.client.delete_objects(Bucket="states", Delete=given)["Deleted"] == [{"Key": "a"}]
    assert s3.sent["Delete"] == {"Objects": [{"Key": "team/t/a", "VersionId": "1"}], "Quiet": True}
    assert given["Objects"] == [{"Key": "a", "VersionId": "1"}], "what the caller gave is as it was"


@pytest.mark.parametrize("bucket", ["plain", "another"])
def test_other_buckets_are_left_alone(bucket: str) -> None:
    s3 = Answers({"Contents": [{"Key": "team/t/a"}]})
    assert s3.client.list_objects_v2(Bucket=bucket)["Contents"] == [{"Key": "team/t/a"}]
    assert "Prefix" not in s3.sent


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
