"""The API of the platform: users access their own profile and documents.

The HTTP API in front has already verified the token, so the caller is the one in its claims.
"""  # noqa: INP001  # Lambda uses the folder itself; it is not a package

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import boto3


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Handle one request of API Gateway (payload format 2.0).

    Args:
        event: the request, with the token's claims.
        _context: the Lambda context; unused.

    Returns:
        status code, headers and JSON body.
    """
    http = event["requestContext"]["http"]
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    match (http["method"], http["path"]):
        case ("GET", "/me"):
            return _profile(claims["sub"])
        case ("PUT", "/me"):
            return _save(claims, event.get("body"))
        case ("GET", "/documents"):
            return _documents(claims["sub"])
    return _answer(404, {"error": "not found"})


def _profile(person: str) -> dict[str, Any]:
    found = _table().get_item(Key={"id": person}).get("Item")
    return _answer(200, found) if found else _answer(404, {"error": "no profile yet"})


def _save(claims: Mapping[str, str], body: str | None) -> dict[str, Any]:
    try:
        name = json.loads(body or "")["name"]
    except (ValueError, KeyError, TypeError):
        name = None
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        return _answer(400, {"error": "name must be a string of 1 to 200 characters"})
    profile = {"id": claims["sub"], "name": name} | ({"email": claims["email"]} if "email" in claims else {})
    _table().put_item(Item=profile)
    if queue := os.environ.get("TASKS"):  # not set in stages without the second product
        task = json.dumps({"kind": "profile-saved", "person": claims["sub"]})
        boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=task)
    return _answer(200, profile)


def _documents(person: str) -> dict[str, Any]:
    prefix = f"{person}/"
    found = boto3.client("s3").list_objects_v2(Bucket=os.environ["DOCUMENTS"], Prefix=prefix).get("Contents", [])
    return _answer(200, [each["Key"].removeprefix(prefix) for each in found])


def _table() -> Any:
    return boto3.resource("dynamodb").Table(os.environ["TABLE"])


def _answer(status: int, content: object) -> dict[str, Any]:
    body = json.dumps(content, default=str)  # DynamoDB's numbers are Decimals
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": body}
