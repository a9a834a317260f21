"""Terraform's own words about a failure, cut out of its output."""

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
"""The answer to a HEAD has no text, so an expired token comes as "Bad Request" (S3 API reference, HeadObject)."""
_THROTTLED = (
    r"\bThrottl(?:ing|ed)(?:Exception)?\b|\bThrottlingError\b|TooManyRequests|RequestLimitExceeded|\bSlowDown\b"
    r"|Rate exceeded|ProvisionedThroughputExceeded|StatusCode: 429"
)
_BUSY = r"StatusCode: 503"
"""Without a code, as in the answer to a HEAD: S3 throttles with it, and is not available with it."""
_OUTAGE = (
    r"StatusCode: 5\d\d|\bInternal(?:Error|Failure|ServerError|ServerException)\b|\bServiceUnavailable(?:Exception)?\b"
)
_PROVIDER = (
    r"plugin did not respond|plugin (?:process )?(?:exited|crashed)|connection is shut down"
    r"|failed to (?:read|dial).*plugin|code = Unavailable"
)
_NETWORK = (
    r"connection refused|connection reset|broken pipe|no such host|i/o timeout|TLS handshake timeout"
    r"|network is unreachable|unexpected EOF|: EOF\b|request send failed|Client\.Timeout exceeded"
)

# The first that fits decides. A throttled call of S3 has the status 503, so it stands before the outages.
_CAUSES: tuple[tuple[str, str], ...] = (
    (_DISK, "a disk of this machine is full: make room, then run it again"),
    (_EXPIRED, "the AWS credentials have expired: log in again, then run it again"),
    (_NO_REASON, "S3 gave no reason, as where credentials have expired: log in again, then run it again"),
    (_THROTTLED, "AWS asked to slow down, also after retries: try again later, or with a smaller -j"),
    (_BUSY, "AWS was too busy or not available, also after retries: try again later, or with a smaller -j"),
    (_OUTAGE, "AWS had a failure of its own, also after retries: try again later; health.aws.amazon.com tells of them"),
    (_PROVIDER, "the provider's process ended in the middle, as it does when memory runs out: run it again"),
    (_NETWORK, "AWS could not be reached: check the network and HTTPS_PROXY, then run it again"),
)
_KILLED = "it was killed, as systems do when memory runs out; its lock may be left: run it again"


class TerraformError(UnitError):
    """One Terraform command of one unit failed.

    Args:
        what: one sentence: unit, command, Terraform's first line.
        block: Terraform's error text without colours and boxes; its last output when it printed no error.
        first_line: the summary of the first error.
        code: exit code; negative: killed by that signal.
        stopped: it was asked to stop, so this is no failure of the unit.
        timed_out: its time limit was reached.
        hint: what to do about it.
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
        """The cause in words and what to do, where no configuration is to blame: throttling, a full disk, ..."""


class StateInUseError(TerraformError):
    """Terraform could not take the state's lock, because somebody else holds it. ``lock``: who; always set."""

    lock: StateLock


class StalePlanError(TerraformError):
    """The saved plan was not applied: the state was changed by somebody else since it was made."""


def error_block(lines: Sequence[str]) -> str:
    """Terraform's errors, without its warnings and what else it printed; empty when there is none."""
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
    """The summary of the first error: Terraform wraps it, so it is the first paragraph as one line."""
    paragraph = block.split("\n\n", 1)[0]
    return " ".join(paragraph.split()).removeprefix("Error: ")


def advice(block: str, code: int) -> str:
    """The cause and what to do, one sentence; empty when the words are not of that kind.

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
    """The error for a command that ended badly."""
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
    return f"ended with code {code} and no error message"
