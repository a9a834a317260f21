"""The tables of variables and outputs in each module's README. `python -m tests.support.module_readme` renews them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from orchestrator.hcl.modules.interface import ModuleInterface
from orchestrator.hcl.modules.read import read_module

ROOT = Path(__file__).parents[2]
BEGIN = "<!-- tables: made by `python -m tests.support.module_readme` -->"
END = "<!-- end of tables -->"


def module_folders(root: Path = ROOT) -> tuple[Path, ...]:
    """Every folder of ``modules/`` that holds a module, sorted."""
    return tuple(sorted(folder for folder in (root / "modules").iterdir() if any(folder.glob("*.tf"))))


def tables(module: ModuleInterface) -> str:
    """Both tables of a module as Markdown, between the marks."""
    inputs = [
        (f"`{each.name}`", _text(each.description), _code(each.type), "" if each.has_default else "yes")
        for each in sorted(module.variables.values(), key=lambda each: (each.has_default, each.name))
    ]
    outputs = [
        (f"`{each.name}`", _text(each.description) + (" Sensitive." if each.sensitive else ""))
        for each in sorted(module.outputs.values(), key=lambda each: each.name)
    ]
    parts = [
        BEGIN,
        "## Inputs\n",
        *_rows(("Name", "Description", "Type", "Required"), inputs),
        "\n## Outputs\n",
        *_rows(("Name", "Description"), outputs),
        END,
    ]
    return "\n".join(parts)


def renewed(readme: str, module: ModuleInterface) -> str:
    """A README with the tables as they should be.

    Raises:
        ValueError: the marks are not in it.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{module.path}/README.md has no {BEGIN} … {END}")
    return before + tables(module) + after


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _text(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{_text(text)}`"


def main() -> int:
    """Write the tables into every README."""
    for folder in module_folders():
        readme = folder / "README.md"
        readme.write_text(renewed(readme.read_text(encoding="utf-8"), read_module(folder, root=ROOT)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
