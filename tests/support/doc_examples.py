"""The examples of a documentation page as small repositories.

A fenced block whose first line is a comment with a path is a file. The files of the page's first section are the base;
each later section (a heading) starts from the base and replaces or adds files. Other blocks say what the files so far give:

- ``text``: the file right before it is wrong, and this is the message. The file does not count for what follows.
- ``yaml`` with the first line ``# inputs of UNIT``, ``# names of UNIT`` or ``# units of STAGE``: what
  these are; of names only those that are listed.
- ``hcl`` with the first line ``# main.tf of UNIT`` or ``# terraform.tf of UNIT``: a part of the rendered file.
- ``console``, or a block without a language: not looked at here.

``python -m tests.support.doc_examples`` writes the messages of every page from what orch says now.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.config.accounts_lock import read_accounts_lock
from orchestrator.config.catalogue import Catalogue, Unit, unit_references
from orchestrator.config.graph import Graph
from orchestrator.config.load import load
from orchestrator.config.naming import aws_names
from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.config.yaml.validation import to_plain
from orchestrator.errors import CatalogueError
from orchestrator.guard.modules.check import check_modules
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.rules.code import CodeScanner
from orchestrator.render.write import RootRenderer
from tests.support.catalogue import inputs
from tests.support.project import REPOSITORY

FOLDERS = ("modules", "services", "policies")
"""Folders of this repository that every example has."""
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{2,4} +(?P<title>.+)$", re.MULTILINE)
_FILE = re.compile(r"# (?P<path>[\w.-]+/[\w./-]+\.\w+)\n")
_EXPECTED = re.compile(r"# (?P<what>inputs of|names of|units of|main\.tf of|terraform\.tf of) (?P<subject>\S+)\n")


class ExampleError(ValueError):
    """A block that is neither a file nor anything else that can be tested."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. ``start`` and ``end``: where its body is in the page."""

    language: str
    body: str
    start: int
    end: int

    @property
    def path(self) -> str | None:
        """The path of the file that the block shows; None if it shows no file."""
        match = _FILE.match(self.body)
        return match["path"] if match and self.language in {"yaml", "hcl"} else None

    @property
    def expected(self) -> tuple[str, str] | None:
        """What the block describes, and of which unit or stage."""
        match = _EXPECTED.match(self.body)
        return (match["what"], match["subject"]) if match else None


@dataclass(frozen=True, slots=True)
class Case:
    """Files that are loaded, and what must come of it.

    Attributes:
        title: of the section.
        files: path -> text, the base included.
        message: the block with the error message; None if the files are right.
        expected: blocks that say what the files give.
    """

    title: str
    files: Mapping[str, str]
    message: Block | None = None
    expected: tuple[Block, ...] = ()


@dataclass(slots=True)
class _Section:
    title: str
    files: dict[str, str]
    expected: list[Block] = field(default_factory=list)
    last: tuple[str, str | None] | None = None
    """The file right before this block, and its text before that."""
    shows_files: bool = False

    def add(self, block: Block) -> Case | None:
        """Take one block; return the case of a wrong file."""
        last, self.last = self.last, None
        if block.path is not None:
            self.last = (block.path, self.files.get(block.path))
            self.files[block.path] = block.body
            self.shows_files = True
        elif block.expected is not None:
            self.expected.append(block)
        elif block.language == "text" and last is not None:
            wrong = Case(self.title, dict(self.files), message=block)
            path, before = last
            if before is None:
                del self.files[path]
            else:
                self.files[path] = before
            return wrong
        elif block.language not in {"", "console"}:
            raise ExampleError(f"{self.title}: this block cannot be tested:\n{block.body}")
        return None


def cases(text: str, base: Mapping[str, str] | None = None) -> list[Case]:
    """Return the cases of a page, in its order.

    Args:
        text: the page.
        base: files that the first section starts from.
    """
    found: list[Case] = []
    started = False
    for title, body, offset in _sections(text):
        section = _Section(title, dict(base or {}))
        wrong = [case for block in _blocks(body, offset) if (case := section.add(block)) is not None]
        if section.shows_files or section.expected:
            found += [Case(title, section.files, expected=tuple(section.expected)), *wrong]
        if not started and section.shows_files:
            base, started = dict(section.files), True
    return found


def base_of(text: str) -> Mapping[str, str]:
    """Return the files of the first section of a page that has files."""
    return cases(text)[0].files


def shown_files(text: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of every file that a page shows, the wrong ones apart."""
    for case in cases(text):
        if case.message is None:
            yield from case.files.items()


def write_repository(root: Path, files: Mapping[str, str]) -> Path:
    """Write the files of a case, with the modules of this repository that they do not replace."""
    for folder in FOLDERS:
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns(".terraform*", "__pycache__"))
    for module in {"/".join(name.split("/")[:2]) for name in files if name.startswith("modules/")}:
        shutil.rmtree(root / module, ignore_errors=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def problems_of(root: Path) -> list[str]:
    """Return what orch says about a repository without AWS: what loads, renders, and is armed, and what it brings along.

    Each problem is the line that a person sees.
    """
    try:
        catalogue = load(root)
        Graph.of(catalogue.units)
        read_accounts_lock(root)
        armed = check_modules(catalogue, Protected.read(root / "policies/protected.yaml")).problems
        return [*map(str, armed), *_findings(catalogue)]
    except CatalogueError as error:
        return [str(problem) for problem in error.problems]


def _findings(catalogue: Catalogue) -> Iterator[str]:
    """What the guard finds in the text of each unit's root, before a plan."""
    scanner, renderer = CodeScanner(catalogue, merged=None), RootRenderer(catalogue)
    with tempfile.TemporaryDirectory() as name:
        for unit in catalogue.units.values():
            root = _rendered(renderer, unit, Path(name) / unit.folder)
            for each in scanner.scan(unit, root, Path(name) / "data", initialized=False).findings:
                yield f"{each.where}: {each.rule}: {each.message} — {each.hint}"


def message_of(case: Case) -> str:
    """Return what orch says about the files of a case, one problem a line; empty if nothing is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        root = write_repository(Path(folder).resolve(), case.files)
        return "".join(f"{problem}\n" for problem in problems_of(root))


def check(case: Case, folder: Path) -> None:
    """Load the files of a case and compare what they give with the blocks that describe it.

    Raises:
        AssertionError: the files are wrong, or give something else.
    """
    root = write_repository(folder, case.files)
    problems = problems_of(root)
    assert not problems, f"{case.title}: {problems}"
    catalogue = load(root)
    for block in case.expected:
        what, subject = block.expected or ("", "")
        if block.language == "hcl":
            rendered = _rendered(RootRenderer(catalogue), catalogue.units[subject], folder / "rendered")
            text = (rendered / what.removesuffix(" of")).read_text(encoding="utf-8")
            assert block.body.split("\n", 1)[1] in text, text
            continue
        wanted = to_plain(parse_yaml(block.body.encode(), case.title))
        found = _given(catalogue, what, subject)
        if what == "names of" and isinstance(found, dict):
            found = {name: found[name] for name in wanted}
        assert found == wanted, f"{what} {subject}: {found}"


def _given(catalogue: Catalogue, what: str, subject: str) -> object:
    if what == "units of":
        return sorted(unit.id for unit in catalogue.units.values() if unit.stage == subject)
    if what == "inputs of":
        return inputs(catalogue, subject)
    return dict(aws_names(catalogue, catalogue.units[subject]))


def _rendered(renderer: RootRenderer, unit: Unit, folder: Path) -> Path:
    upstream = {ref.unit: None for _, ref in unit_references(unit)}
    return renderer.render(unit, upstream, folder).folder


def renewed(text: str, base: Mapping[str, str] | None = None) -> str:
    """Return the page with the messages that orch gives now."""
    for case in reversed(cases(text, base)):
        if case.message is not None:
            text = text[: case.message.start] + message_of(case) + text[case.message.end :]
    return text


def _sections(text: str) -> Iterator[tuple[str, str, int]]:
    """Title, body and offset of each section. A comment inside of a block is no heading."""
    fenced = [match.span() for match in _FENCE.finditer(text)]
    found = [
        match for match in _HEADING.finditer(text) if not any(start <= match.start() < end for start, end in fenced)
    ]
    ends = [match.start() for match in found[1:]] + [len(text)]
    for match, end in zip(found, ends, strict=True) if found else ():
        yield match["title"], text[match.end() : end], match.end()


def _blocks(body: str, offset: int) -> Iterator[Block]:
    for match in _FENCE.finditer(body):
        yield Block(match["language"], match["body"], offset + match.start("body"), offset + match.end("body"))


def main() -> int:
    """Write the messages of every page."""
    live = REPOSITORY / "docs" / "live.md"
    base = base_of(live.read_text(encoding="utf-8"))
    for page in (live, REPOSITORY / "docs" / "modules.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(renewed(text, None if page == live else base), encoding="utf-8")
        sys.stdout.write(f"{page.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
