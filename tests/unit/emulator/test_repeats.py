"""What a client gets that tries a request again whose answer it did not receive."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.emulator.access.error_responses import HttpResponse
from orchestrator.emulator.access.request import AwsRequest, read_request
from orchestrator.emulator.repeats import LatestAnswers
from tests.support.emulator import Account

DONE = HttpResponse(200, (), b"done")
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential={}/20261130/eu-west-1/ssm/aws4_request, SignedHeaders=host, Signature=" + "0" * 64
)


def request(invocation: str = "one", attempt: str = "attempt=2; max=25", *, key: str = "AKIAEXAMPLE") -> AwsRequest:
    headers: Mapping[str, str] = {
        "HTTP_AUTHORIZATION": AUTHORIZATION.format(key),
        "HTTP_X_AMZ_TARGET": "AmazonSSM.PutParameter",
        "HTTP_AMZ_SDK_INVOCATION_ID": invocation,
        "HTTP_AMZ_SDK_REQUEST": attempt,
    }
    return read_request(
        {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "HTTP_HOST": "x", "SERVER_NAME": "x", "SERVER_PORT": "80",
         "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(b"{}"), "CONTENT_LENGTH": "2", "CONTENT_TYPE": "application/x-amz-json-1.1", **headers},
        b"{}",
    )  # fmt: skip


def test_a_second_try_gets_the_answer_of_the_first() -> None:
    latest = LatestAnswers()
    latest.keep(request(attempt="attempt=1; max=25"), DONE)
    assert latest.repeated(request()) is DONE


@pytest.mark.parametrize(
    "other", [request("two"), request(attempt="attempt=1; max=25"), request(key="AKIAOTHER"), request("")]
)
def test_any_other_request_is_carried_out(other: AwsRequest) -> None:
    latest = LatestAnswers()
    latest.keep(request(attempt="attempt=1; max=25"), DONE)
    assert latest.repeated(other) is None


def test_a_failed_try_is_carried_out_again() -> None:
    latest = LatestAnswers()
    latest.keep(request(), HttpResponse(503, (), b""))
    assert latest.repeated(request()) is None


def test_an_answer_that_is_lost_on_purpose_is_forgotten_and_old_ones_too() -> None:
    latest = LatestAnswers()
    latest.keep(request(), DONE)
    latest.forget(request())
    assert latest.repeated(request()) is None
    latest.keep(request(), DONE)
    for number in range(300):
        latest.keep(request(f"later {number}"), DONE)
    assert latest.repeated(request()) is None
    assert latest.repeated(request("later 299")) is DONE


@pytest.mark.integration
def test_a_client_that_lost_an_answer_does_not_meet_what_it_created(account: Account) -> None:
    ssm = account.client("ssm")

    def tried(attempt: int, invocation: str) -> None:
        def mark(request: Any, **_: object) -> None:
            request.context["retries"] |= {"invocation-id": invocation, "attempt": attempt}

        ssm.meta.events.register_first("request-created.ssm.PutParameter", mark, unique_id="try")
        ssm.put_parameter(Name="/t/repeated", Value="one", Type="String")
        ssm.meta.events.unregister("request-created.ssm.PutParameter", unique_id="try")

    tried(1, "a")
    tried(2, "a")
    with pytest.raises(ssm.exceptions.ParameterAlreadyExists):
        tried(2, "b")
    assert ssm.get_parameter(Name="/t/repeated")["Parameter"]["Version"] == 1
