"""The layout of `orchestrator/`: each public name has one owner, and each folder has few enough modules to read their names."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.support.project import REPOSITORY

PACKAGE = REPOSITORY / "orchestrator"
LIMIT = 16


def modules(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.py") if path.name != "__init__.py"]


def public_names(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_no_public_name_stands_twice() -> None:
    owners = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in public_names(path):
            if not name.startswith("_"):
                owners[name].add(path.relative_to(PACKAGE).as_posix())
    assert {name: sorted(found) for name, found in owners.items() if len(found) > 1} == {}


def test_no_folder_has_more_modules_than_a_reader_takes_in() -> None:
    folders = [path for path in PACKAGE.rglob("*") if path.is_dir() and path != PACKAGE / "cli" / "commands"]
    assert {str(folder): len(modules(folder)) for folder in folders if len(modules(folder)) > LIMIT} == {}


def test_unit_tests_mirror_the_packages() -> None:
    tests = REPOSITORY / "tests" / "unit"
    own = {"benchmarks", "docs", "modules", "services", "support"}  # about other folders of the repository
    folders = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}
    astray = {str(each) for each in folders if not (PACKAGE / each).is_dir() and each.parts[0] not in own}
    assert astray == set()
