"""What a person asks of a run, parsed."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import UsageError

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Selection and limits of one run. ``timeout`` in seconds; ``lock_timeout`` in Terraform's notation.

    ``replace``: addresses that shall be made anew.
    ``break_glass``: why everything is to be applied under the break-glass role; None: it is not.
    """

    targets: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    changed: str | None = None
    slots: int = 1
    fail_fast: bool = False
    timeout: float | None = None
    lock_timeout: str = "0s"
    break_glass: str | None = None
    replace: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        targets: Sequence[str] | None,
        exclude: Sequence[str] | None,
        changed: str | None,
        slots: int | None,
        fail_fast: bool,
        timeout: str | None,
        lock_timeout: str = "0s",
        break_glass: str | None = None,
        replace: Sequence[str] | None = None,
    ) -> RunRequest:
        """From what Typer gives.

        Raises:
            UsageError: a time that is none; ``--break-glass`` without a reason.
        """
        seconds(lock_timeout, "--lock-timeout")
        if break_glass is not None and not re.search(r"\w", break_glass):
            message = "--break-glass wants a reason"
            raise UsageError(message, hint='say why, for AWS\'s logs: --break-glass "CI is down, ticket 4711"')
        return cls(
            targets=tuple(targets or ()),
            exclude=tuple(exclude or ()),
            changed=changed,
            slots=slots or os.cpu_count() or 1,
            fail_fast=fail_fast,
            timeout=None if timeout is None else seconds(timeout, "--timeout"),
            lock_timeout=lock_timeout,
            break_glass=break_glass,
            replace=tuple(replace or ()),
        )


def seconds(text: str, option: str) -> float:
    """Seconds of a time such as ``90s``, ``10m``, ``1h30m``.

    Raises:
        UsageError: it is no such time.
    """
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        message = f"{option} {text!r} is not a time"
        raise UsageError(message, hint="write it like 90s, 10m or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
