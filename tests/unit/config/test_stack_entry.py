"""Inputs and imports are written into the entry of one unit, and the rest of the file stays as it is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.user_pools.description import PoolDescription
from orchestrator.aws.user_pools.inputs import pool_inputs
from orchestrator.config.edit.stack_entry import check_writable, plain_inputs, stack_entry_edit
from orchestrator.config.load import load, load_edited
from orchestrator.errors import UsageError
from tests.support.module_readme import ROOT
from tests.support.project import Project
from tests.support.user_pools import descriptions

STAGE = """\
# by hand
account: main
stacks:
  # the pool of the members
  identity:{entry}
  box:   # stays
    inputs: {{value: [1, 2]}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("entry"), emulator=None, accounts={"main": "111111111111"})
    shutil.copytree(ROOT / "modules" / "user_pool", made.root / "modules" / "user_pool")
    made.write("live/stacks/box.yaml", "module: box\n")
    return made


def edited(project: Project, entry: str, stack: str = "", wanted: Mapping[str, Any] | None = None) -> str:
    """The stage's file after the edit, which must load and give exactly what was wanted."""
    project.write("live/stacks/identity.yaml", f"module: user_pool\n{stack}")
    project.write("live/stages/prod.yaml", STAGE.format(entry=entry))
    catalogue = load(project.root)
    wanted = {"names": {"pool": "members"}, "mfa": "ON"} if wanted is None else wanted
    edit = stack_entry_edit(
        catalogue, catalogue.units["prod/identity"], wanted, {'aws_cognito_user_pool_client.this["a b"]': "id"}
    )
    unit = load_edited(project.root, [edit]).units["prod/identity"]
    if wanted:
        assert plain_inputs(unit) == wanted
    assert unit.imports['aws_cognito_user_pool_client.this["a b"]'] == "id"
    assert edit.after.startswith("# by hand\naccount: main\nstacks:\n  # the pool of the members\n")
    assert edit.after.endswith("  box:   # stays\n    inputs: {value: [1, 2]}\n")
    return edit.after


ADDED = """\
    inputs:
      names: {pool: members}
      mfa: "ON"
    imports:
      'aws_cognito_user_pool_client.this["a b"]': id
"""


@pytest.mark.parametrize("entry", ["", " {}", "  # EU only"])
def test_an_empty_entry_gets_both_maps(project: Project, entry: str) -> None:
    text = edited(project, entry)
    assert ADDED in text
    assert ("# EU only" in text) == ("EU" in entry)


def test_what_the_stack_sets_and_the_pool_does_not_have_is_cleared(project: Project) -> None:
    stack = "inputs:\n  mfa: 'ON'\n  attributes: {tenant: {max: 64}, team: {}}\n  domain: {}\n"
    wanted = {"names": {"pool": "members"}, "mfa": "ON", "attributes": {"team": {}}}
    text = edited(project, "", stack, wanted)
    assert "mfa" not in text, "it is inherited already"
    assert "      domain:\n" in text
    assert "        tenant:\n" in text


def test_what_the_entry_has_is_kept_or_overwritten(project: Project) -> None:
    entry = " {inputs: {mfa: 'OFF'}, imports: {aws_cognito_user_pool.this: other}, depends_on: [box]}"
    text = edited(project, entry)
    for part in ('mfa: "ON"', "aws_cognito_user_pool.this: other", "depends_on: [box]"):
        assert part in text


def test_imports_alone_leave_the_inputs(project: Project) -> None:
    assert "inputs: {mfa: 'OFF'}" in edited(project, "\n    inputs: {mfa: 'OFF'}", wanted={})


@given(found=descriptions())
def test_any_pool_is_read_back_as_it_was_written(project: Project, found: PoolDescription) -> None:
    edited(project, "", wanted=pool_inputs(found).inputs)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).filter(lambda text: "${" not in text)


@given(text=TEXT)
def test_any_text_is_read_back_as_it_was_written(project: Project, text: str) -> None:
    edited(project, "", wanted={"tags": {"a": text}, "tier": text})


def test_a_text_that_would_be_a_reference_is_refused(project: Project) -> None:
    unit = load(project.root).units["prod/identity"]
    with pytest.raises(UsageError, match="tags of prod/identity contains"):
        check_writable(unit, {"tags": {"a": "${{ stage }}"}})


def test_the_schema_comment_and_the_folder_stay(project: Project, tmp_path: Path) -> None:
    text = "# yaml-language-server: $schema=../.schema/stage.json\n"
    project.write("live/stages/test.yaml", f"{text}account: main\nstacks:\n  identity:\n")
    catalogue = load(project.root)
    edit = stack_entry_edit(catalogue, catalogue.units["test/identity"], {}, {"aws_cognito_user_pool.this": "1"})
    assert (
        edit.after
        == f'{text}account: main\nstacks:\n  identity:\n    imports:\n      aws_cognito_user_pool.this: "1"\n'
    )
    (project.root / "live/stages/test.yaml").unlink()
