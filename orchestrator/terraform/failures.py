"""Turns a failed Terraform command into an error: Terraform's own message, its likely cause, and what to do.

Terraform's providers and its S3 backend retry with backoff. An error that appears here persisted after those retries,
so orch does not retry: the unit fails with its cause, its downstream units are skipped, and the run continues.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.errors import UnitError
from orchestrator.terraform.state.lock import StateLock, lock_in

_BOX = re.compile(r"^[╷│╵] ?")
_START = re.compile(r"^(?:(Error): |(Warning): )")
_NOISE = ("Releasing state lock.", "This may take a few moments...")
_LAST_LINES = 20
_STALE = "Saved plan is stale"
_LOCKED = "Error acquiring the state lock"

_DISK = r"no space left on device|disk quota exceeded|file too large"
_EXPIRED = (
    r"\bExpiredToken(?:Exception)?\b|\bRequestExpired\b|TokenRefreshRequired"
    r"|security token included in the request is expired"
)
_NO_REASON = r"S3: HeadObject, [^\n]*StatusCode: 400\b"
"""A HEAD response has no body, so an expired token shows as "Bad Request" (S3 API reference, HeadObject)."""
_THROTTLED = (
    r"\bThrottl(?:ing|ed)(?:Exception)?\b|\bThrottlingError\b|TooManyRequests|RequestLimitExceeded|\bSlowDown\b"
    r"|Rate exceeded|ProvisionedThroughputExceeded|StatusCode: 429"
)
_BUSY = r"StatusCode: 503"
"""Without an error code, as in a HEAD response: S3 uses it both for throttling and for an outage."""
_OUTAGE = (
    r"StatusCode: 5\d\d|\bInternal(?:Error|Failure|ServerError|ServerException)\b|\bServiceUnavailable(?:Exception)?\b"
)
_PROVIDER = (
    r"plugin did not respond|plugin (?:process )?(?:exited|crashed)|connection is shut down"
    r"|failed to (?:read|dial).*plugin|code = Unavailable"
)
_UNREACHABLE = (
    r"connection refused|connection reset|no such host|could not resolve|i/o timeout|TLS handshake timeout"
    r"|network is unreachable|EOF|request send failed|Client\.Timeout exceeded|context deadline exceeded|timed out"
)
_REGISTRY = (
    r"(?:Failed to query available provider packages|Failed to install provider|Could not retrieve the list of"
    r"|Error accessing remote module registry|Failed to retrieve available versions for module"
    r"|Failed to download module|Could not download module|Module not installed|registry service)"
    rf"(?s:.)*?(?:{_UNREACHABLE})"
)
"""What ``terraform init`` says when a registry, a mirror or a git host does not answer: none of them is AWS."""
_NETWORK = (
    r"connection refused|connection reset|broken pipe|no such host|i/o timeout|TLS handshake timeout"
    r"|network is unreachable|unexpected EOF|: EOF\b|request send failed|Client\.Timeout exceeded"
)

# The first match counts. A throttled S3 call has status 503, so throttling comes before outages.
_CAUSES: tuple[tuple[str, str], ...] = (
    (_DISK, "a disk of this machine is full: free some space, then run again"),
    (_EXPIRED, "the AWS credentials have expired: log in, then run again"),
    (_NO_REASON, "S3 gave no reason, as when the credentials have expired: log in, then run again"),
    (_THROTTLED, "AWS throttled requests even after retries: try again later, or with a smaller -j"),
    (_BUSY, "AWS was throttling or unavailable even after retries: try again later, or with a smaller -j"),
    (_OUTAGE, "AWS returned server errors even after retries: check health.aws.amazon.com and try again later"),
    (_PROVIDER, "the provider process crashed, possibly out of memory: run again"),
    (
        _REGISTRY,
        "a registry or module source could not be reached: check the address, the network and HTTPS_PROXY",
    ),
    (_NETWORK, "AWS could not be reached: check the network and HTTPS_PROXY, then run again"),
)
_KILLED = "the process was killed, possibly out of memory; the state may still be locked: run again"


class TerraformError(UnitError):
    """One Terraform command of one unit failed.

    Args:
        what: one sentence: unit, command, first line of Terraform's error.
        block: Terraform's error text without colors and boxes; its last output if it printed no error.
        first_line: the summary of the first error.
        code: exit code; negative: killed by that signal.
        stopped: orch asked it to stop, so the unit itself did not fail.
        timed_out: it reached its time limit.
        hint: what to do.
    """

    def __init__(
        self,
        what: str,
        *,
        block: str,
        first_line: str,
        code: int,
        stopped: bool = False,
        timed_out: bool = False,
        hint: str | None = None,
    ) -> None:
        super().__init__(what, hint=hint)
        self.block = block
        self.first_line = first_line
        self.code = code
        self.stopped = stopped
        self.timed_out = timed_out
        self.advice = "" if stopped or timed_out else advice(block, code)
        """The cause and what to do, if the configuration is not the cause: throttling, a full disk, ..."""


class StateInUseError(TerraformError):
    """Terraform could not acquire the state lock, because somebody else holds it. ``lock``: the holder; always set."""

    lock: StateLock


class StalePlanError(TerraformError):
    """The saved plan was not applied, because the state has changed since the plan was made."""


def error_block(lines: Sequence[str]) -> str:
    """Return Terraform's errors without its warnings and other output; empty if there are none."""
    blocks: list[list[str]] = []
    wanted = False
    for raw in lines:
        line = _BOX.sub("", raw) if raw[:1] in "╷│╵" else raw
        start = _START.match(line)
        if start:
            wanted = bool(start[1])
            if wanted:
                blocks.append([])
        if raw.startswith("╵"):
            wanted = False
        if wanted and not line.startswith(_NOISE):
            blocks[-1].append(line.rstrip())
    return "\n\n".join("\n".join(block).strip() for block in blocks)


def first_line(block: str) -> str:
    """Return the summary of the first error on one line: Terraform wraps it, so it is the first paragraph."""
    paragraph = block.split("\n\n", 1)[0]
    return " ".join(paragraph.split()).removeprefix("Error: ")


def advice(block: str, code: int) -> str:
    """Return the likely cause and what to do, in one sentence; empty if the text has no known cause.

    Args:
        block: Terraform's errors.
        code: its exit code; negative: killed by that signal.
    """
    found = next((text for pattern, text in _CAUSES if re.search(pattern, block, re.IGNORECASE)), "")
    return found or (_KILLED if code == -9 else "")


def failure(
    unit: str,
    command: str,
    *,
    code: int,
    lines: Sequence[str],
    stopped: bool = False,
    timed_out: bool = False,
    hint: str | None = None,
) -> TerraformError:
    """Return the error for a command that failed."""
    block = error_block(lines)
    if not block:
        block = "\n".join(lines[-_LAST_LINES:]).strip()
        first = _without_words(code, stopped=stopped, timed_out=timed_out)
    else:
        first = first_line(block)
    if timed_out:
        what = f"{unit}: {command} reached its time limit and was stopped"
    elif stopped:
        what = f"{unit}: {command} was stopped"
    else:
        what = f"{unit}: {command} failed: {first}"
        lock = lock_in(block) if _LOCKED in block else None
        if lock is not None:
            return _in_use(unit, lock, block, code)
    kind = StalePlanError if first == _STALE else TerraformError
    return kind(what, block=block, first_line=first, code=code, stopped=stopped, timed_out=timed_out, hint=hint)


def _in_use(unit: str, lock: StateLock, block: str, code: int) -> StateInUseError:
    since = f" since {lock.created:%Y-%m-%d %H:%M:%S} UTC" if lock.created else ""
    first = f"the state is locked by {lock.who or 'somebody'}{since}"
    hint = f"`orch unlock {unit}` shows the holder; --lock-timeout 5m waits for it"
    error = StateInUseError(f"{unit}: {first}", block=block, first_line=f"{first}: {hint}", code=code, hint=hint)
    error.lock = lock
    return error


def _without_words(code: int, *, stopped: bool, timed_out: bool) -> str:
    if timed_out:
        return "the time limit was reached"
    if stopped:
        return "interrupted"
    if code < 0:
        return f"killed by signal {-code}"
    return f"exit code {code} without an error message"
