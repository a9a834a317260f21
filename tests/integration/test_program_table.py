"""The AWS provider's schema has nothing that starts a program or reads a file and that nobody has looked at."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.hcl.modules.programs import FILES, PROGRAMS
from tests.support.terraform import make_root, make_terraform

pytestmark = pytest.mark.integration

STARTS = re.compile(r"invo[ck]|execut|_run(_|$)|evaluat|_start_|_exec(_|$)")
"""Names of data sources and ephemeral resources that may start something."""
COMMANDS = re.compile(r"(^|_)(command|program|script|exec|postrender)$")
"""Names of their arguments that may be what is started."""
PATHS = re.compile(r"^(source|source_dir|source_file)$|(^|_)(file|filename|zip|zip_file)$")
"""Names of arguments that may be the path of a file."""

NO_PATH = {
    "aws_cognito_user_pool_ui_customization.image_file": "the image itself, in Base64",
    "aws_ec2_network_insights_path.source": "an id in AWS",
    "aws_notifications_event_rule.source": "an AWS service",
    "aws_pipes_pipe.source": "an ARN",
    "aws_s3_object_copy.source": "an object in S3",
    "aws_vpc_network_performance_metric_subscription.source": "a region",
}
"""Type and argument -> what it is, if it is no path."""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    terraform = make_terraform(tmp_path_factory.mktemp("terraform"))
    source = '{\n    aws = {\n      source  = "hashicorp/aws"\n      version = "5.100.0"\n    }\n  }\n'
    root = make_root(tmp_path_factory.mktemp("schema"), {"main.tf": f"terraform {{\n  required_providers {source}}}\n"})
    terraform.init(root, timeout=120)
    argv = [str(terraform.binary.path), "providers", "schema", "-json"]
    ran = subprocess.run(argv, cwd=root.folder, env=terraform.environment(root), capture_output=True, check=True)
    (found,) = json.loads(ran.stdout)["provider_schemas"].values()
    return dict(found)


def arguments(block: dict[str, Any]) -> Iterator[str]:
    """The names of the arguments of a block, and of the blocks in it."""
    for name, attribute in block.get("attributes", {}).items():
        if attribute.get("optional") or attribute.get("required"):
            yield name
    for inner in block.get("block_types", {}).values():
        yield from arguments(inner["block"])


def test_every_data_source_that_may_start_something_is_listed(provider: dict[str, Any]) -> None:
    found = {
        name
        for kind in ("data_source_schemas", "ephemeral_resource_schemas")
        for name, schema in provider[kind].items()
        if STARTS.search(name) or any(map(COMMANDS.search, arguments(schema["block"])))
    }
    assert found == {each for each in PROGRAMS if each.startswith("aws_")}


def test_every_argument_that_may_be_a_path_is_listed(provider: dict[str, Any]) -> None:
    found = {
        f"{name}.{argument}"
        for kind in ("resource_schemas", "data_source_schemas", "ephemeral_resource_schemas")
        for name, schema in provider[kind].items()
        for argument, attribute in schema["block"]["attributes"].items()
        if PATHS.search(argument) and attribute["type"] == "string" and not is_computed(attribute)
    }
    listed = {f"{kind}.{argument}" for argument, kinds in FILES.items() for kind in kinds if kind.startswith("aws_")}
    assert found == listed | NO_PATH.keys()


def is_computed(attribute: dict[str, Any]) -> bool:
    return not (attribute.get("optional") or attribute.get("required"))
