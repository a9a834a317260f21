"""Corrections to moto 5.2.5 where its answers differ from those of AWS: one module per subject.

Each correction is narrow and has a test that goes through the API (``tests/integration/test_emulator_corrections.py``).
"""

from __future__ import annotations

from orchestrator.emulator.corrections.assume_role import correct_assume_role
from orchestrator.emulator.corrections.bucket_policies import correct_bucket_policies
from orchestrator.emulator.corrections.long_polling import correct_long_polling
from orchestrator.emulator.corrections.managed_policies import correct_managed_policies
from orchestrator.emulator.corrections.member_accounts import correct_member_accounts
from orchestrator.emulator.corrections.queues import correct_queues
from orchestrator.emulator.corrections.tables import correct_tables
from orchestrator.emulator.corrections.user_pool_tags import correct_user_pool_tags
from orchestrator.emulator.corrections.user_pools import correct_user_pools


def apply_all() -> None:
    """Correct moto in this process, but for CloudFormation. Call it once, before the first request."""
    correct_bucket_policies()
    correct_managed_policies()
    correct_member_accounts()
    correct_user_pool_tags()
    correct_user_pools()
    correct_queues()
    correct_assume_role()
    correct_tables()
    correct_long_polling()


def correct_before_use(service: str) -> None:
    """Correct CloudFormation before its first request: importing it takes longer than all other parts of the emulator.

    Args:
        service: the service of a request that is about to be answered.
    """
    if service == "cloudformation":
        from orchestrator.emulator.corrections.user_pool_stacks import correct_user_pool_stacks  # noqa: PLC0415

        correct_user_pool_stacks()
