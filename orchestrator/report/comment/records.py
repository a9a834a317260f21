"""What a comment is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.report.model import RunReport


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run left behind. ``receipts``: unit -> receipt, of the plans that can be applied."""

    report: RunReport
    receipts: Mapping[str, Receipt] = field(default_factory=dict)
