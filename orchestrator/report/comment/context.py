"""What a comment says of the run of the CI that makes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommentContext:
    """The run of the CI.

    Attributes:
        run: its number and attempt (``1187.1``), or orch's run id.
        head: the commit; empty if not known.
        source_url: address of the repository's files at that commit; empty: no links.
        report_url: address of the full report; empty: no link.
        change: what the code host calls a change: ``pull request``, ``merge request``.
        in_ci: a CI makes the comment, so a CI applies after the merge.
        whole: it is the full report: ARNs and values that force a replacement are as the run's report has them.
    """

    run: str
    head: str = ""
    source_url: str = ""
    report_url: str = ""
    change: str = "pull request"
    in_ci: bool = False
    whole: bool = False
