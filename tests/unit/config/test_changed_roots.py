"""A unit that ``--changed`` leaves out renders to the same bytes before and after the change, whatever changed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestrator.config.catalogue import unit_references
from orchestrator.config.changed import changed_units
from orchestrator.config.graph import Graph
from orchestrator.config.load import load
from orchestrator.render.write import RootRenderer
from tests.support.catalogue import ORCH, write

TEXT = f"""\
== orch
{ORCH}tags: {{team: platform}}
== accounts/production
id: "111111111111"
stacks:
  baseline:
== accounts/development
id: "222222222222"
== accounts/dns
id: "333333333333"
== stages/prod
account: production
stacks:
  data:
    inputs: {{a: 1}}
  api:
== stages/test
extends: prod
stacks:
  data:
    inputs: {{b: 2}}
== stages/dev
account: development
stacks:
  data:
  site:
uses:
  shared: prod/data
== stacks/baseline
module: any
== stacks/data
module: any
inputs: {{b: 1}}
== stacks/api
module: service
inputs:
  table: ${{{{ data.x }}}}
archives:
  source: services/api
== stacks/site
module: site
inputs:
  table: ${{{{ shared.x }}}}
providers:
  aws.dns: {{account: dns}}
== modules/service
variable "source" {{ type = string }}
variable "table" {{ type = any }}
module "inner" {{ source = "../inner" }}
== modules/inner
locals {{ a = 1 }}
== modules/site
variable "table" {{ type = any }}
terraform {{
  required_providers {{
    aws = {{
      source                = "hashicorp/aws"
      configuration_aliases = [aws.dns]
    }}
  }}
}}
== services/api/handler.py
print("hello")
== services/other/handler.py
print("unused")
== live/providers.lock.hcl
# lock
== README.md
Words.
"""
EDITS: Mapping[str, tuple[str, str]] = {
    "live/orch.yaml": ("team: platform", "team: other"),
    "live/providers.lock.hcl": ("# lock", "# locked"),
    "live/accounts/production.yaml": ('id: "111111111111"', 'id: "111111111112"'),
    "live/accounts/development.yaml": ('id: "222222222222"', 'id: "222222222223"'),
    "live/accounts/dns.yaml": ('id: "333333333333"', 'id: "333333333334"'),
    "live/stages/prod.yaml": ("a: 1", "a: 7"),
    "live/stages/test.yaml": ("b: 2", "b: 7"),
    "live/stages/dev.yaml": ("  site:", "  site:\n  api:"),
    "live/stacks/baseline.yaml": ("module: any", "module: any\ninputs: {a: 5}"),
    "live/stacks/data.yaml": ("b: 1", "b: 8"),
    "live/stacks/api.yaml": ("data.x", "data.y"),
    "live/stacks/site.yaml": ("shared.x", "shared.y"),
    "modules/any/main.tf": ('output "x" { value = 1 }', 'output "x" { value = 3 }'),
    "modules/service/main.tf": ('module "inner"', 'module "renamed"'),
    "modules/inner/main.tf": ("a = 1", "a = 2"),
    "services/api/handler.py": ("hello", "bye"),
    "services/other/handler.py": ("unused", "still"),
    "README.md": ("Words", "More"),
}
"""File -> what is changed in it. Each changes the root of a unit, but for the last two."""


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
            patch.setenv(name, os.devnull)
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "A Person")
            patch.setenv(f"GIT_{role}_EMAIL", "person@example.com")
        made = write(tmp_path_factory.mktemp("changed") / "repo", TEXT)
        git(made, "init", "-q", "-b", "main")
        git(made, "add", "-A")
        git(made, "commit", "-q", "-m", "Begin")
        yield made


@pytest.fixture(scope="module")
def before(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, bytes]]:
    return rendered(root, tmp_path_factory.mktemp("before"))


@contextmanager
def edited(root: Path, files: set[str]) -> Iterator[None]:
    """Edit files, and take it back."""
    texts = {root / name: (root / name).read_text() for name in files}
    for path, text in texts.items():
        old, new = EDITS[path.relative_to(root).as_posix()]
        assert old in text
        path.write_text(text.replace(old, new, 1))
    try:
        yield
    finally:
        for path, text in texts.items():
            path.write_text(text)


def rendered(root: Path, folder: Path) -> dict[str, dict[str, bytes]]:
    """Every unit's root: name of a file -> its bytes. No output of another unit is known."""
    catalogue = load(root)
    renderer = RootRenderer(catalogue)
    found = {}
    for number, unit in enumerate(catalogue.units.values()):
        made = renderer.render(unit, {ref.unit: None for _, ref in unit_references(unit)}, folder / str(number)).folder
        files = (path for path in sorted(made.rglob("*")) if path.is_file())
        found[unit.id] = {path.relative_to(made).as_posix(): path.read_bytes() for path in files}
    return found


@given(st.sets(st.sampled_from(sorted(EDITS)), max_size=4))
@example(set(EDITS))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_left_out_renders_to_the_same_bytes(
    root: Path,
    before: Mapping[str, Mapping[str, bytes]],
    tmp_path_factory: pytest.TempPathFactory,
    files: set[str],
) -> None:
    with edited(root, files):
        catalogue = load(root)
        changed = changed_units(catalogue, Graph.of(catalogue.units), "main")
        after = rendered(root, tmp_path_factory.mktemp("after"))
    differing = {unit for unit in after if after[unit] != before.get(unit)}
    assert differing <= changed


@pytest.mark.parametrize("file", sorted(set(EDITS) - {"README.md", "services/other/handler.py"}))
def test_each_edit_changes_the_root_of_a_unit(
    root: Path, before: Mapping[str, Mapping[str, bytes]], tmp_path: Path, file: str
) -> None:
    """Otherwise the property above would compare nothing."""
    with edited(root, {file}):
        after = rendered(root, tmp_path)
    assert any(after[unit] != before.get(unit) for unit in after)
