"""Under which role the account of a unit is confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.history import History
from tests.support.aws import PRODUCTION, World, catalogue, give_keys, standard_chain


@pytest.mark.parametrize(("write", "role"), [(False, "orch-plan"), (True, "orch-apply")])
def test_the_account_is_confirmed_under_the_role_that_plans_or_the_one_that_applies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: bool, role: str
) -> None:
    live = catalogue(tmp_path)
    with standard_chain(World(), tmp_path, monkeypatch) as aws:
        give_keys(monkeypatch)
        found = History(live, Identities(live, None)).confirmed(live.units["prod/data"], write=write)
    assert found == PRODUCTION
    (assumed,) = [call.fields["RoleArn"] for call in aws.calls if call.action == "AssumeRole"]
    assert assumed.endswith(f":role/{role}")
