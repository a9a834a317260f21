"""What the real AWS provider answers about its configuration, and that a second question has the same answer."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgpack
import pytest

from orchestrator.terraform.setup.lock_file import LOCK_FILE, SHARED_LOCK_FILE
from orchestrator.terraform.warm.server.schema import message_fields
from tests.support.fake_package import Caller
from tests.support.protobuf import field
from tests.support.terraform import REPOSITORY, make_root, make_terraform, warm_environment
from tests.support.warm import PROVIDER

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.environ.get("ORCH_COLD", "0") not in {"", "0"}, reason="nothing is warm"),
]

PARENT = 'output "parent" {\n  value = ".."\n}\n'
"""Such a unit gets a process of its own, and each of its questions reaches it."""
TAGS: list[dict[str, str]] = [
    {},
    {"stack": "one"},
    {"": "", "aws:reserved": "x", "ä ☃": "\n"},
    {f"tag-{number}": "x" * 1000 for number in range(200)},
]


def configured(**values: Any) -> bytes:
    """A question about a configuration that sets these arguments."""
    return field(1, field(1, msgpack.packb({**dict.fromkeys(ARGUMENTS), **BLOCKS, **values})))


ARGUMENTS = (
    *("access_key", "allowed_account_ids", "custom_ca_bundle", "ec2_metadata_service_endpoint"),
    *("ec2_metadata_service_endpoint_mode", "forbidden_account_ids", "http_proxy", "https_proxy", "insecure"),
    *("max_retries", "no_proxy", "profile", "region", "retry_mode", "s3_us_east_1_regional_endpoint"),
    *("s3_use_path_style", "secret_key", "shared_config_files", "shared_credentials_files"),
    *("skip_credentials_validation", "skip_metadata_api_check", "skip_region_validation"),
    *("skip_requesting_account_id", "sts_region", "token", "token_bucket_rate_limiter_capacity"),
    *("use_dualstack_endpoint", "use_fips_endpoint"),
)
BLOCKS: dict[str, list[Any]] = {
    name: [] for name in ("assume_role", "assume_role_with_web_identity", "default_tags", "endpoints", "ignore_tags")
}
ROLE_ARGUMENTS = (
    *("duration", "external_id", "policy", "policy_arns", "role_arn", "session_name", "source_identity", "tags"),
    "transitive_tag_keys",
)


def tagged(tags: dict[str, str]) -> bytes:
    return configured(region="eu-west-1", default_tags=[{"tags": tags}])


def test_the_provider_answers_as_the_server_does_for_it(tmp_path: Path) -> None:
    terraform = make_terraform(tmp_path, warm=True)
    with ExitStack() as stack:
        callers = []
        for name, more in (("asked", PARENT), ("remembered", "")):
            root = make_root(tmp_path / name, {"main.tf": PROVIDER + 'provider "aws" {}\n' + more})
            (root.folder / LOCK_FILE).write_bytes((REPOSITORY / SHARED_LOCK_FILE).read_bytes())
            terraform.init(root, timeout=120)
            env = stack.enter_context(warm_environment(terraform, root))
            callers.append(stack.enter_context(Caller(env["TF_REATTACH_PROVIDERS"])))
        asked, remembered = callers
        for tags in TAGS:
            request = tagged(tags)
            # MessagePack has several ways to write the same map, so the values are compared.
            assert value_of(asked.answer("PrepareProviderConfig", request)) == value_of(request)
            assert remembered.answer("PrepareProviderConfig", request) == request
        wrong = configured(region="eu-west-1", assume_role=[{**dict.fromkeys(ROLE_ARGUMENTS), "role_arn": "nonsense"}])
        for _ in range(2):
            answer = remembered.answer("PrepareProviderConfig", wrong)
            assert b"role_arn" in answer
            assert answer == asked.answer("PrepareProviderConfig", wrong)


def value_of(message: bytes) -> Any:
    """The configuration in a message that contains nothing else, no diagnostics either."""
    ((number, value),) = message_fields(message)
    ((encoding, data),) = message_fields(value)
    assert (number, encoding) == (1, 1)
    return msgpack.unpackb(data)
