"""What a change touches: real git, real files; every kind of file that a unit depends on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.config.changed import changed_units, why_changed
from orchestrator.config.graph import Graph
from orchestrator.config.load import load
from orchestrator.errors import UsageError
from tests.support.catalogue import write

TEXT = """\
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
  api:
== stages/test
extends: prod
stacks:
  api: false
== stages/dev
account: development
stacks:
  data:
  site:
== stacks/baseline
module: any
== stacks/data
module: any
== stacks/api
module: service
archives:
  source: services/api
== stacks/site
module: site
providers:
  aws.dns: {account: dns}
== modules/service
variable "source" { type = string }
module "inner" { source = "../inner" }
== modules/inner
module "deep" { source = "../deep" }
== modules/deep
locals { a = 1 }
== modules/site
terraform {
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      configuration_aliases = [aws.dns]
    }
  }
}
== modules/unused/main.tf
locals { a = 1 }
== services/api/handler.py
print("hello")
== services/apis/other.py
print("not that folder")
== live/providers.lock.hcl
# lock
== .gitignore
*.log
== README.md
Words.
"""
ALL = frozenset(
    {"production/baseline", "prod/data", "prod/api", "test/data", "dev/data", "dev/site"},
)


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def commit(root: Path, message: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)


@pytest.fixture(autouse=True)
def only_this_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the settings of who runs the tests nor a repository around the temporary folder take part."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Person")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "person@example.com")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = write(tmp_path / "repo", TEXT)
    git(made, "init", "-q", "-b", "main")
    commit(made, "Begin")
    git(made, "checkout", "-q", "-b", "work")
    return made


def changed(root: Path, base: str = "main") -> frozenset[str]:
    catalogue = load(root)
    return changed_units(catalogue, Graph.of(catalogue.units), base)


def touch(root: Path, file: str, text: str = "\n# changed\n") -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as opened:
        opened.write(text)


def test_nothing_changed_is_nothing(root: Path) -> None:
    assert changed(root) == frozenset()


@pytest.mark.parametrize(
    ("file", "units"),
    [
        ("live/orch.yaml", ALL),
        ("live/providers.lock.hcl", ALL),
        ("live/stages/prod.yaml", {"prod/data", "prod/api", "test/data"}),  # test extends prod
        ("live/stages/test.yaml", {"test/data"}),
        ("live/stages/dev.yaml", {"dev/data", "dev/site"}),
        ("live/accounts/production.yaml", {"production/baseline", "prod/data", "prod/api", "test/data"}),
        ("live/accounts/dns.yaml", {"dev/site"}),  # one of its providers is there
        ("live/stacks/data.yaml", {"prod/data", "test/data", "dev/data"}),
        ("live/stacks/baseline.yaml", {"production/baseline"}),
        ("modules/any/main.tf", ALL - {"prod/api", "dev/site"}),
        ("modules/any/templates/new.json", ALL - {"prod/api", "dev/site"}),
        ("modules/inner/main.tf", {"prod/api"}),
        ("modules/deep/main.tf", {"prod/api"}),  # called by what it calls
        ("services/api/handler.py", {"prod/api"}),
        ("services/api/deep/new file ünïcode\n.py", {"prod/api"}),
        ("services/apis/other.py", set()),
        ("modules/unused/main.tf", set()),
        ("README.md", set()),
        ("services/api/debug.log", set()),  # git ignores it
    ],
)
@pytest.mark.parametrize("committed", [False, True])
def test_a_file_marks_the_units_that_depend_on_it(root: Path, file: str, units: set[str], committed: bool) -> None:
    touch(root, file)
    if committed and not file.endswith(".log"):
        commit(root, "Change")
    assert changed(root) == units


def test_staged_deleted_and_moved_files_count(root: Path) -> None:
    touch(root, "live/stages/dev.yaml")
    git(root, "add", "live/stages/dev.yaml")
    (root / "services/api/handler.py").unlink()
    git(root, "mv", "modules/unused/main.tf", "modules/inner/more.tf")
    assert changed(root) == {"dev/data", "dev/site", "prod/api"}


def test_a_file_moved_away_marks_where_it_was(root: Path) -> None:
    touch(root, "modules/inner/more.tf", "locals { b = 1 }\n")
    commit(root, "More")
    git(root, "branch", "-f", "main", "work")
    git(root, "mv", "modules/inner/more.tf", "modules/unused/more.tf")
    commit(root, "Move")
    assert changed(root) == {"prod/api"}


def test_a_change_that_was_taken_back_is_none(root: Path) -> None:
    touch(root, "live/orch.yaml")
    commit(root, "Change")
    git(root, "checkout", "-q", "main", "--", "live/orch.yaml")
    assert changed(root) == frozenset()


def test_what_happened_on_the_base_since_does_not_count(root: Path) -> None:
    touch(root, "live/stages/test.yaml")
    commit(root, "Mine")
    git(root, "checkout", "-q", "main")
    touch(root, "live/orch.yaml")
    commit(root, "Theirs")
    git(root, "checkout", "-q", "work")
    assert changed(root) == {"test/data"}


def test_against_head_it_is_what_is_not_committed(root: Path) -> None:
    touch(root, "live/orch.yaml")
    commit(root, "Change")
    touch(root, "live/stages/test.yaml")
    assert changed(root, "HEAD") == {"test/data"}


def test_a_catalogue_below_the_top_of_the_repository(tmp_path: Path) -> None:
    top = tmp_path / "top"
    root = write(top / "infra", TEXT)
    git(top, "init", "-q", "-b", "main")
    commit(top, "Begin")
    touch(top, "live/orch.yaml")  # not this catalogue's
    assert changed(root) == frozenset()
    touch(root, "live/stages/test.yaml")
    assert changed(root) == {"test/data"}


def test_a_folder_that_is_a_link_is_where_it_leads(root: Path) -> None:
    shutil.move(root / "services/api", root / "code")
    (root / "services/api").symlink_to("../code")
    commit(root, "Link")
    git(root, "branch", "-f", "main", "work")
    assert changed(root) == frozenset()
    touch(root, "code/handler.py")
    assert changed(root) == {"prod/api"}
    git(root, "checkout", "-q", ".")
    shutil.copytree(root / "code", root / "other")
    commit(root, "Other")
    git(root, "branch", "-f", "main", "work")
    (root / "services/api").unlink()
    (root / "services/api").symlink_to("../other")
    assert changed(root) == {"prod/api"}


def test_the_users_settings_of_git_change_nothing(root: Path) -> None:
    for setting in ("diff.renames=copies", "diff.relative=false", "core.quotePath=true", "diff.external=false"):
        git(root, "config", *setting.split("="))
    git(root, "config", "color.ui", "always")
    git(root, "mv", "modules/unused/main.tf", "modules/inner/ünused.tf")
    assert changed(root) == {"prod/api"}


def refused(root: Path, base: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        changed(root, base)
    assert caught.value.hint
    return caught.value


def test_a_revision_that_is_not_there(root: Path) -> None:
    assert refused(root, "orgin/main").what == "unknown git revision 'orgin/main'"


@pytest.mark.parametrize("base", ["", "-", "--output=stolen", "-O/etc/passwd"])
def test_a_base_is_never_an_option_of_git(root: Path, base: str) -> None:
    assert refused(root, base).what == f"invalid git revision {base!r}"
    assert not (root / "stolen").exists()


@pytest.mark.parametrize("base", ["main; touch stolen", "$(touch stolen)", "main..work", "HEAD:live"])
def test_a_base_is_never_a_shells_and_only_a_commit(root: Path, base: str) -> None:
    assert "unknown git revision" in refused(root, base).what
    assert not (root / "stolen").exists()


def test_no_commit_in_common(root: Path) -> None:
    git(root, "checkout", "-q", "--orphan", "island")
    commit(root, "Another beginning")
    error = refused(root, "main")
    assert error.what == "'main' and HEAD have no common commit"
    assert "--unshallow" in (error.hint or "")


def test_no_repository(tmp_path: Path) -> None:
    assert refused(write(tmp_path / "plain", TEXT), "main").what.startswith("git failed: ")


def test_no_git(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert refused(root, "main").what.startswith("cannot run git: ")


LINKS = {
    "services/api/lib": "../../shared/lib",
    "shared/lib/more": "../../other",
    "services/api/data.json": "../../shared/data.json",
    "modules/deep/templates": "../../shared/templates",
    "shared/data.json": "real/data.json",
}
BEHIND = ("shared/lib/a.py", "other/b.py", "shared/real/data.json", "shared/templates/x.tftpl")


@pytest.fixture
def linked(root: Path) -> Path:
    for name in BEHIND:
        touch(root, name, "x")
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    commit(root, "Link")
    git(root, "branch", "-f", "main", "work")
    return root


@pytest.mark.parametrize("file", BEHIND)
@pytest.mark.parametrize("committed", [False, True])
def test_a_file_behind_a_link_marks_the_units_that_have_the_link(linked: Path, file: str, committed: bool) -> None:
    touch(linked, file)
    if committed:
        commit(linked, "Change")
    assert changed(linked) == {"prod/api"}


@pytest.mark.parametrize("link", [*LINKS, "new"])
def test_a_link_that_leads_elsewhere_now_marks_them_too(linked: Path, link: str) -> None:
    path = linked / (link if link != "new" else "shared/lib/new")
    path.unlink(missing_ok=True)
    path.symlink_to(linked / "shared/real/data.json")
    assert changed(linked) == {"prod/api"}


def test_a_new_file_in_a_linked_folder_counts_and_a_neighbor_does_not(linked: Path) -> None:
    touch(linked, "shared/unlinked.py")
    assert changed(linked) == frozenset()
    touch(linked, "shared/templates/deep/new.tftpl")
    assert changed(linked) == {"prod/api"}


def test_a_linked_file_of_live_counts(root: Path) -> None:
    touch(root, "shared/dev.yaml", (root / "live/stages/dev.yaml").read_text())
    (root / "live/stages/dev.yaml").unlink()
    (root / "live/stages/dev.yaml").symlink_to("../../shared/dev.yaml")
    commit(root, "Link")
    git(root, "branch", "-f", "main", "work")
    touch(root, "shared/dev.yaml")
    assert changed(root) == {"dev/data", "dev/site"}


def test_a_base_with_a_plus_adds_downstreams_and_every_unit_has_its_reasons(tmp_path: Path) -> None:
    text = (
        "== stages/prod\naccount: main\nstacks: {data: , api: , edge: , other: }\n== stacks/data\nmodule: any\n"
        "== stacks/api\nmodule: any\ninputs: {a: '${{ data.x }}'}\n== stacks/edge\nmodule: any\n"
        "depends_on: [api]\n== stacks/other\nmodule: any\n"
    )
    root = write(tmp_path, text)
    git(root, "init", "-q", "-b", "main")
    commit(root, "one")
    touch(root, "live/stacks/data.yaml")
    catalogue = load(root)
    graph = Graph.of(catalogue.units)
    assert why_changed(catalogue, graph, "main") == {"prod/data": ("live/stacks/data.yaml",)}
    assert why_changed(catalogue, graph, "main+") == {
        "prod/data": ("live/stacks/data.yaml",),
        "prod/api": ("downstream of prod/data",),
        "prod/edge": ("downstream of prod/api",),
    }
    assert changed_units(catalogue, graph, "HEAD+") == {"prod/data", "prod/api", "prod/edge"}
    touch(root, "live/orch.yaml")
    found = why_changed(load(root), graph, "main")
    assert set(found) == set(catalogue.units)
    assert found["prod/other"] == ("live/orch.yaml",)
