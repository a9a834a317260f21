"""The files of a module folder are those that Terraform reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.hcl.modules.files import configuration_files, read_file

READ = ["#notes.tf", "#.tf", "~x.tf", " .tf", "a b.tf", "*.tf", "x.tf.json", "é.tf", "n\nl.tf"]
IGNORED = [".hidden.tf", ".tf", "#notes.tf#", "x.tf~", "X.TF", "x.tf.bak", "x.tofu"]


def test_terraform_s_files_and_no_other(tmp_path: Path) -> None:
    for name in (*READ, *IGNORED):
        (tmp_path / name).write_text("")
    (tmp_path / "folder.tf").mkdir()
    (tmp_path / "link.tf").symlink_to("folder.tf")
    assert [each.name for each in configuration_files(tmp_path)] == sorted([*READ, "link.tf"])


@pytest.mark.parametrize("name", ["override.tf", "a_override.tf.json", "n\n_override.tf"])
def test_override_files_come_last(tmp_path: Path, name: str) -> None:
    for each in (name, "z.tf"):
        (tmp_path / each).write_text("{}" if each.endswith("json") else "")
    assert [each.name for each in configuration_files(tmp_path)] == ["z.tf", name]
    assert read_file(tmp_path / name, tmp_path).override
