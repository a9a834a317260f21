"""Writes a catalogue from one short text: what a test of the catalogue needs, where the test is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator.config.catalogue import Catalogue
from orchestrator.config.graph import Graph
from orchestrator.config.load import load
from orchestrator.config.nodes import Node, Ref, SecretRef, Text
from orchestrator.errors import CatalogueError

ORCH = """\
format: 1
name: ams
orch: "~=0.1"
region: eu-west-1
providers: {aws: "5.100.0"}
management: "999999999999"
state:
  bucket: ${{ name }}-${{ account_id }}-tfstate
"""
MAIN = 'id: "111111111111"\n'
BASELINE = """\
module: account_baseline
inputs:
  account_id: ${{ account_id }}
  name_prefix: ${{ name }}
  state_bucket: ${{ name }}-${{ account_id }}-tfstate
  trusted_account_ids: ["999999999999"]
"""
"""A stack file for the baseline of an account; more inputs can follow."""
ANY = """\
variable "a" {
  type    = any
  default = null
}
variable "b" {
  type    = any
  default = null
}
output "x" { value = 1 }
output "y" { value = 2 }
"""
"""A module that takes everything: variables a and b, outputs x and y."""

_SECTION = re.compile(r"^== (?P<name>\S+)\n", re.MULTILINE)


def sections(text: str) -> Iterator[tuple[str, str]]:
    """``== stages/prod`` and the lines below it, as a path in the repository and its content."""
    found = list(_SECTION.finditer(text))
    assert found, "the text has no section"
    for match, following in zip(found, [*found[1:], None], strict=True):
        name = match["name"]
        body = text[match.end() : following.start() if following else len(text)]
        if name == "orch" or name.startswith(("accounts/", "stages/", "stacks/")):
            name = f"live/{name}.yaml"
        elif re.fullmatch(r"modules/[^/]+", name):
            name += "/main.tf"
        yield name, body


def write(root: Path, text: str) -> Path:
    """Write a catalogue.

    Args:
        root: a folder of the test's own.
        text: sections ``== NAME``: ``orch``, ``accounts/X``, ``stages/X``, ``stacks/X``, ``modules/X`` (its HCL), or any
            path. Settings, an account ``main`` and a module ``any`` are there when the text does not say otherwise.
    """
    files = dict(sections(text))
    files.setdefault("live/orch.yaml", ORCH)
    if "account: main\n" in text or not any(name.startswith("live/accounts/") for name in files):
        files.setdefault("live/accounts/main.yaml", MAIN)
    files.setdefault("modules/any/main.tf", ANY)
    for name, body in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8", newline="")
    return root


def loaded(root: Path, text: str) -> Catalogue:
    """Write a catalogue and load it."""
    return load(write(root, text))


def with_graph(root: Path, text: str) -> tuple[Catalogue, Graph]:
    """Write a catalogue, load it and order it."""
    catalogue = loaded(root, text)
    return catalogue, Graph.of(catalogue.units)


def problems(root: Path, text: str) -> list[str]:
    """Write a catalogue that is wrong, and what is said about it: each problem as the line that a person sees."""
    try:
        catalogue = loaded(root, text)
        Graph.of(catalogue.units)
    except CatalogueError as error:
        return [str(problem) for problem in error.problems]
    return []


def plain(node: Node) -> object:
    """A node as plain data; a reference as ``<unit.output.path>``."""
    value = node.value
    if isinstance(value, Ref | SecretRef):
        return _shown(value)
    if isinstance(value, Text):
        return "".join(part if isinstance(part, str) else _shown(part) for part in value.parts)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def _shown(ref: Ref | SecretRef) -> str:
    if isinstance(ref, SecretRef):
        return f"<secret {ref.name}>"
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in ref.path)
    return f"<{ref.unit}.{ref.output}{path}>"


def inputs(catalogue: Catalogue, unit: str) -> dict[str, object]:
    """The inputs of a unit as plain data."""
    return {name: plain(node) for name, node in catalogue.units[unit].inputs.items()}
