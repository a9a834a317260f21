"""What looks like a credential, and what only looks random. The samples are put together here: none is real."""

from __future__ import annotations

import re

import pytest

from orchestrator.util.secret_text import FORMS, credential_in, without_forms

WORD = "aB3dE5fG7hJ9kL2mN4pQ6rS8tU1vW0xYzAbCdEfGhIjKlMnOpQrStUvWxYz012345"
SAMPLES = [
    ("AKIA" + "QWERTYUIOPASDFG2", "an AWS access key"),
    ("key: ASIA" + "QWERTYUIOPASDFG2", "an AWS access key"),
    ("aws_secret_access_key = " + "wJa1rXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzz" + "ab", "an AWS secret access key"),
    ("-----BEGIN RSA " + "PRIVATE KEY-----", "a private key"),
    ("-----BEGIN " + "PRIVATE KEY-----", "a private key"),
    ("-----BEGIN OPENSSH " + "PRIVATE KEY-----", "a private key"),
    ("-----BEGIN PGP " + "PRIVATE KEY BLOCK-----", "a private key"),
    ("gh" + "p_" + WORD[:36], "a token of GitHub"),
    ("github" + "_pat_" + WORD[:22] + "_" + WORD[:59], "a token of GitHub"),
    ("https://x:gl" + "pat-" + WORD[:20] + "@gitlab.com/x.git", "a token of GitLab"),
    ("xo" + "xb-123456789012-" + WORD[:24], "a token of Slack"),
    ("https://hooks.slack.com/services/" + "T0ABCDEFG/B0ABCDEFG/" + WORD[:24], "a webhook of Slack"),
    ("sk" + "_live_" + WORD[:24], "a key of Stripe"),
    ("AI" + "za" + WORD[:35], "a key of Google"),
    ("S" + "G." + WORD[:22] + "." + WORD[:43], "a key of SendGrid"),
    ("np" + "m_" + WORD[:36], "a token of npm"),
    ("pypi-" + "AgEIcHlwaS5vcmc" + WORD[:55], "a token of PyPI"),
    ("sk-" + "ant-api03-" + WORD[:50], "a key of Anthropic"),
    (WORD[:14] + ".atlas" + "v1." + WORD[:62], "a token of HCP Terraform"),
    ("hv" + "s." + WORD[:30], "a token of Vault"),
    ("AGE-" + "SECRET-KEY-1" + "Q" * 58, "a private key"),
    ("dckr" + "_pat_" + WORD[:30], "a token of Docker Hub"),
    ("sk-" + "proj-" + WORD[:50], "a key of OpenAI"),
]


@pytest.mark.parametrize(("text", "kind"), SAMPLES)
def test_a_credential_is_told_by_its_kind(text: str, kind: str) -> None:
    assert credential_in(text) == kind
    assert credential_in(f"before {text} after") == kind
    hidden = without_forms(f"before {text} after", "?")
    assert hidden.startswith("before ")
    assert credential_in(hidden) == ""
    assert len(hidden) < len(text) / 2 + 20


def test_every_form_has_a_sample_with_one_of_its_signs() -> None:
    """Without a sign in a text the patterns are not tried, so a wrong sign would hide nothing."""
    for form in (form for form in FORMS if form.strict):
        texts = [text for text, _ in SAMPLES if re.search(form.strict, text)]
        assert texts, form.kind
        assert all(re.search(form.loose or form.strict, text) for text in texts), form.kind
        assert not form.signs or all(any(sign in text for sign in form.signs) for text in texts), form.kind


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",  # the example of AWS's documentation
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AKIA",
        "arn:aws:iam::111111111111:role/orch-plan",
        "arn:aws:kms:eu-west-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "3fa85f64-5717-4562-b3fc-2c963f66afa6",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "h1:mcpmJSjoahfPPrmfzuDOSbNZ0pYBiwPe1QSJoYBCLTc=",
        "eu-west-1_AbC123xyz",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "password: secretsmanager:ams-prod-db",
        "secret_prefixes: [ams/]",
        "ghp_short",
        "glpat-short",
        "sk_test_" + WORD[:24],
        "ghp_" + "x" * 36,
        "AROAQWERTYUIOPASDFG2X",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "aws_secret_access_key = var.secret",
        WORD,
    ],
)
def test_what_is_none_is_left_alone(text: str) -> None:
    assert credential_in(text) == ""
