from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.terraform.plan.reader import UnreadablePlanError
from orchestrator.terraform.plan.unknowns import upstream_marks

FUNCTION = "module.this.aws_lambda_function.this"


def refers(*references: str) -> dict[str, Any]:
    return {"references": list(references)}


def marks(
    folder: Path, expressions: dict[str, Any], unknown_after: Any, *, address: str = FUNCTION, **call: Any
) -> set[tuple[str, str]]:
    """The marks of one resource in the module ``this``, whose variable ``pool`` comes from upstream."""
    resource = {"address": "aws_lambda_function.this", "expressions": expressions}
    module = {"source": "hashicorp/remote/aws", "module": {"resources": [resource]}} | call
    document = {
        "configuration": {"root_module": {"module_calls": {"this": module}}},
        "resource_changes": [{"address": address, "change": {"after_unknown": unknown_after}}],
    }
    file = folder / "plan.json"
    file.write_text(json.dumps(document))
    return set(upstream_marks(file, folder, {"pool": ["prod/identity"]}))


def test_an_argument_that_refers_to_the_variable_is_marked(tmp_path: Path) -> None:
    expressions = {"role": refers("var.pool"), "name": refers("var.name"), "memory": {"constant_value": 1}}
    assert marks(tmp_path, expressions, {"role": True, "name": True, "arn": True}) == {(FUNCTION, "role")}


def test_a_part_of_the_variable_is_too(tmp_path: Path) -> None:
    assert marks(tmp_path, {"role": refers("var.pool.arn", "var.pool")}, {"role": True}) == {(FUNCTION, "role")}


def test_what_turned_out_known_is_not(tmp_path: Path) -> None:
    assert marks(tmp_path, {"role": refers("var.pool")}, {"role": False}) == set()
    assert marks(tmp_path, {"role": refers("var.pool")}, {}) == set()


def test_blocks_are_marked_inside_when_there_is_one(tmp_path: Path) -> None:
    block = {"subnets": refers("var.pool"), "groups": refers("aws_group.x.id", "aws_group.x")}
    unknown = {"vpc": [{"subnets": True, "groups": True}]}
    assert marks(tmp_path, {"vpc": [block]}, unknown) == {(FUNCTION, "vpc[0].subnets")}
    assert marks(tmp_path, {"vpc": [block, {}]}, unknown) == {(FUNCTION, "vpc")}
    assert marks(tmp_path, {"vpc": block}, {"vpc": True}) == {(FUNCTION, "vpc.subnets")}


def test_instances_are_marked_one_by_one(tmp_path: Path) -> None:
    address = FUNCTION + '["a[0].\\"b"]'
    assert marks(tmp_path, {"role": refers("var.pool")}, {"role": True}, address=address) == {(address, "role")}


def test_what_a_data_source_answers_is_decided_with_its_question(tmp_path: Path) -> None:
    """Terraform reads it when the other unit is applied. What a resource says, it says only after this unit's own apply."""
    asked = {"address": "data.aws_x.asked", "mode": "data", "expressions": {"name": refers("var.pool")}}
    made = {"address": "aws_x.made", "mode": "managed", "expressions": {"name": refers("var.pool")}}
    known = {"address": "data.aws_x.known", "mode": "data", "expressions": {"name": refers("var.name")}}
    function = {
        "address": "aws_lambda_function.this",
        "expressions": {
            "role": refers("data.aws_x.asked.answer", "data.aws_x.asked"),
            "name": refers("aws_x.made.answer", "aws_x.made"),
            "arn": refers("data.aws_x.known.answer", "data.aws_x.known"),
        },
    }
    module = {"resources": [function, asked, made, known]}
    unknown = dict.fromkeys(("role", "name", "arn"), True)
    assert marks(tmp_path, {}, unknown, module=module) == {(FUNCTION, "role")}


def test_a_value_names_the_units_that_decide_it(tmp_path: Path) -> None:
    resource = {
        "address": "aws_lambda_function.this",
        "expressions": {
            "role": refers("var.pool"),
            "name": refers("var.table", "var.pool"),
            "arn": refers("var.table"),
        },
    }
    document = {
        "configuration": {"root_module": {"module_calls": {"this": {"module": {"resources": [resource]}}}}},
        "resource_changes": [
            {"address": FUNCTION, "change": {"after_unknown": dict.fromkeys(("role", "name", "arn"), True)}}
        ],
    }
    (tmp_path / "plan.json").write_text(json.dumps(document))
    unknown = {"pool": ["prod/identity"], "table": ["prod/data", "dev/data"], "other": ["prod/x"]}
    assert upstream_marks(tmp_path / "plan.json", tmp_path, unknown) == {
        (FUNCTION, "role"): ("prod/identity",),
        (FUNCTION, "name"): ("dev/data", "prod/data", "prod/identity"),
        (FUNCTION, "arn"): ("dev/data", "prod/data"),
    }


def test_without_the_module_call_nothing_is_marked(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"configuration": {"root_module": {"module_calls": {}}}}))
    assert upstream_marks(file, tmp_path, {"pool": ["prod/identity"]}) == {}


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"configuration": {}}'])
def test_what_is_no_plan_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(UnreadablePlanError):
        upstream_marks(tmp_path / "plan.json", tmp_path, {"pool": ["prod/identity"]})
