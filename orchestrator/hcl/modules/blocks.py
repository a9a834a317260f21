"""The blocks of a module as Terraform merges them: all files together, then override files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.hcl.modules.files import ModuleFile
from orchestrator.hcl.tree import Attribute, Block, Constant, constant_text

_NAMED = {"variable": 1, "output": 1, "module": 1, "resource": 2, "data": 2, "ephemeral": 2}
"""Types of blocks that are declared once per set of labels -> number of labels."""
_ESCAPING = frozenset({"data", "ephemeral", "module", "provider", "resource"})
"""Types of blocks in which Terraform takes what is in a block ``_`` for arguments of the block itself."""
_NO_ESCAPING = ("orch does not read a block `_`, which can hide arguments", "write its arguments without the block")
_BOOLS = {True: True, False: False, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Declaration:
    """One block, with the changes that override files make to it.

    Attributes:
        attributes: name -> the effective attribute.
        blocks: nested blocks, including those of override files.
        at: where the block is first declared.
        places: attribute -> where it is set.
        parts: the block itself, then the blocks of override files that change it.
    """

    type: str
    labels: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    blocks: tuple[tuple[ModuleFile, Block], ...]
    at: Location
    places: Mapping[str, Location]
    parts: tuple[Block, ...] = ()

    def place_of(self, name: str) -> Location:
        """Return where an attribute is set, or the block's location if it is not set."""
        return self.places.get(name, self.at)

    def text(self, name: str) -> str | None:
        """Return an attribute that is constant text; None if it is not set or not constant text."""
        attribute = self.attributes.get(name)
        return constant_text(attribute.value) if attribute else None

    def flag(self, name: str, *, unset: bool = False) -> bool:
        """Return an attribute that is ``true`` or ``false``; ``unset`` if it is not set.

        Raises:
            CatalogueError: the attribute has another value.
        """
        attribute = self.attributes.get(name)
        if attribute is None:
            return unset
        value = attribute.value
        if isinstance(value, Constant):
            if value.value is None:
                return unset
            if isinstance(value.value, bool | str) and value.value in _BOOLS:
                return _BOOLS[value.value]
        what = f"{self.type} {self.labels[0]!r}: {name} must be true or false"
        raise CatalogueError([Problem(self.place_of(name), what)])


@dataclass(frozen=True, slots=True)
class Declarations:
    """All blocks of one module.

    Attributes:
        named: (type, labels) -> declaration, in the order of files and lines.
        others: every other block, with its file.
        locals: local value -> its attribute.
        problems: errors in the blocks that Terraform would report.
    """

    named: Mapping[tuple[str, tuple[str, ...]], Declaration]
    others: tuple[tuple[ModuleFile, Block], ...]
    locals: Mapping[str, Attribute]
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, files: Sequence[ModuleFile]) -> Declarations:
        """Merge the blocks of files, override files last."""
        problems: list[Problem] = []
        groups: dict[tuple[str, tuple[str, ...]], list[tuple[ModuleFile, Block]]] = {}
        others: list[tuple[ModuleFile, Block]] = []
        for file, block in _blocks(files):
            if block.type in _ESCAPING and _escapes(block):
                problems.append(Problem(file.at(block.position), *_NO_ESCAPING))
            if block.type not in _NAMED:
                others.append((file, block))
            elif len(block.labels) != _NAMED[block.type]:
                problems.append(Problem(file.at(block.position), f"a {block.type} block needs {_names(block.type)}"))
            else:
                groups.setdefault((block.type, block.labels), []).append((file, block))
        named = {key: _merged(parts, problems) for key, parts in groups.items()}
        return cls(named, tuple(others), _locals(others, problems), tuple(problems))

    def of_type(self, *types: str) -> Iterator[Declaration]:
        """Yield the declarations of these types."""
        return (each for each in self.named.values() if each.type in types)

    def others_of_type(self, kind: str) -> Iterator[tuple[ModuleFile, Block]]:
        """Yield the other blocks of a type, each with its file."""
        return ((file, block) for file, block in self.others if block.type == kind)


def _escapes(block: Block) -> bool:
    return "_" in block.body.attributes or any(each.type == "_" for each in block.body.blocks)


def _blocks(files: Sequence[ModuleFile]) -> Iterator[tuple[ModuleFile, Block]]:
    for file in files:
        for block in file.body.blocks:
            yield file, block
            if block.type == "check":  # a check can contain a data source
                yield from ((file, inner) for inner in block.body.blocks if inner.type == "data")


def _names(kind: str) -> str:
    return "one name" if _NAMED[kind] == 1 else "a type and a name"


def _merged(parts: Sequence[tuple[ModuleFile, Block]], problems: list[Problem]) -> Declaration:
    file, block = parts[0]
    at = file.at(block.position)
    attributes: dict[str, Attribute] = {}
    places: dict[str, Location] = {}
    for number, (each, part) in enumerate(parts):
        if number and not each.override:
            what = f"{block.type} {'.'.join(block.labels)!r} is declared twice: here and at {at}"
            problems.append(Problem(each.at(part.position), what))
        attributes.update(part.body.attributes)
        places.update({name: each.at(found.position) for name, found in part.body.attributes.items()})
    blocks = tuple((each, inner) for each, part in parts for inner in part.body.blocks)
    own = tuple(part for _, part in parts)
    return Declaration(block.type, block.labels, attributes, blocks, at, places, own)


def _locals(others: Sequence[tuple[ModuleFile, Block]], problems: list[Problem]) -> Mapping[str, Attribute]:
    found: dict[str, Attribute] = {}
    for file, block in others:
        if block.type != "locals":
            continue
        for name, attribute in block.body.attributes.items():
            if name in found and not file.override:
                problems.append(Problem(file.at(attribute.position), f"local value {name!r} is declared twice"))
            found[name] = attribute
    return found
