"""The blocks of a module as Terraform understands them: all files together, override files laid over the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.hcl.modules.files import ModuleFile
from orchestrator.hcl.tree import Attribute, Block, Constant, constant_text

_NAMED = {"variable": 1, "output": 1, "module": 1, "resource": 2, "data": 2, "ephemeral": 2}
"""Blocks that are declared once, by their labels."""
_BOOLS = {True: True, False: False, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Declaration:
    """One block with what override files change in it.

    Attributes:
        attributes: name -> what counts in the end.
        blocks: the blocks inside, those of override files too.
        at: where it is first declared.
    """

    type: str
    labels: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    blocks: tuple[tuple[ModuleFile, Block], ...]
    at: Location
    places: Mapping[str, Location]

    def place_of(self, name: str) -> Location:
        """Where an attribute is set; the block's place when it is not."""
        return self.places.get(name, self.at)

    def text(self, name: str) -> str | None:
        """An attribute that is constant text; None when it is not set or something else."""
        attribute = self.attributes.get(name)
        return constant_text(attribute.value) if attribute else None

    def flag(self, name: str, *, unset: bool = False) -> bool:
        """An attribute that is ``true`` or ``false``.

        Raises:
            CatalogueError: it is neither.
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
        named: by type and labels, in the order of files and lines.
        others: every other block with the file that it is in.
        locals: local value -> its attribute.
        problems: what Terraform would refuse about the blocks themselves.
    """

    named: Mapping[tuple[str, tuple[str, ...]], Declaration]
    others: tuple[tuple[ModuleFile, Block], ...]
    locals: Mapping[str, Attribute]
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, files: Sequence[ModuleFile]) -> Declarations:
        """Gather the blocks of files, override files last."""
        problems: list[Problem] = []
        groups: dict[tuple[str, tuple[str, ...]], list[tuple[ModuleFile, Block]]] = {}
        others: list[tuple[ModuleFile, Block]] = []
        for file, block in _blocks(files):
            if block.type not in _NAMED:
                others.append((file, block))
            elif len(block.labels) != _NAMED[block.type]:
                problems.append(Problem(file.at(block.position), f"a {block.type} block has {_names(block.type)}"))
            else:
                groups.setdefault((block.type, block.labels), []).append((file, block))
        named = {key: _merged(parts, problems) for key, parts in groups.items()}
        return cls(named, tuple(others), _locals(others, problems), tuple(problems))

    def of_type(self, *types: str) -> Iterator[Declaration]:
        """The declarations of these types."""
        return (each for each in self.named.values() if each.type in types)

    def others_of_type(self, kind: str) -> Iterator[tuple[ModuleFile, Block]]:
        """The other blocks of a type."""
        return ((file, block) for file, block in self.others if block.type == kind)


def _blocks(files: Sequence[ModuleFile]) -> Iterator[tuple[ModuleFile, Block]]:
    for file in files:
        for block in file.body.blocks:
            yield file, block
            if block.type == "check":  # a check may have a data source of its own
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
            what = f"{block.type} {'.'.join(block.labels)!r} is declared twice: here and in {at}"
            problems.append(Problem(each.at(part.position), what))
        attributes.update(part.body.attributes)
        places.update({name: each.at(found.position) for name, found in part.body.attributes.items()})
    blocks = tuple((each, inner) for each, part in parts for inner in part.body.blocks)
    return Declaration(block.type, block.labels, attributes, blocks, at, places)


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
