"""Signatures: botocore's are valid, and any modification on the way makes them invalid."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest as Outgoing
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.emulator.access.request import AwsRequest, read_request, read_signature
from orchestrator.emulator.access.signature import has_valid_signature

SECRET = "s3cr3t/+key"
# Clients send encoded paths: unreserved characters and %XX.
SEGMENT = st.lists(st.sampled_from(["a", "Z", "0", "-", "_", ".", "~", "%20", "%3A", "%2F", "%C3%A9"]), min_size=1).map(
    "".join
)
PATHS = st.lists(SEGMENT.filter(lambda s: s not in {".", ".."}), max_size=4).map(lambda parts: "/" + "/".join(parts))
QUERIES = st.lists(st.tuples(SEGMENT, SEGMENT), max_size=4, unique_by=lambda pair: pair[0])


def sign(service: str, path: str, query: list[tuple[str, str]], body: bytes, method: str = "POST") -> dict[str, Any]:
    """Return a request as a WSGI server passes it on, signed by botocore."""
    text = "&".join(f"{name}={value}" for name, value in query)
    url = f"http://127.0.0.1:5000{path}" + (f"?{text}" if text else "")
    outgoing = Outgoing(
        method=method, url=url, data=body, headers={"X-Amz-Target": "Some.Thing", "Host": "127.0.0.1:5000"}
    )
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    kind(Credentials("AKIAEXAMPLE", SECRET), service, "eu-west-1").add_auth(outgoing)
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": path + (f"?{text}" if text else ""),
        "QUERY_STRING": text,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in outgoing.headers.items():
        given = value.decode() if isinstance(value, bytes) else value
        environ["HTTP_" + name.upper().replace("-", "_")] = given
    return environ


def genuine(environ: dict[str, Any], body: bytes, secret: str = SECRET) -> bool:
    request = read_request(environ, body)
    assert request.signature is not None
    return has_valid_signature(request, request.signature, secret)


@given(st.sampled_from(["s3", "sqs", "lambda"]), PATHS, QUERIES, st.binary(max_size=40))
def test_what_botocore_signs_is_genuine(service: str, path: str, query: list[tuple[str, str]], body: bytes) -> None:
    assert genuine(sign(service, path, query, body), body)


@given(st.sampled_from(["s3", "sqs"]), PATHS, QUERIES, st.binary(max_size=40))
def test_nothing_of_it_can_be_changed(service: str, path: str, query: list[tuple[str, str]], body: bytes) -> None:
    environ = sign(service, path, query, body)
    assert not genuine(environ, body, "another secret")
    assert not genuine({**environ, "wsgi.input": io.BytesIO(body)}, body + b"x")
    assert not genuine({**environ, "REQUEST_METHOD": "DELETE"}, body)
    assert not genuine({**environ, "RAW_URI": environ["RAW_URI"].replace("/", "/x", 1)}, body)
    assert not genuine({**environ, "QUERY_STRING": environ["QUERY_STRING"] + "&more=1"}, body)
    assert not genuine({**environ, "HTTP_X_AMZ_DATE": "20260101T000000Z"}, body)
    assert not genuine({**environ, "HTTP_HOST": "elsewhere"}, body)


@pytest.mark.parametrize(
    "header", ["", "Basic eDp5", "AWS AKIA:old", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/s3/aws4_request"]
)
def test_what_is_not_signature_version_4_is_no_signature(header: str) -> None:
    assert read_signature(header) is None


FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def json_call(target: str) -> dict[str, str]:
    return {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}


# signing name, method and path, headers, body -> service, operation, some of its parameters
UNDERSTOOD: dict[str, tuple[str, str, dict[str, str], bytes, tuple[str, str, dict[str, Any]]]] = {
    "json": (
        "cognito-idp",
        "POST /",
        json_call("AWSCognitoIdentityProviderService.DescribeUserPool"),
        b'{"UserPoolId": "p"}',
        ("cognito-idp", "DescribeUserPool", {"UserPoolId": "p"}),
    ),
    "query": (
        "iam",
        "POST /",
        FORM,
        b"Action=GetRole&RoleName=r&Version=2010-05-08",
        ("iam", "GetRole", {"RoleName": "r"}),
    ),
    "bucket": ("s3", "HEAD /b", {}, b"", ("s3", "HeadBucket", {"Bucket": "b"})),
    "object": ("s3", "GET /b/a/k", {}, b"", ("s3", "GetObject", {"Bucket": "b", "Key": "a/k"})),
    "subresource": ("s3", "GET /b?encryption", {}, b"", ("s3", "GetBucketEncryption", {"Bucket": "b"})),
    "account's block": (
        "s3",
        "GET /v20180820/configuration/publicAccessBlock",
        {"X-Amz-Account-Id": "1"},
        b"",
        ("s3control", "GetPublicAccessBlock", {"AccountId": "1"}),
    ),
    "http api": ("apigateway", "GET /v2/apis/a", {}, b"", ("apigatewayv2", "GetApi", {"ApiId": "a"})),
    "rest api": ("apigateway", "GET /restapis/a", {}, b"", ("apigateway", "GetRestApi", {"restApiId": "a"})),
    "other name": (
        "tagging",
        "POST /",
        json_call("ResourceGroupsTaggingAPI_20170126.GetResources"),
        b"{}",
        ("resourcegroupstaggingapi", "GetResources", {}),
    ),
    "unknown": ("made-up", "POST /", {"X-Amz-Target": "MadeUp_2026.DoIt"}, b"{}", ("made-up", "DoIt", {})),
}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_requests_of_every_protocol_are_understood(name: str) -> None:
    signed, line, headers, body, (service, operation, params) = UNDERSTOOD[name]
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    environ = sign(signed, path, [], body, method)
    environ["QUERY_STRING"] = query
    for header, value in headers.items():
        environ["CONTENT_TYPE" if header == "Content-Type" else "HTTP_" + header.upper().replace("-", "_")] = value
    request: AwsRequest = read_request(environ, body)
    assert (request.service, request.operation) == (service, operation)
    assert {given: request.params.get(given) for given in params} == params
