from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UnitError
from orchestrator.terraform.failures import error_block, failure, first_line
from orchestrator.terraform.process.log import strip_ansi

PLAIN = """\
terraform_data.a: Creating...

Warning: Deprecated thing

  with this

Error: Invalid value for input variable that is explained in more words than
fit on a line

  on main.tf line 1, in module "this":
   1: module "this" {

The given value is not suitable.

Error: Second one

  with module.this.x
Releasing state lock. This may take a few moments...
""".splitlines()

BOXED = """\
terraform_data.a: Creating...
╷
│ Warning: Deprecated thing
│
╵
╷
│ Error: Invalid value
│
│   on main.tf line 1
│
│ Not suitable.
╵
done
""".splitlines()


def test_errors_are_cut_out_of_plain_output() -> None:
    block = error_block(PLAIN)
    assert block.startswith("Error: Invalid value for input variable")
    assert block.endswith("Error: Second one\n\n  with module.this.x")
    assert "Warning" not in block
    assert "Creating" not in block
    assert first_line(block) == "Invalid value for input variable that is explained in more words than fit on a line"


def test_errors_are_cut_out_of_boxes() -> None:
    assert error_block(BOXED) == "Error: Invalid value\n\n  on main.tf line 1\n\nNot suitable."


def test_a_failure_carries_terraforms_words() -> None:
    error = failure("prod/api", "terraform plan", code=1, lines=PLAIN, hint="look there")
    assert isinstance(error, UnitError)
    assert error.exit_code == 1
    assert error.what.startswith("prod/api: terraform plan failed: Invalid value for input variable")
    assert (error.code, error.stopped, error.timed_out, error.hint) == (1, False, False, "look there")


def test_without_an_error_the_last_output_and_the_code_speak() -> None:
    error = failure("u", "terraform apply", code=-9, lines=[f"line {n}" for n in range(50)])
    assert error.first_line == "killed by signal 9"
    assert error.block.splitlines() == [f"line {n}" for n in range(30, 50)]
    assert failure("u", "c", code=1, lines=[]).first_line == "exit code 1 without an error message"


def test_a_stop_and_a_time_limit_are_told_apart() -> None:
    assert failure("u", "c", code=1, lines=[], stopped=True).what == "u: c was stopped"
    assert failure("u", "c", code=1, lines=[], timed_out=True).what == "u: c reached its time limit and was stopped"


@given(st.text())
def test_plain_text_has_no_control_characters_and_is_stable(text: str) -> None:
    once = strip_ansi(text)
    assert strip_ansi(once) == once
    assert not any(ord(char) < 32 and char not in "\t\n" for char in once)
    assert "\x1b" not in once
    assert "\x9b" not in once


# As Terraform 1.11.4 and the provider 5.100.0 print them.
@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (
            (
                "Error: Failed to save state\n\nError saving state: failed to upload state: operation error S3: PutObject, "
                "exceeded maximum number of attempts, 5, https response error StatusCode: 503, RequestID: 0, HostID: , "
                "api error SlowDown: Please reduce your request rate."
            ),
            "AWS throttled requests",
        ),
        (
            (
                "Error: creating SQS Queue (t): operation error SQS: CreateQueue, https response error StatusCode: 400, "
                "RequestID: 0, ThrottlingException: Rate exceeded"
            ),
            "AWS throttled requests",
        ),
        (
            (
                "Error: reading SSM Parameter (t): operation error SSM: GetParameter, https response error "
                "StatusCode: 500, RequestID: 0, InternalServerError: an injected fault"
            ),
            "AWS returned server errors",
        ),
        (
            (
                "Error: error loading state: operation error S3: GetObject, https response error StatusCode: 403, "
                "RequestID: 0, HostID: , api error ExpiredToken: The provided token has expired."
            ),
            "credentials have expired",
        ),
        (
            (
                'Error: Unable to list objects in S3 bucket "t": operation error S3: ListObjectsV2, request send failed, '
                'Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused'
            ),
            "AWS could not be reached",
        ),
        (
            (
                'Error: Error refreshing state: Unable to access object "prod/first" in S3 bucket "t": operation error S3: '
                "HeadObject, exceeded maximum number of attempts, 5, https response error StatusCode: 503, RequestID: 0, "
                "HostID: , api error ServiceUnavailable: Service Unavailable"
            ),
            "AWS was throttling or unavailable",
        ),
        ("Error: Plugin did not respond\n\nThe plugin encountered an error", "the provider process crashed"),
        ("Error: failed to write plan: write /x/y.tfplan: no space left on device", "a disk of this machine is full"),
        ("Error: write errored.tfstate: file too large", "a disk of this machine is full"),
        (
            (
                "Error: Error refreshing state: operation error S3: HeadObject, https response error StatusCode: 400,"
                " RequestID: , HostID: ,\napi error BadRequest: Bad Request"
            ),
            "credentials have expired",
        ),
    ],
)
def test_what_no_configuration_causes_is_said_in_words_with_what_to_do(words: str, cause: str) -> None:
    error = failure("prod/a", "terraform apply", code=1, lines=words.splitlines())
    assert cause in error.advice
    assert not failure("prod/a", "terraform apply", code=130, lines=words.splitlines(), stopped=True).advice


@pytest.mark.parametrize(
    "words",
    [
        "Error: Invalid for_each argument\n\nThe value is not known",
        'Error: creating S3 Bucket (t): BucketAlreadyExists: the name "throttle" is taken',
        "Error: Reference to undeclared resource",
    ],
)
def test_what_the_configuration_causes_is_left_to_terraforms_words(words: str) -> None:
    assert not failure("prod/a", "terraform plan", code=1, lines=words.splitlines()).advice


def test_a_terraform_that_was_killed_is_told_as_such() -> None:
    assert "killed" in failure("prod/a", "terraform apply", code=-9, lines=[]).advice


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (("Error: Failed to query available provider packages\n\ncould not connect to registry.terraform.io: dial tcp: "
         "lookup registry.terraform.io: no such host"), "registry"),
        (("Error: Error accessing remote module registry\n\nFailed to retrieve available versions for module: Get "
         '"https://registry.terraform.io/x": connection refused'), "registry"),
        (("Error: Failed to download module\n\nerror downloading 'https://git.example.com/x.git': fatal: Could not resolve "
         "host: git.example.com"), "registry"),
        ("Error: reading SQS Queue\n\ndial tcp: lookup sqs.eu-west-1.amazonaws.com: no such host", "AWS"),
    ],
)  # fmt: skip
def test_what_could_not_be_reached_is_named(text: str, named: str) -> None:
    said = failure("prod/a", "init", code=1, lines=text.splitlines()).advice
    assert ("AWS could not" in said) is (named == "AWS")
    assert ("registry or module source" in said) is (named == "registry")
