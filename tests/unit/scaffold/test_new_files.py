"""The files of one more account or stage: what they say, and that orch accepts them whatever the names are."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from orchestrator.config.catalogue import Membership, Settings
from orchestrator.config.load import load
from orchestrator.errors import UsageError
from orchestrator.scaffold.answers import Answers
from orchestrator.scaffold.new_files import AccountAnswers, StageAnswers, account_files, last_day, stage_file
from orchestrator.scaffold.platform_files import starter_files
from orchestrator.scaffold.write import write_new

TODAY = date(2026, 11, 29)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    accounts = [("production", "111111111111"), ("development", "022222222222")]
    answers = Answers.of(name="acme", region="eu-west-1", management="099999999999", accounts=accounts)
    write_new(tmp_path, starter_files(answers))
    return tmp_path


def stage(name: str, source: str = "dev", **more: object) -> StageAnswers:
    values = {"account": None, "expires": None, "disposable": False, "uses": {}, **more}
    return StageAnswers(name=name, source=source, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["feat-login", "on", "null", "no", "y", "e1"])
def test_a_stage_has_what_was_given(root: Path, name: str) -> None:
    uses = {"no": f"{name}/identity", "yes": None}
    write_new(root, stage_file(stage(name, expires=date(2026, 12, 6), disposable=True)))
    write_new(root, stage_file(stage("last", name, account="production", uses={"no": None})))
    catalogue = load(root)
    made = catalogue.stages[name]
    assert (made.account, made.lineage, made.expires, made.disposable) == (
        "development",
        (name, "dev"),
        "2026-12-06",
        True,
    )
    assert (catalogue.stages["last"].account, catalogue.stages["last"].expires) == ("production", None)
    assert set(catalogue.units) >= {f"{name}/identity", "last/identity"}
    text = next(iter(stage_file(stage("x", uses=uses)).values())).decode()
    assert f'  "no": "{name}/identity"\n  "yes": null\n' in text


@pytest.mark.parametrize("name", ["audit", "on", "no"])
def test_an_account_has_what_was_given(root: Path, name: str) -> None:
    settings = load(root).settings
    new = AccountAnswers(name, None, "aws+x@example.com", "Work: 'a'/No", restricted=False, region="eu-west-1")
    old = AccountAnswers("old", "044444444444", None, None, restricted=True, region="eu-north-1", own_region=True)
    for answers in (new, old):
        files = account_files(root, settings, answers)
        assert list(files) == [f"live/accounts/{answers.name}.yaml"], "the baseline is there"
        write_new(root, files)
    accounts = load(root).accounts
    made = accounts[name]
    assert (made.created, made.restricted, made.regions) == (False, False, ("eu-west-1",))
    assert made.organization == Membership("aws+x@example.com", "Work: 'a'/No", made.organization.at)  # type: ignore[union-attr]
    assert (accounts["old"].id, accounts["old"].restricted, accounts["old"].region) == (
        "044444444444",
        True,
        "eu-north-1",
    )
    assert f"{name}/baseline" in load(root).units


def test_a_repository_without_a_baseline_gets_one(root: Path) -> None:
    (root / "live/stacks/baseline.yaml").unlink()
    answers = AccountAnswers("audit", "044444444444", None, None, restricted=True, region="eu-west-1")
    settings = load_settings(root)
    assert list(account_files(root, settings, answers)) == ["live/accounts/audit.yaml", "live/stacks/baseline.yaml"]
    for file in (root / "modules/account_baseline").rglob("*"):
        if file.is_file():
            file.unlink()
    (root / "modules/account_baseline").rename(root / "old")
    files = account_files(root, settings, answers)
    assert "modules/account_baseline/main.tf" in files
    write_new(root, files)
    assert "audit/baseline" in load(root).units


def load_settings(root: Path) -> Settings:
    for account in ("production", "development"):
        file = root / f"live/accounts/{account}.yaml"
        file.write_text(file.read_text().split("stacks:")[0])
    settings = load(root).settings
    for account in ("production", "development"):
        file = root / f"live/accounts/{account}.yaml"
        file.write_text(file.read_text() + "stacks:\n  baseline:\n")
    return settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7d", "2026-12-06"), ("2w", "2026-12-13"), ("2026-11-29", "2026-11-29"), ("2027-01-31", "2027-01-31")],
)
def test_a_last_day(text: str, expected: str) -> None:
    assert last_day(text, TODAY).isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "7", "0d", "d", "7h", "-1d", "tomorrow", "2026-02-30", "2026-11-28", "9999d", "999w"]
)
def test_no_last_day(text: str) -> None:
    with pytest.raises(UsageError, match="--expires") as caught:
        last_day(text, TODAY)
    assert caught.value.hint == "write 7d, 2w, or a date such as 2027-01-31"


@pytest.mark.parametrize("name", ["Feat", "feat/login", "../x", "", "a" * 32, "1st", "a\n"])
def test_an_invalid_name_makes_no_file(root: Path, name: str) -> None:
    with pytest.raises(UsageError, match="invalid name"):
        stage_file(stage(name))
    with pytest.raises(UsageError, match="invalid name"):
        account_files(
            root, load(root).settings, AccountAnswers(name, "1" * 12, None, None, restricted=True, region="x")
        )
