"""The first line of a comment, hidden: whose comment it is, and from which run, commit and plans it was made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

_MARKER = re.compile(
    r"<!-- orch:v1 stage=(?P<stage>[^\s<>]+) run=(?P<run>[^\s<>]+) head=(?P<head>[^\s<>]*) "
    r"plans=(?P<plans>[0-9a-f]+) -->"
)
_CI_RUN = re.compile(r"(\d{1,18})(?:\.(\d{1,9}))?", re.ASCII)
_OWN_RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Marker:
    """The marker of a comment.

    Attributes:
        stage: the stage; a pull request has one comment for each.
        run: number and attempt of the run of the CI (``1187.1``), or orch's run id if no CI made it.
        head: the commit that was planned; empty if not known.
        plans: eight or more hex digits that change if a plan does.
    """

    stage: str
    run: str
    head: str
    plans: str

    def __str__(self) -> str:
        """Return the marker as Markdown, on one line."""
        stage, run, head = map(marked, (self.stage, self.run, self.head))
        return f"<!-- orch:v1 stage={stage} run={run} head={head} plans={self.plans} -->"


def marked(text: str) -> str:
    """Return a text as a word of a marker, whatever is in it."""
    return quote(text, safe="", errors="replace").replace("--", "-%2D")


def parse_marker(body: str) -> Marker | None:
    """Return the marker of a comment; None if the comment is not one of orch's.

    Only the first line counts, so that nobody can quote a marker. Who wrote the comment is for the caller to check.
    """
    found = _MARKER.fullmatch(body.partition("\n")[0].strip())
    if found is None:
        return None
    return Marker(
        stage=unquote(found["stage"]), run=unquote(found["run"]), head=unquote(found["head"]), plans=found["plans"]
    )


def may_overwrite(new: Marker, old: Marker) -> bool:
    """Return whether a comment may take the place of another one: of the same stage, and from no older run.

    Runs of a CI are ordered by number and attempt, others by the time in orch's run id. A run of the CI counts as newer
    than one that somebody started by hand.
    """
    return new.stage == old.stage and not is_older(new.run, old.run)


def is_older(run: str, other: str) -> bool:
    """Return whether a run is older than another one, as `may_overwrite` orders them."""
    return _age(run) < _age(other)


def _age(run: str) -> tuple[int, int, int, str]:
    """Return what orders runs: what is no run at all is the oldest, so that it can never keep a real one out."""
    found = _CI_RUN.fullmatch(run)
    if found:
        return 2, int(found[1]), int(found[2] or 1), ""
    return (1, 0, 0, run) if _OWN_RUN.fullmatch(run) else (0, 0, 0, "")
