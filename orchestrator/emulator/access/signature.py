"""Verify Signature Version 4 by computing it from the received request."""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from functools import lru_cache
from urllib.parse import quote, unquote

from orchestrator.emulator.access.request import AwsRequest, Signature

_SAFE = "-_.~"
_HASH = re.compile(r"[0-9a-f]{64}")


def has_valid_signature(request: AwsRequest, signature: Signature, secret: str) -> bool:
    """Whether a request, including its body, was signed with a secret.

    Args:
        request: the received request.
        signature: its signature.
        secret: secret access key of the key that the signature names.
    """
    claimed = request.headers.get("x-amz-content-sha256", request.body_hash)
    if _HASH.fullmatch(claimed) and claimed != request.body_hash:
        return False
    canonical = "\n".join(
        [
            request.method,
            _path(request.path, signature.service),
            _query(request.query),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in signature.headers),
            "",
            ";".join(signature.headers),
            claimed,
        ]
    )
    moment = request.headers.get("x-amz-date", "")
    scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = _key(secret, signature.date, signature.region, signature.service)
    return hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), signature.value)


def _path(path: str, service: str) -> str:
    if service == "s3":  # keys can contain // and .., so S3 alone signs the unmodified path
        return path
    plain = posixpath.normpath(path) if path else "/"
    plain = "/" + plain.lstrip("/") + ("/" if path.endswith("/") and plain.strip("/") else "")
    return quote(plain, safe="/" + _SAFE)


def _query(query: str) -> str:
    pairs = (each.partition("=") for each in query.split("&") if each)
    return "&".join(
        f"{name}={value}"
        for name, value in sorted(
            (quote(unquote(name), safe=_SAFE), quote(unquote(value), safe=_SAFE)) for name, _, value in pairs
        )
    )


@lru_cache(maxsize=1024)
def _key(secret: str, *scope: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (*scope, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
