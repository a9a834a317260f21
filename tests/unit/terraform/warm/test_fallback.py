"""When a warm command that failed is repeated cold."""

from __future__ import annotations

import pytest

from orchestrator.terraform.warm.fallback import why_repeat
from orchestrator.terraform.warm.messages import LeaseEnd

HIDDEN = LeaseEnd(hidden=frozenset({"aws_vpc", "aws_sns_topic"}))


@pytest.mark.parametrize(
    "line",
    [
        "Error: no schema available for aws_vpc.x while reading state; this is a bug in Terraform",
        "Error: Invalid resource type",
        "Error: Invalid data source",
        "Error: Invalid ephemeral resource type",
        'The provider hashicorp/aws does not support resource type "aws_vpc".',
        "Error: Plugin did not respond",
        "The plugin encountered an error, and failed to respond to the plugin6.(*GRPCProvider).X call.",
        "Error: rpc error: code = Unavailable desc = error reading from server: EOF",
        "Error: Failed to load plugin schemas",
        "Error: Provider produced inconsistent final plan",
    ],
)  # fmt: skip
def test_an_error_about_schemas_or_plugins_is_repeated(line: str) -> None:
    for lines in (["", "Planning failed.", line], ["Error: several things", "", f"│ {line}"]):
        assert why_repeat(lines, LeaseEnd()).startswith("Terraform's error can come from")


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Error: creating SNS Topic (x): operation error SNS: AccessDenied"],
        ["Error: Unsupported argument", 'An argument named "x" is not expected here.'],
        ["Error: Reference to undeclared resource", 'A managed resource "aws_s3_bucket" "x" has not been declared.'],
        ["Error: reading my_aws_vpc_x and aws_vpc_endpoint"],
        ["  + schema {", "  - aws_vpc", "Planning failed.", "", "Error: Instance cannot be destroyed"],
        [
            "Error: Missing item separator",
            "  on modules/plugin/schema.tf line 4:",
            "   4:   schema {",
            "Expected a comma.",
        ],
        ["│ Error: Missing item separator", "│   with aws_cognito_user_pool.schema,", "│    4:   schema {"],
    ],
)
def test_an_error_of_the_user_or_of_aws_stands(lines: list[str]) -> None:
    assert why_repeat(lines, HIDDEN) == ""


def test_a_type_that_the_cut_schema_lacks_is_named() -> None:
    lines = ["Error: something about", "  on main.tf line 3: resource (aws_vpc.x) and aws_sns_topic"]
    assert why_repeat(lines, HIDDEN) == "Terraform's error names aws_sns_topic, which the cut schema does not contain"
    assert why_repeat(lines, LeaseEnd()) == ""


def test_what_happened_to_the_lease_counts_first() -> None:
    end = LeaseEnd(hidden=HIDDEN.hidden, crashed="panic: x", failure="the provider did not start")
    assert why_repeat(["schema aws_vpc"], end) == "the provider did not start"
    assert why_repeat(["schema aws_vpc"], LeaseEnd(crashed="panic: x")) == "the provider crashed"
