"""The comments and checks of stages as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from orchestrator.report.comment.body import StageComment
from orchestrator.report.comment.check import Annotation, StageCheck
from orchestrator.report.json import location_form

COMMENT_FORMAT = 1


def comments_form(made: Iterable[tuple[StageComment, StageCheck]]) -> dict[str, Any]:
    """Return comments and checks as plain values for JSON."""
    stages = [
        {
            "stage": comment.stage,
            "marker": asdict(comment.marker),
            "text": comment.text,
            "complete": not comment.hides_losses,
            "check": {
                "name": check.name,
                "conclusion": str(check.conclusion),
                "title": check.title,
                "annotations": [_annotation(each) for each in check.annotations],
            },
        }
        for comment, check in made
    ]
    return {"format": COMMENT_FORMAT, "kind": "comment", "stages": stages}


def _annotation(annotation: Annotation) -> dict[str, Any]:
    return {
        "where": location_form(annotation.where),
        "level": str(annotation.level),
        "title": annotation.title,
        "message": annotation.message,
    }
