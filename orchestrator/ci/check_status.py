"""The description of a commit status, which also names the run that set it."""

from __future__ import annotations

import re

from orchestrator.report.comment.marker import is_older

_LONGEST = 140
_RUN = re.compile(r".* · run (\S{1,64})", re.DOTALL)


def status_description(title: str, run: str) -> str:
    """Return ``1 blocked, 3 update · run 1187.1``, as long as code hosts take it."""
    end = f" · run {run}"
    room = _LONGEST - len(end)
    return (title if len(title) <= room else f"{title[: room - 1]}…") + end


def is_newer_status(description: str, run: str) -> bool:
    """Return whether a status was set by a newer run than this one."""
    found = _RUN.fullmatch(description)
    return found is not None and is_older(run, found[1])
