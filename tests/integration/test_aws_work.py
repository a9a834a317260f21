"""Objects that a run and its workers exchange, and claims: created once, whoever asks and however often."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.work import StoredObject, WorkStore
from orchestrator.config.load import load
from orchestrator.emulator.info import read_info
from orchestrator.errors import UnitError
from orchestrator.run.executor.records import Claim
from tests.support.project import Project

pytestmark = pytest.mark.integration


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {a: }\n")
    made.write("live/stacks/a.yaml", "module: box\n")
    return made.ready()


def test_of_many_claims_one_wins_and_everyone_is_told_which(project: Project) -> None:
    catalogue = load(project.root)
    store = WorkStore(Identities(catalogue, read_info(project.root / ".orch" / "emulator")))
    account = catalogue.accounts["main"]
    claims = [Claim(str(number), f"w{number}", "now") for number in range(8)]

    def claim(mine: Claim) -> Claim:
        return Claim(**store.claim(account, Role.APPLY, "claims/r/prod/a/1.json", mine.form()))

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(claim, claims))
    assert len(found) == 1
    assert found <= set(claims)
    assert claim(Claim("later", "w9", "later")) in found
    assert Claim(**store.claim(account, Role.APPLY, "claims/r/prod/a/2.json", claims[0].form())) == claims[0]


def test_an_object_is_read_only_if_it_is_the_one_that_was_announced(project: Project, tmp_path: Path) -> None:
    catalogue = load(project.root)
    store = WorkStore(Identities(catalogue, read_info(project.root / ".orch" / "emulator")))
    account = catalogue.accounts["main"]
    file = tmp_path / "file"
    file.write_bytes(b"x" * 3_000_000)
    stored = store.put(account, Role.PLAN, "work/r/a", file)
    store.get(account, Role.PLAN, stored, tmp_path / "to")
    assert (tmp_path / "to").read_bytes() == file.read_bytes()
    with pytest.raises(UnitError, match="not the object that was announced"):
        store.get(account, Role.PLAN, StoredObject(stored.key, "0" * 64, stored.size), tmp_path / "other")
    assert not (tmp_path / "other").exists()
    store.remove(account, Role.PLAN, "work/r/")
    with pytest.raises(UnitError):
        store.get(account, Role.PLAN, stored, tmp_path / "other")
