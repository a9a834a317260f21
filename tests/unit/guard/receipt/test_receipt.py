"""A receipt covers everything that a verdict depends on; any difference is refused and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import BlockedError
from orchestrator.guard.model import Severity, Verdict
from orchestrator.guard.receipt.check import check_receipt, check_verdict
from orchestrator.guard.receipt.freeze import freeze
from orchestrator.guard.receipt.receipt import (
    Receipt,
    ReceiptInputs,
    StateMovedError,
    StateWrites,
)
from orchestrator.terraform.state.header import StateHeader
from tests.support.reports import finding

LINEAGE = "662730bc-dc40-f66d-b115-c358a3185284"
WROTE: dict[str, Any] = {"ok": True, "lineage": LINEAGE, "first": 5, "last": 5, "versions": {}}
CLEAN = Verdict(unit="prod/data", findings=(), checks=("ORCH_PROTECTED", "ORCH_WEAKENED"))


@pytest.fixture
def facts(tmp_path: Path) -> ReceiptInputs:
    root = tmp_path / "root"
    (root / "modules" / "table").mkdir(parents=True)
    for name in ("main.tf", "upstream.json", "modules/table/main.tf"):
        (root / name).write_text(name)
    (tmp_path / "plan").write_text("plan")
    fetched = tmp_path / "data" / "modules"
    fetched.mkdir(parents=True)
    (fetched / "modules.json").write_text("{}")
    return ReceiptInputs(
        unit="prod/data",
        account_id="111111111111",
        region="eu-west-1",
        state="s3://ams-111111111111-tfstate/prod/data/eu-west-1/terraform.tfstate",
        base=StateHeader(LINEAGE, 4),
        frozen=freeze(root, tmp_path / "plan", extra=[fetched]),
        json_sha256="ab" * 32,
        policies="cd" * 32,
        versions={"orch": "0.1.0", "terraform": "1.11.4", "registry.terraform.io/hashicorp/aws": "5.100.0"},
        providers={"registry.terraform.io/hashicorp/aws linux_amd64": "h1:one"},
    )


def receipt_of(facts: ReceiptInputs, verdict: Verdict = CLEAN) -> Receipt:
    return Receipt.make(facts, verdict, run="20260301-101500-7f3a", destroy=False, time="2026-03-01", commit="abc")


def now(facts: ReceiptInputs) -> ReceiptInputs:
    """The same inputs with the current files."""
    return replace(facts, frozen=freeze(facts.frozen.root, facts.frozen.plan, extra=facts.frozen.extra))


def test_an_unchanged_plan_can_be_applied(facts: ReceiptInputs) -> None:
    receipt = receipt_of(facts)
    check_receipt(receipt, now(facts))
    check_verdict(receipt, CLEAN)
    assert {"root/upstream.json", "root/modules/table/main.tf", "extra0/modules.json"} <= receipt.files.keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unit": "prod/api"}, "the receipt is for prod/data, but the plan is for prod/api"),
        ({"account_id": "222222222222"}, "judged for account 111111111111, but STS reports 222222222222"),
        ({"region": "eu-west-2"}, "judged for eu-west-1, but would be applied in eu-west-2"),
        ({"state": "s3://other/key"}, "would be applied to s3://other/key"),
        ({"json_sha256": "00" * 32}, "the JSON of the plan of prod/data was changed"),
        ({"policies": "00" * 32}, "policies/ changed after prod/data was judged"),
        ({"versions": {"orch": "0.1.0", "terraform": "1.11.4"}}, r"hashicorp/aws 5\.100\.0, .* with none"),
        (
            {"providers": {"registry.terraform.io/hashicorp/aws linux_amd64": "h1:two"}},
            r"judged with registry\.terraform\.io/hashicorp/aws \(h1:one\), which is another program now",
        ),
        ({"values": {"image": "v2"}}, 'judged with run.image = null, but would be applied with "v2"'),
        ({"base": StateHeader(LINEAGE, 5)}, "changed after its plan was made: its serial was 4, and is 5"),
        ({"base": StateHeader("other", 4)}, "its lineage was .*, and is other"),
        ({"base": StateHeader()}, "it had serial 4, and is gone"),
    ],
)
def test_every_difference_is_refused_and_named(facts: ReceiptInputs, change: dict[str, Any], said: str) -> None:
    with pytest.raises(BlockedError, match=said) as caught:
        check_receipt(receipt_of(facts), replace(facts, **change))
    assert caught.value.exit_code == 3
    assert caught.value.hint
    assert isinstance(caught.value, StateMovedError) == ("base" in change)


def test_every_input_is_compared() -> None:
    """A new input that is not compared would prove nothing."""
    compared = {
        "unit",
        "account_id",
        "region",
        "state",
        "json_sha256",
        "policies",
        "versions",
        "providers",
        "values",
        "base",
        "frozen",
    }
    assert {field.name for field in fields(ReceiptInputs)} == compared


@pytest.mark.parametrize(
    ("name", "edit", "how"),
    [
        ("root/main.tf", lambda path: path.write_text("x"), "was changed"),
        ("root/upstream.json", lambda path: path.write_text("{}"), "was changed"),
        ("root/modules/table/main.tf", lambda path: path.unlink(), "is gone"),
        ("root/more.tf", lambda path: path.write_text("x"), "was added"),
        ("data/modules/modules.json", lambda path: path.write_text("x"), "was changed"),
        ("plan", lambda path: path.write_text("x"), "was changed"),
    ],
)
def test_a_file_that_differs_is_named(facts: ReceiptInputs, name: str, edit: Callable[[Path], Any], how: str) -> None:
    receipt = receipt_of(facts)
    path = facts.frozen.plan.parent / name
    edit(path)
    with pytest.raises(BlockedError, match=f"{path} {how} after the plan was judged"):
        check_receipt(receipt, now(facts))


def test_a_machine_with_another_platform_may_apply(facts: ReceiptInputs) -> None:
    """A run on several machines: the package is another one, and the lock file has the checksums of both."""
    elsewhere = {"registry.terraform.io/hashicorp/aws linux_arm64": "h1:two"}
    check_receipt(receipt_of(facts), replace(facts, providers=elsewhere))


def test_a_receipt_from_before_providers_were_recorded_is_read(facts: ReceiptInputs) -> None:
    document = receipt_of(facts).form()
    del document["providers"]
    assert Receipt.of(document, "old").providers == {}


def test_a_blocked_plan_is_not_applied_by_its_receipt(facts: ReceiptInputs) -> None:
    blocked = receipt_of(facts, replace(CLEAN, findings=(finding("prod/data"),)))
    with pytest.raises(BlockedError, match=r"the plan of prod/data was blocked \(ORCH_PROTECTED\)"):
        check_receipt(blocked, facts)


def test_a_second_verdict_must_be_the_first(facts: ReceiptInputs) -> None:
    waived = replace(finding("prod/data"), severity=Severity.WAIVED, waiver="w-1 by anna: reason")
    receipt = receipt_of(facts, replace(CLEAN, findings=(waived,)))
    check_verdict(receipt, replace(CLEAN, findings=(replace(waived, inside="3 users"),)))  # counted anew each time
    with pytest.raises(
        BlockedError, match="is blocked now, right before the apply: a Cognito user pool would be deleted"
    ):
        check_verdict(receipt, replace(CLEAN, findings=(replace(waived, severity=Severity.BLOCK, waiver=""),)))
    others = (
        CLEAN,
        replace(CLEAN, findings=(waived,), checks=("ORCH_PROTECTED",)),
        replace(CLEAN, findings=(replace(waived, waiver="w-2 by bert: other"),)),
    )
    for other in others:
        with pytest.raises(BlockedError, match="produced a different verdict from the one in its receipt"):
            check_verdict(receipt, other)


def test_a_receipt_is_read_back_unchanged(facts: ReceiptInputs, tmp_path: Path) -> None:
    wrote = StateWrites(ok=False, lineage=LINEAGE, first=5, last=6, versions={"v2": 6, "v1": 5})
    for receipt in (
        receipt_of(facts),
        replace(receipt_of(facts, replace(CLEAN, findings=(finding("u"),))), wrote=wrote),
    ):
        path = tmp_path / "receipts" / "prod" / "data" / "eu-west-1.json"
        receipt.write(path)
        assert Receipt.read(path) == receipt
        assert path.stat().st_mode & 0o777 == 0o600
        form = json.loads(path.read_text())
        assert (form["format"], form["kind"], form["blocked"]) == (1, "receipt", receipt.blocked)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda form: {**form, "format": 2}, "has format 2; this version of orch supports 1"),
        (lambda form: {key: value for key, value in form.items() if key != "checks"}, "is not a receipt"),
        (lambda form: {**form, "findings": [{"id": 1}]}, "is not a receipt"),
        (lambda form: {**form, "files": {**form["files"], "root/main.tf": "sha256:0"}}, "was modified"),
        (lambda form: {**form, "blocked": "no"}, "was modified"),
        (lambda form: [form], "is not a receipt"),
        (lambda form: {**form, "unit": ["prod/data"]}, "is not a receipt"),
        (lambda form: {**form, "commit": 7}, "is not a receipt"),
        (lambda form: {**form, "serial": "4"}, "is not a receipt"),
        (lambda form: {**form, "serial": True}, "is not a receipt"),
        (lambda form: {**form, "versions": ["orch"]}, "is not a receipt"),
        (lambda form: {**form, "versions": {"orch": None}}, "is not a receipt"),
        (lambda form: {**form, "providers": "aws"}, "is not a receipt"),
        (lambda form: {**form, "values": []}, "is not a receipt"),
        (lambda form: {**form, "wrote": {**WROTE, "last": "5"}}, "is not a receipt"),
        (lambda form: {**form, "wrote": {**WROTE, "versions": {"v1": None}}}, "is not a receipt"),
        (str, "is not a receipt"),
    ],
)
def test_a_damaged_receipt_is_refused(
    facts: ReceiptInputs, tmp_path: Path, edit: Callable[[dict[str, Any]], Any], said: str
) -> None:
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(edit(receipt_of(facts).form())))
    with pytest.raises(BlockedError, match=said):
        Receipt.read(path)


def test_without_a_receipt_nothing_is_applied(tmp_path: Path) -> None:
    with pytest.raises(BlockedError, match=r"the receipt .* is missing, so there is no proof"):
        Receipt.read(tmp_path / "receipt.json")
    (tmp_path / "receipt.json").write_text('{"format": 1')
    with pytest.raises(BlockedError, match="cannot be read"):
        Receipt.read(tmp_path / "receipt.json")
