"""Every file, page and test that the documentation names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.project import REPOSITORY

PAGES = sorted(
    [
        *REPOSITORY.glob("*.md"),
        *REPOSITORY.glob("docs/**/*.md"),
        *REPOSITORY.glob("modules/*/README.md"),
        REPOSITORY / "tests/escapes/README.md",
        REPOSITORY / "benchmarks/README.md",
        REPOSITORY / "benchmarks/RESULTS.md",
    ]
)
CURRENT = [page for page in PAGES if page.parent.name != "adr" and page.name != "CHANGELOG.md"]
"""Without the records of past decisions: what they name may have moved since."""
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:tests|docs|benchmarks|policies|live|orchestrator|modules|demo)/[\w./-]+\.\w+)(?:::(\w+))?`")
IN_PACKAGE = re.compile(
    r"`((?:aws|cli|config|emulator|guard|hcl|render|report|run|scaffold|terraform|util)/[\w./-]+\.py)`"
)
"""A file as docs/architecture.md names it: relative to ``orchestrator/``."""
GUARANTEE = re.compile(r"^- ", re.MULTILINE)
EXAMPLES = {
    "docs/accounts.md",
    "docs/first-day.md",
    "docs/guard.md",
    "docs/live.md",
    "docs/modules.md",
    "docs/move.md",
    "docs/stages.md",
}
"""Pages that also name files of a repository that uses orch."""
CITED = re.compile(r"\b((?:docs|tests)/[\w./-]+\.(?:md|py)|[A-Z_]{3,}\.md)\b")
NAME = re.compile(r"\bORCH_[A-Z_]+[A-Z]\b")
CODE = [
    path
    for folder in ("orchestrator", "policies", "modules", "demo", "live")
    for path in sorted((REPOSITORY / folder).rglob("*"))
    if path.suffix in {".py", ".tf", ".yaml", ".j2"} and ".terraform" not in path.parts
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_of_docs_is_reached_from_the_readme_by_links() -> None:
    reached: set[Path] = set()
    following = [REPOSITORY / "README.md"]
    while following:
        page = following.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [(page.parent / link).resolve() for link in LINK.findall(page.read_text(encoding="utf-8"))]
        for target in targets:  # A link to a folder shows its files on a code host.
            following += target.glob("*.md") if target.is_dir() else [target] if target.suffix == ".md" else []
        following = [each for each in following if each.is_file()]
    pages = {page for page in PAGES if page.is_relative_to(REPOSITORY / "docs")}
    assert {page.relative_to(REPOSITORY).as_posix() for page in pages - reached} == set()


def test_the_readme_links_what_a_new_user_reads_next() -> None:
    links = set(LINK.findall((REPOSITORY / "README.md").read_text(encoding="utf-8")))
    assert {f"docs/{name}.md" for name in ("first-day", "stages", "accounts", "adopt")} <= links


@pytest.mark.parametrize("page", CURRENT, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_every_file_and_test_that_a_page_names_exists(page: Path) -> None:
    theirs = ("live/", "modules/", "policies/") if page.relative_to(REPOSITORY).as_posix() in EXAMPLES else ()
    for name, test in PATH.findall(page.read_text(encoding="utf-8")):
        if theirs and name.startswith(theirs):
            continue
        file = REPOSITORY / name
        assert file.is_file(), name
        if test:
            assert re.search(rf"^(?:async )?def {test}\(", file.read_text(encoding="utf-8"), re.MULTILINE), (name, test)


@pytest.mark.parametrize("page", CURRENT, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_every_file_of_the_package_that_a_page_names_exists(page: Path) -> None:
    named = IN_PACKAGE.findall(page.read_text(encoding="utf-8"))
    assert [name for name in named if not (REPOSITORY / "orchestrator" / name).is_file()] == []


def test_every_guarantee_names_the_tests_that_prove_it() -> None:
    text = (REPOSITORY / "docs/guarantees.md").read_text(encoding="utf-8")
    guarantees = [each.split("\n\n")[0] for each in GUARANTEE.split(text)[1:]]
    assert len(guarantees) > 50
    assert [each for each in guarantees if not re.search(r"`tests/[\w/]+\.py(?:::\w+)?`", each)] == []


def test_every_page_that_the_code_cites_exists() -> None:
    cited = {(file, name) for file in CODE for name in CITED.findall(file.read_text(encoding="utf-8"))}
    assert cited
    assert [(str(file), name) for file, name in sorted(cited) if not (REPOSITORY / name).is_file()] == []


def test_every_finding_and_variable_that_a_page_names_exists() -> None:
    known = {
        name
        for folder in ("orchestrator", "demo", "tests/support")
        for kind in ("*.py", "*.j2")
        for file in (REPOSITORY / folder).rglob(kind)
        for name in NAME.findall(file.read_text(encoding="utf-8"))
    }
    policies = {f"ORCH_{folder.name.upper()}" for folder in (REPOSITORY / "policies").iterdir() if folder.is_dir()}
    for page in CURRENT:
        assert set(NAME.findall(page.read_text(encoding="utf-8"))) - known - policies == set(), page.name
