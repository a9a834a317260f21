"""Recognizes text that is a credential, by the form that its issuer gives it.

Only forms with a prefix or a frame of their own: a rule for "long and random" finds hashes, ids and certificates first.
One table has two patterns of each form: a strict one for what is refused, and a loose one for what is only hidden.
The loose one also matches a credential that was cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CredentialForm:
    """The form of one kind of credential.

    Attributes:
        kind: in a few words.
        signs: one of these is in every text that ``loose`` matches; to look for them first is a hundred times as fast.
        strict: matches a whole credential and nothing else; empty: the form is too common for that.
        loose: matches it from its beginning on, also if its end is missing; empty: ``strict`` does.
    """

    kind: str
    signs: tuple[str, ...]
    strict: str
    loose: str = ""


FORMS = (
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    CredentialForm(
        "an AWS access key", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b", r"\b(?:AKIA|ASIA)[A-Z2-7]{12,16}\b"
    ),
    # Alone it has no form of its own but its length; hexadecimal hashes of 40 characters are of one case.
    CredentialForm(
        "an AWS secret access key",
        (),
        r"(?i:aws_?secret_?(?:access_?)?key)[\"']?\s*[:=]\s*[\"']?(?=[^\s\"']*[0-9+/])[A-Za-z0-9/+]{40}\b",
        r"(?<![\w/+=-])(?=[A-Za-z0-9/+]{40}(?![\w/+=-]))(?=\S{0,39}[a-z])(?=\S{0,39}[A-Z])(?=\S{0,39}\d)[A-Za-z0-9/+]{40}",
    ),
    CredentialForm(
        "a private key",
        ("PRIVATE KEY",),
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
        r"-----BEGIN[A-Z0-9 ]*PRIVATE KEY(?s:.*)",
    ),
    CredentialForm(
        "a private key",
        ("AGE-SECRET-KEY-1",),
        r"\bAGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}\b",
        r"\bAGE-SECRET-KEY-1\w+",
    ),
    # https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/
    CredentialForm(
        "a token of GitHub",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b",
        r"\bgh[pousr]_[A-Za-z0-9]{10,}|\bgithub_pat_\w{10,}",
    ),
    # https://docs.gitlab.com/security/tokens/#token-prefixes
    CredentialForm(
        "a token of GitLab",
        ("gl",),
        r"\bgl(?:agent|cbt|dt|ffct|ft|imt|oas|pat|ptt|rt|soat)-[A-Za-z0-9_-]{20,}",
        r"\bgl[a-z]{2,6}-[\w-]{16,}",
    ),
    CredentialForm(
        "a token of Slack",
        ("xox", "xapp-"),
        r"\bxox[abeoprs]-[0-9]+-[A-Za-z0-9-]{10,}|\bxapp-[0-9]-[A-Z0-9]+-[0-9]+-[0-9a-f]{32,}",
        r"\bxox[abeoprs]-[\w-]{8,}|\bxapp-[\w-]{8,}",
    ),
    CredentialForm(
        "a webhook of Slack",
        ("hooks.slack.com",),
        r"https://hooks\.slack\.com/(?:services|workflows)/T[A-Z0-9]{6,}/[A-Z0-9]{6,}/[A-Za-z0-9]{16,}",
        r"https://hooks\.slack\.com/[\w/]+",
    ),
    CredentialForm(
        "a key of Stripe",
        ("k_live_", "whsec_"),
        r"\b[rs]k_live_[0-9A-Za-z]{24,}\b|\bwhsec_[A-Za-z0-9+/]{32,}",
        r"\b(?:[rs]k_live_|whsec_)[\w+/]{8,}",
    ),
    CredentialForm("a key of Google", ("AIza",), r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])", r"\bAIza[\w-]{16,}"),
    CredentialForm(
        "a key of SendGrid",
        ("SG.",),
        r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])",
        r"\bSG\.[\w.-]{16,}",
    ),
    CredentialForm("a token of npm", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b", r"\bnpm_[A-Za-z0-9]{16,}"),
    CredentialForm("a token of PyPI", ("pypi-",), r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}", r"\bpypi-AgE[\w-]{10,}"),
    CredentialForm("a key of Anthropic", ("sk-ant-",), r"\bsk-ant-[a-z0-9]+-[A-Za-z0-9_-]{40,}", r"\bsk-ant-[\w-]{8,}"),
    CredentialForm(
        "a key of OpenAI",
        ("sk-",),
        r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}",
        r"\bsk-(?:proj|svcacct|admin)-[\w-]{8,}",
    ),
    CredentialForm(
        "a token of HCP Terraform",
        (".atlasv1.",),
        r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,}",
        r"\b\w{14}\.atlasv1\.[\w-]+",
    ),
    CredentialForm("a token of Vault", ("hvb.", "hvs."), r"\bhv[bs]\.[A-Za-z0-9_-]{24,}", r"\bhv[bs]\.[\w-]{8,}"),
    CredentialForm(
        "a token of Docker Hub",
        ("dckr_",),
        r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}",
        r"\bdckr_(?:pat|oat)_[\w-]{8,}",
    ),
    # It may be one that everybody can read, such as the public part of a signature.
    CredentialForm("a JSON Web Token", ("eyJ",), "", r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"),
)
"""Every form that orch knows."""

_STRICT = tuple((form.kind, form.signs, re.compile(form.strict)) for form in FORMS if form.strict)
_SIGNS = tuple(sign for form in FORMS for sign in form.signs)
_SIGNED = re.compile("|".join(form.loose or form.strict for form in FORMS if form.signs))
_UNSIGNED = re.compile("|".join(form.loose or form.strict for form in FORMS if not form.signs))
_SHORTEST_UNSIGNED = 40

_EXAMPLE = re.compile(r"EXAMPLE|(?i:x{8}|\*{4}|0{12}|1234567890abcdef)")
"""What documentation writes in the place of a credential, such as AWS's ``AKIAIOSFODNN7EXAMPLE``."""


def credential_in(text: str) -> str:
    """Return what kind of credential a text contains, in a few words; empty if it contains none."""
    return next((kind for _, kind in _credentials(text)), "")


def credential_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines of a text that contain a credential, from 1 on: number, and its kind; one kind a line."""
    found: dict[int, str] = {}
    for start, kind in _credentials(text):
        found.setdefault(text.count("\n", 0, start) + 1, kind)
    return sorted(found.items())


def _credentials(text: str) -> Iterator[tuple[int, str]]:
    """Yield where each credential begins, and its kind."""
    for kind, signs, form in _STRICT:
        if signs and not any(sign in text for sign in signs):
            continue
        for match in form.finditer(text):
            if not _EXAMPLE.search(match[0]):
                yield match.start(), kind


def without_forms(text: str, replacement: str) -> str:
    """Return a text with a replacement for everything that has the form of a credential, examples included."""
    if any(sign in text for sign in _SIGNS):
        text = _SIGNED.sub(lambda _: replacement, text)
    return _UNSIGNED.sub(lambda _: replacement, text) if len(text) >= _SHORTEST_UNSIGNED else text
