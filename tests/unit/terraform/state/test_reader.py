from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.terraform.model import StateOutput, StateResource
from orchestrator.terraform.state.reader import UnreadableStateError, read_state


def resource(**more: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": "aws_sqs_queue", "name": "this", "instances": [{}]} | more


def state(**more: Any) -> bytes:
    return json.dumps(
        {"version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "l-1", "outputs": {}, "resources": []}
        | more
    ).encode()


def test_reads_lineage_serial_outputs_and_addresses() -> None:
    record = read_state(
        state(
            outputs={
                "arn": {"value": "a", "type": "string"},
                "key": {"value": {"k": 1}, "type": [], "sensitive": True},
            },
            resources=[
                resource(module="module.this", instances=[{"index_key": 1}, {"index_key": 0}]),
                resource(module='module.this.module.x["a"]', instances=[{"index_key": 'q"${x}'}]),
                resource(name="dep", instances=[{}, {"deposed": "abcd"}]),
                resource(mode="data"),
            ],
        )
    )
    assert (record.lineage, record.serial) == ("l-1", 3)
    assert record.outputs == {"arn": StateOutput("a", sensitive=False), "key": StateOutput({"k": 1}, sensitive=True)}
    assert record.addresses == (
        "aws_sqs_queue.dep",
        "module.this.aws_sqs_queue.this[0]",
        "module.this.aws_sqs_queue.this[1]",
        'module.this.module.x["a"].aws_sqs_queue.this["q\\"$${x}"]',
    )


def test_an_empty_state_is_one() -> None:
    assert read_state(state(outputs=None, resources=None)).addresses == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'{"version": 4}',
        b'{"encrypted_data": "x", "version": 4}',
        state(version=3),
        state(lineage=""),
        state(serial="3"),
        state(serial=True),
        state(resources=[{"mode": "managed"}]),
        state(outputs={"a": {}}),
        b"\xff\xfe",
    ],
)
def test_anything_else_is_an_error(data: bytes) -> None:
    with pytest.raises(UnreadableStateError):
        read_state(data)


@given(st.integers(0, 200))
def test_a_state_that_is_cut_off_is_never_read(cut: int) -> None:
    whole = state(resources=[resource()], outputs={"a": {"value": 1, "type": "number"}})
    if cut < len(whole):
        with pytest.raises(UnreadableStateError):
            read_state(whole[:cut])


def test_of_attributes_only_what_names_a_protected_object_is_kept() -> None:
    pool = {"id": "p-1", "arn": "arn:p", "name": "users", "secret": "hush"}
    record = read_state(
        state(
            resources=[
                resource(
                    type="aws_cognito_user_pool",
                    module="module.this",
                    provider='module.this.provider["registry.terraform.io/hashicorp/aws"].edge',
                    instances=[{"index_key": "a", "attributes": pool}, {"index_key": "a", "deposed": "x1"}],
                ),
                resource(
                    instances=[{"attributes": {"id": "hush"}}], provider='provider["terraform.io/builtin/terraform"]'
                ),
            ]
        ),
        {"aws_cognito_user_pool"},
    )
    address = 'module.this.aws_cognito_user_pool.this["a"]'
    assert record.protected == (
        StateResource(address, "aws_cognito_user_pool", deposed="x1"),
        StateResource(address, "aws_cognito_user_pool", "p-1", "arn:p", "users"),
    )
    assert record.providers == ("registry.terraform.io/hashicorp/aws", "terraform.io/builtin/terraform")
    assert "hush" not in repr(record)


def test_only_a_state_that_was_never_saved_may_have_no_lineage() -> None:
    data = json.dumps({"version": 4, "lineage": "", "serial": 0, "outputs": {}, "resources": []}).encode()
    assert read_state(data, unsaved=True).lineage == ""
    with pytest.raises(UnreadableStateError):
        read_state(data)
