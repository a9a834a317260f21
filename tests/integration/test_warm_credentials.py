"""Credentials that expire while a provider process is in use: it gets new ones, in the same process.

The emulator starts sessions of a few seconds (AWS allows no less than 900), and answers each call that creates something late.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator.emulator.faults import Fault
from tests.support.calls import read_calls
from tests.support.faults import Disturbed

pytestmark = pytest.mark.integration

SECONDS = 4
"""Lifetime of each session."""
HELD = 1.6
"""Seconds that each call which creates a parameter takes."""
NAMES = ("a", "b", "c")
HEADER = 'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\nvariable "after" {\n  default = ""\n}\n'


def chain() -> str:
    """A module whose parameters are created one after the other."""
    parts = [HEADER]
    for before, name in pairwise(("", *NAMES)):
        depends = f"  depends_on = [aws_ssm_parameter.{before}]\n" if before else ""
        parts.append(
            f'resource "aws_ssm_parameter" "{name}" {{\n  name  = "/t/${{var.after}}{name}"\n'
            f'  type  = "String"\n  value = "x"\n{depends}}}\n'
        )
    parts.append(f'output "last" {{\n  value = nonsensitive(aws_ssm_parameter.{NAMES[-1]}.value)\n}}\n')
    return "".join(parts)


def test_a_process_gets_new_credentials_when_the_old_ones_expire(
    tmp_path: Path, emulator: Path, account_ids: Callable[[], str]
) -> None:
    stage = Disturbed(
        tmp_path / "repo",
        emulator,
        account_ids(),
        {"first": "module: chain\n", "second": "module: chain\ninputs: {after: '${{ first.last }}'}\n"},
        {"chain/main.tf": chain()},
    )
    short = Fault(rf"^sts AssumeRole .*{stage.account_id}:role/", session_seconds=SECONDS)
    slow = Fault(f"^ssm PutParameter {stage.account_id} ", answer_delay=HELD)
    with stage.faults(short, slow):
        result = stage.apply()
    assert {unit: each["status"] for unit, each in result.units().items()} == dict.fromkeys(stage.units, "applied")
    assert {each["providers"] for each in result.units().values()} == {"warm"}
    calls = [each for each in read_calls(emulator) if each.account == stage.account_id]
    written = [
        datetime.fromisoformat(each.time) for each in calls if each.action == "PutParameter" and each.status == 200
    ]
    assert len(written) == 2 * len(NAMES)
    assert not [each for each in calls if "expired" in each.refused]
    # One session cannot have reached from the first to the last call of even one unit's provider process.
    assert (written[-1] - written[0]).total_seconds() > 2 * SECONDS
