"""What moto 5.2.5 answers otherwise than AWS, corrected: one module for each matter, which names the calls it corrects.

A correction is narrow, and a test proves it through the API (``tests/integration/test_emulator_corrections.py``).
"""

from __future__ import annotations

from orchestrator.emulator.corrections import (
    bucket_policies,
    managed_policies,
    member_accounts,
    pool_tags,
    pools,
    queues,
    sessions,
    stacks,
    tables,
    waiting,
)

_ALL = (bucket_policies, managed_policies, member_accounts, pool_tags, pools, queues, sessions, stacks, tables, waiting)


def apply_all() -> None:
    """Correct moto in this process; once, before it answers."""
    for each in _ALL:
        each.correct()
