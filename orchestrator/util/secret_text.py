"""Recognizes text that is a credential, by the form that its issuer gives it.

Only forms with a prefix or a frame of their own: a rule for "long and random" finds hashes, ids and certificates first.
"""

from __future__ import annotations

import re

_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
        ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
        (
            "an AWS secret access key",
            r"(?i:aws_?secret_?(?:access_?)?key)[\"']?\s*[:=]\s*[\"']?(?=[^\s\"']*[0-9+/])[A-Za-z0-9/+]{40}\b",
        ),
        ("a private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
        ("a private key", r"\bAGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}\b"),
        # https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/
        ("a token of GitHub", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b"),
        # https://docs.gitlab.com/security/tokens/#token-prefixes
        ("a token of GitLab", r"\bgl(?:agent|cbt|dt|ffct|ft|imt|oas|pat|ptt|rt|soat)-[A-Za-z0-9_-]{20,}"),
        ("a token of Slack", r"\bxox[abeoprs]-[0-9]+-[A-Za-z0-9-]{10,}|\bxapp-[0-9]-[A-Z0-9]+-[0-9]+-[0-9a-f]{32,}"),
        ("a webhook of Slack", r"https://hooks\.slack\.com/(?:services|workflows)/T[A-Z0-9]{6,}/[A-Z0-9]{6,}/[A-Za-z0-9]{16,}"),
        ("a key of Stripe", r"\b[rs]k_live_[0-9A-Za-z]{24,}\b|\bwhsec_[A-Za-z0-9+/]{32,}"),
        ("a key of Google", r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
        ("a key of SendGrid", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"),
        ("a token of npm", r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("a token of PyPI", r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
        ("a key of Anthropic", r"\bsk-ant-[a-z0-9]+-[A-Za-z0-9_-]{40,}"),
        ("a key of OpenAI", r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}"),
        ("a token of HCP Terraform", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,}"),
        ("a token of Vault", r"\bhv[bs]\.[A-Za-z0-9_-]{24,}"),
        ("a token of Docker Hub", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}"),
    )
)  # fmt: skip

_EXAMPLE = re.compile(r"EXAMPLE|(?i:x{8}|\*{4}|0{12}|1234567890abcdef)")
"""What documentation writes in the place of a credential, such as AWS's ``AKIAIOSFODNN7EXAMPLE``."""


def credential_in(text: str) -> str:
    """Return what kind of credential a text contains, in a few words; empty if it contains none."""
    for name, form in _FORMS:
        for match in form.finditer(text):
            if not _EXAMPLE.search(match[0]):
                return name
    return ""
