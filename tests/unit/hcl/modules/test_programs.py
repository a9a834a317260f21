"""What `terraform_remote_state` must not name, and what it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.hcl.modules.code_and_sources import read_contents
from orchestrator.hcl.modules.programs import ARGUMENTS, BACKENDS, HARMLESS, PROGRAMS

S3 = 'backend = "s3"\n  config = { bucket = "b", key = "k", region = "eu-west-1" }'


def reasons(folder: Path, body: str, *, head: str = 'data "terraform_remote_state" "x"') -> list[str]:
    (folder / "main.tf").write_text(f"{head} {{\n  {body}\n}}\n")
    contents = read_contents(folder, root=folder)
    assert contents.problems == ()
    return [each.reason for each in contents.code]


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_backend_that_starts_programs_or_reads_files(tmp_path: Path, backend: str) -> None:
    assert reasons(tmp_path, f'backend = "{backend}"') == [f"backend {backend!r}: {BACKENDS[backend]}"]


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_no_argument_that_starts_programs_or_reads_files(tmp_path: Path, argument: str) -> None:
    config = f'{{ bucket = "b", key = "k", ("{argument}") = "x" }}'
    assert reasons(tmp_path, f'backend = "s3"\n  config = {config}') == [f"{argument}: {ARGUMENTS[argument]}"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('backend = "artifactory"', "backend 'artifactory': orch does not know what it does"),
        ("backend = var.backend", "its backend is not constant text, so nobody knows what it does"),
        ('backend = "${"s3"}"', "its backend is not constant text, so nobody knows what it does"),
        ('backend = "s3"\n  config = local.config', "its config is computed, so nobody knows what it names"),
        ('backend = "s3"\n  config = merge({}, local.more)', "its config is computed, so nobody knows what it names"),
        ('backend = "s3"\n  config = { for k, v in local.x : k => v }', "its config is computed"),
        ('backend = "s3"\n  config = { (local.key) = "x" }', "its config has a computed key"),
        ('backend = "s3"\n  config = { "shared_${"config"}_files" = ["x"] }', "its config has a computed key"),
        ('backend = "s3"\n  config = { new_argument = "x" }', "new_argument: orch does not know what it does"),
        ('backend = "http"\n  config = { ca_file = "x" }', "ca_file: orch does not know what it does"),
    ],
)
def test_what_nobody_can_tell_before_the_plan_is_refused(tmp_path: Path, body: str, reason: str) -> None:
    (found,) = reasons(tmp_path, body)
    assert found.startswith(reason)


@pytest.mark.parametrize(
    "body",
    [
        S3,
        'backend = "s3"\n  config = { bucket = var.b, key = "${local.k}/x", assume_role = { role_arn = var.role } }',
        'backend = "http"\n  config = { address = "https://example.com/state", username = "u", password = var.p }',
        'backend = "s3"\n  workspace = "x"\n  defaults = { a = 1 }\n  config = {}',
    ],
)
def test_the_usual_ways_to_read_a_state_pass(tmp_path: Path, body: str) -> None:
    assert reasons(tmp_path, body) == []


def test_an_override_file_cannot_add_an_argument(tmp_path: Path) -> None:
    (tmp_path / "a_override.tf.json").write_text(
        '{"data": {"terraform_remote_state": {"x": {"config": {"bucket": "b", "profile": "admin"}}}}}'
    )
    assert reasons(tmp_path, S3) == [f"profile: {ARGUMENTS['profile']}"]


@pytest.mark.parametrize("kind", PROGRAMS)
@pytest.mark.parametrize("block", ["data", "ephemeral"])
def test_programs_are_found_as_data_sources_and_ephemeral_resources(tmp_path: Path, kind: str, block: str) -> None:
    assert reasons(tmp_path, "", head=f'{block} "{kind}" "x"') == [PROGRAMS[kind]]


def test_every_backend_is_judged_once() -> None:
    assert not BACKENDS.keys() & HARMLESS.keys()
    assert not ARGUMENTS.keys() & frozenset().union(*HARMLESS.values())
