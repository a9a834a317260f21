"""Values that look like credentials are in no comment, although Terraform did not mark them."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.comment.credentials import HIDDEN_VALUE, hide_credentials
from orchestrator.report.comment.diff import short_arns
from orchestrator.report.model import ChangeLine
from orchestrator.terraform.model import Action
from tests.support.comments import attribute, comment_of, unit

KEY = "AKIA" + "Q3EGRM5WJ7KD2PZT"
AWS_SECRET = "kR8v/2mXw+Lq9TzB4nYc7JdF1sHg6PaE3uVtQ0iO"
TOKEN = "ghp_" + "a8Xk2" * 8
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
PEM = "-----BEGIN RSA PRIVATE KEY-----\\nMIIEowIBAAKCAQEA7\\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize("secret", [KEY, AWS_SECRET, TOKEN, JWT, PEM, "xoxb-2345678901-abcdefghij"])
def test_forms_of_issuers_are_hidden_wherever_they_stand(secret: str) -> None:
    change = ChangeLine(
        f'aws_ssm_parameter.this["{secret}"]',
        Action.REPLACE,
        reason=f"it is {secret}",
        attributes=(attribute("value", f'"{secret}"', '"x"'), attribute("tags", "", f'{{a = "{secret}"}}')),
        imported_id=secret,
    )
    text = comment_of(unit("prod/data", change, cause=f"failed with {secret}", error=f"Error: {secret}")).text
    assert secret not in text
    assert secret[:24] not in text
    assert HIDDEN_VALUE in text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("password", '"hunter2 and more"'),
        ("db_password", '"x"'),
        ('tags["api token"]', '"abcdefgh"'),
        ("environment[0].variables.STRIPE_API_KEY", '"abcdefgh"'),
        ("connection", '"postgres://app:hunter22@db/app"'),
        ("user_data", '"export DB_PASSWORD=hunter22 NAME=x"'),
        ("parameters", '{DB_PASSWORD = "hunter22", NAME = "x"}'),
        ("definition", '"{\\"Password\\": \\"hunter22\\"}"'),
        ("connection", '"postgres://app:hun/hunter22@db/app"'),
        ("connection", '"Server=db;Uid=app;Pwd=hunter22;"'),
        ("connection", '"AccountName=a;AccountKey=hunter22hunter22=="'),
        ("user_data", '"export MYSQL_PWD=hunter22"'),
        ("headers", '"Authorization: Bearer hunter22opaque"'),
        ("headers", '"Authorization: Basic aHVudGVyMg=="'),
        ("headers", '{Authorization = "hunter22opaque"}'),
        ("headers", '"{\\"authorization\\": \\"Bearer hunter22opaque\\"}"'),
        ("command", '"db --password hunter22"'),
        ("command", '"db --db-password=hunter22"'),
    ],
)
def test_values_that_their_names_call_secrets_are_hidden(path: str, value: str) -> None:
    text = comment_of(
        unit("prod/data", ChangeLine("a.b", Action.UPDATE, attributes=(attribute(path, value, '"old"'),)))
    ).text
    assert value not in text
    assert "hunter2" not in text
    assert HIDDEN_VALUE in text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("secret_arn", '"arn:aws:secretsmanager:eu-west-1:111111111111:secret:db-AbCdEf"'),
        ("secret", '"arn:aws:secretsmanager:eu-west-1:111111111111:secret:db-AbCdEf"'),
        ("access_token_validity", "60"),
        ("generate_secret", "true"),
        ("password_policy[0].minimum_length", "12"),
        ("source_code_hash", '"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="'),
        ("image", '"registry/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"'),
        ("commit", '"3f9c2d1e5b6a7c8d9e0f1a2b3c4d5e6f7a8b9c0d"'),
        ("password", "(sensitive)"),
        ("url", '"https://example.com/a:b@c"'),
        ("hash_key", '"id"'),
        ("authorization", '"NONE"'),
        ("authorization_type", '"COGNITO_USER_POOLS"'),
        ("description", '"The bearer token has 12 parts, authorization: required"'),
        ("url", '"http://localhost:8080/a/b@c"'),
        ("image", '"registry:5000/app@sha256:9f86d081884c7d65"'),
        ("command", '"db --token-ttl 3600 --secret-id /prod/db"'),
        ("command", '"cat --password-stdin"'),
    ],
)
def test_other_values_are_shown(path: str, value: str) -> None:
    change = ChangeLine("a.b", Action.UPDATE, attributes=(attribute(path, "", value),))
    assert short_arns(value)[0] in comment_of(unit("prod/data", change)).text


@given(st.binary(min_size=30, max_size=30), st.text('abc ,:="', max_size=8))
def test_a_secret_key_of_aws_is_hidden_beside_anything(raw: bytes, beside: str) -> None:
    secret = base64.b64encode(raw).decode()
    mixed = any(c.islower() for c in secret) and any(c.isupper() for c in secret) and any(c.isdigit() for c in secret)
    if mixed:
        assert secret not in hide_credentials(f"{beside} {secret} {beside}")


@pytest.mark.parametrize(
    "part",
    ["://a:", "authorization:", "bearer ", "--a-", "password=", "--password ", '\\"', "a=", "pwd=", "-----BEGIN"],
)
def test_a_long_value_takes_no_longer_than_its_length(part: str) -> None:
    """Whoever writes a value must not be able to hold up the job that shows it."""
    started = time.process_time()
    hide_credentials(part * (400_000 // len(part)))
    assert time.process_time() - started < 4
