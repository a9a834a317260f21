"""Failed AWS calls: their cause, the resulting error, and what its message never contains."""

from __future__ import annotations

import pytest
from botocore import exceptions as boto
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.causes import Cause, cause_of, clean_message, endpoint_of
from orchestrator.aws.errors import CallContext, translate
from orchestrator.errors import DeniedError, OrchError, SetupError, ThrottledError, UnitError


def client_error(code: str, message: str = "No.") -> boto.ClientError:
    return boto.ClientError({"Error": {"Code": code, "Message": message}}, "GetObject")


@pytest.mark.parametrize(
    ("error", "cause", "kind", "said"),
    [
        (boto.NoCredentialsError(), Cause.NO_CREDENTIALS, SetupError, "aws sso login --profile dev"),
        (boto.ProfileNotFound(profile="nope"), Cause.NO_PROFILE, SetupError, "no profile 'nope'"),
        (boto.UnauthorizedSSOTokenError(), Cause.SSO, SetupError, "`aws sso login --profile dev`"),
        (boto.SSOTokenLoadError(error_msg="gone"), Cause.SSO, SetupError, "`aws sso login --profile dev`"),
        (boto.TokenRetrievalError(provider="sso", error_msg="x"), Cause.SSO, SetupError, "aws sso login"),
        (boto.PartialCredentialsError(provider="env", cred_var="X"), Cause.BAD_CONFIG, SetupError, "missing: X"),
        (boto.RefreshWithMFAUnsupportedError(), Cause.MFA, SetupError, "duration_seconds"),
        (client_error("AccessDenied", "MultiFactorAuthentication failed"), Cause.MFA, SetupError, "new code"),
        (client_error("ExpiredToken"), Cause.EXPIRED, SetupError, "have expired"),
        (client_error("InvalidClientTokenId"), Cause.INVALID, SetupError, "InvalidClientTokenId"),
        (client_error("RequestTimeTooSkewed"), Cause.CLOCK, SetupError, "clock"),
        (client_error("AccessDenied", "User: me may not."), Cause.DENIED, DeniedError, "denied: User: me may not — "),
        (client_error("403"), Cause.DENIED, DeniedError, "orch apply production/baseline"),
        (client_error("SlowDown"), Cause.THROTTLED, ThrottledError, "AWS throttled"),
        (client_error("ThrottlingException"), Cause.THROTTLED, ThrottledError, "smaller -j"),
        (client_error("NoSuchBucket"), Cause.NO_BUCKET, SetupError, "orch bootstrap production"),
        (client_error("InternalError", "Oops."), Cause.OTHER, UnitError, "InternalError: Oops"),
        (
            boto.EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com/?a=b"),
            Cause.NETWORK,
            SetupError,
            "https://sts.eu-west-1.amazonaws.com does not answer",
        ),
        (
            boto.SSLError(endpoint_url="https://s3.amazonaws.com", error=OSError("bad")),
            Cause.NETWORK,
            SetupError,
            "AWS_CA_BUNDLE",
        ),
    ],
)
def test_each_cause_has_its_own_answer(error: Exception, cause: Cause, kind: type[OrchError], said: str) -> None:
    assert cause_of(error) is cause
    told = translate(error, "read the state of prod/api", CallContext("production", "dev"))
    assert type(told) is kind
    assert str(told).startswith("cannot read the state of prod/api")
    assert said in str(told)
    assert "\n" not in str(told)


def test_orch_errors_pass_through() -> None:
    error = SetupError("as it was")
    assert translate(error, "anything") is error


def test_the_emulator_is_not_the_network() -> None:
    error = boto.EndpointConnectionError(endpoint_url="http://127.0.0.1:5000/")
    told = translate(error, "log in", CallContext(emulator=True))
    assert "http://127.0.0.1:5000 does not answer" in told.what
    assert "orch emulator start" in (told.hint or "")


def test_a_signature_that_does_not_match_does_not_show_the_token() -> None:
    token = "IQoJb3JpZ2luX2VjEBAaCWV1LXdlc3QtMSJHMEUCIQD" + "A1b2/+=" * 20
    message = (
        "The request signature we calculated does not match. The Canonical String for this request should have been\n"
        f"'GET\n/\n\nx-amz-security-token:{token}\n'"
    )
    told = str(translate(client_error("SignatureDoesNotMatch", message), "read"))
    assert token not in told
    told = str(translate(client_error("Odd", f"what about {token} and ASIAABCDEFGHIJKLMNOP"), "read"))
    assert token not in told
    assert "ASIAABCDEFGHIJKLMNOP" not in told
    assert "what about" in told


def test_a_credential_process_that_prints_a_secret_does_not_show_it() -> None:
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    error = boto.CredentialRetrievalError(provider="custom-process", error_msg=f"oops {secret}")
    assert secret not in str(translate(error, "log in"))


def test_arns_stay_readable() -> None:
    text = (
        "User: arn:aws:sts::111111111111:assumed-role/orch-plan/orch-me may not s3:GetObject on arn:aws:s3:::b/prod/k"
    )
    assert clean_message(text) == text


@given(st.text(alphabet="ABCDEFabcdef0123456789+/=", min_size=40, max_size=2000), st.text(max_size=50))
def test_no_long_opaque_word_is_shown(secret: str, around: str) -> None:
    shown = clean_message(f"{around} {secret} {around}")
    assert secret not in shown
    assert len(shown) <= 400
    assert "\n" not in shown


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean_message(clean_message(text)) == clean_message(text)


def test_the_endpoint_is_shown_without_query() -> None:
    error = boto.ReadTimeoutError(endpoint_url="https://b.s3.amazonaws.com/key?X-Amz-Signature=abc")
    assert endpoint_of(error) == "https://b.s3.amazonaws.com"
    assert endpoint_of(boto.NoCredentialsError()) == ""
