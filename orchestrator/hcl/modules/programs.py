"""What in a configuration starts a program, or reads files that no module contains: one list, with the reasons.

Provisioners are not listed: every type of them runs a program. Provider arguments are not either: a module that
configures a provider is refused as a whole, and those of ``live/`` are merged first (guard/trust/live_programs.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.hcl.modules.blocks import Declaration
from orchestrator.hcl.tree import Entries, constant_text

REMOTE_STATE = "terraform_remote_state"

PROGRAMS: Mapping[str, str] = {
    "aws_ecs_task_execution": "it runs an ECS task, with a command and a role of its choice",
    "aws_lambda_invocation": "it runs a Lambda function",
    "external": "it runs a program on this machine",
    "helm_template": "its postrender block runs a program on this machine",
    "local_command": "it runs a program on this machine",
    "shell_script": "it runs a program on this machine",
}
"""Type of a data source, an ephemeral resource, or (since Terraform 1.14) an action -> what it does.

Looked at and left out: ``http`` and ``tls_certificate`` send requests, and get no credentials; ``archive_file`` and
``local_file`` read files that their arguments name (``scan.py``).
"""

FILES: Mapping[str, frozenset[str]] = {
    "filename": frozenset(
        {
            *("aws_connect_contact_flow", "aws_connect_contact_flow_module", "aws_lambda_function"),
            *("aws_lambda_layer_version", "aws_rds_custom_db_engine_version", "local_file", "local_sensitive_file"),
        }
    ),
    "source": frozenset({"aws_s3_bucket_object", "aws_s3_object"}),
    "source_dir": frozenset({"archive_file"}),
    "source_file": frozenset({"archive_file"}),
    "zip_file": frozenset({"aws_gamelift_script", "aws_synthetics_canary"}),
}
"""Argument -> types of resources and data sources for which it is the path of a file that is read."""

_AWS_PROFILE = "a profile can have a credential_process, which is a program, or the credentials of another role"
_AWS_FILES = "a profile in it can have a credential_process, which is a program"
_ENDPOINT = "requests of the plan role, with its session token, would go to this address"

BACKENDS: Mapping[str, str] = {
    "azurerm": "it runs the program `az`, and reads certificates and tokens from files",
    "consul": "it reads ca_file, cert_file and key_file",
    "cos": "it reads the credentials and profiles of Tencent Cloud in the home folder",
    "gcs": "it reads credentials files, whose `executable` source is a program",
    "inmem": "it is made for Terraform's own tests",
    "kubernetes": "`exec` and the users of a kubeconfig file run programs",
    "local": "it reads any file of this machine",
    "oci": "it reads configuration files and private keys in the home folder",
    "oss": "it reads the profiles of Alibaba Cloud in the home folder, which can run programs",
    "pg": "conn_str names files with passwords and keys",
    "remote": "it takes its token from the user's CLI configuration, whose credentials helper is a program",
}
"""Backend that `terraform_remote_state` must not read from -> the reason. A backend that is in no list is unknown."""

_S3 = frozenset(
    {
        *("bucket", "key", "region", "workspace_key_prefix", "encrypt", "kms_key_id", "acl", "sse_customer_key"),
        *(
            "dynamodb_table",
            "use_lockfile",
            "allowed_account_ids",
            "forbidden_account_ids",
            "assume_role",
            "sts_region",
        ),
        *("access_key", "secret_key", "token", "max_retries", "retry_mode", "use_path_style", "force_path_style"),
        *("skip_credentials_validation", "skip_metadata_api_check", "skip_region_validation"),
        *("skip_requesting_account_id", "skip_s3_checksum", "use_fips_endpoint", "use_dualstack_endpoint"),
    }
)
_HTTP = frozenset(
    {
        *("address", "username", "password", "update_method", "lock_address", "lock_method", "unlock_address"),
        *("unlock_method", "skip_cert_verification", "retry_max", "retry_wait_min", "retry_wait_max"),
        *("client_ca_certificate_pem", "client_certificate_pem", "client_private_key_pem"),
    }
)
HARMLESS: Mapping[str, frozenset[str]] = {"s3": _S3, "http": _HTTP}
"""Backend -> arguments that neither start a program nor read a file. Any other argument is refused."""

ARGUMENTS: Mapping[str, str] = {
    "profile": _AWS_PROFILE,
    "shared_config_files": _AWS_FILES,
    "shared_credentials_file": _AWS_FILES,
    "shared_credentials_files": _AWS_FILES,
    "assume_role_with_web_identity": "web_identity_token_file is any file of this machine",
    "custom_ca_bundle": "it is any file of this machine, and decides which servers are trusted",
    "ec2_metadata_service_endpoint": "credentials would come from this address",
    "ec2_metadata_service_endpoint_mode": "credentials would come from another address",
    "endpoint": _ENDPOINT,
    "endpoints": _ENDPOINT,
    "dynamodb_endpoint": _ENDPOINT,
    "iam_endpoint": _ENDPOINT,
    "sts_endpoint": _ENDPOINT,
    "http_proxy": _ENDPOINT,
    "https_proxy": _ENDPOINT,
    "no_proxy": "it changes which requests go through the proxy",
    "insecure": "the server would not have to prove who it is",
}
"""Arguments of the backends in ``HARMLESS`` that are not harmless -> the reason."""


def remote_state_objections(declared: Declaration) -> Iterator[str]:
    """Yield why a ``terraform_remote_state`` may run a program or read a file; nothing if it does neither."""
    backend = declared.text("backend")
    if backend is None:
        yield "its backend is not constant text, so nobody knows what it does"
    elif backend not in HARMLESS:
        yield f"backend {backend!r}: {BACKENDS.get(backend, 'orch does not know what it does')}"
    else:
        yield from _arguments(backend, declared)


def _arguments(backend: str, declared: Declaration) -> Iterator[str]:
    """Yield what speaks against the arguments of a backend; they must be written as an object."""
    config = declared.attributes.get("config")
    if config is None:
        return
    if not isinstance(config.value, Entries):
        yield "its config is computed, so nobody knows what it names: write it as an object, { bucket = … }"
        return
    for key, _ in config.value.entries:
        name = constant_text(key)
        if name is None:
            yield "its config has a computed key, so nobody knows what it names"
        elif name not in HARMLESS[backend]:
            yield f"{name}: {ARGUMENTS.get(name, f'orch does not know what it does in backend {backend!r}')}"
