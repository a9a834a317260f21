"""Writes roots to be scanned, not run: a unit's module call with its inputs as literals, and copies of its modules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.nodes import Node, Ref, SecretRef, Text, Unset
from orchestrator.render.hcl_text import hcl_identifier, hcl_literal, hcl_quote
from orchestrator.render.module_tree import ModuleTrees, copy_tree


class ScanRenderer:
    """Renders such roots.

    Args:
        catalogue: the loaded configuration.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._trees = ModuleTrees(catalogue.root)

    def render(self, unit: Unit, folder: Path) -> bool:
        """Write the root of a unit into ``folder``.

        An input that another unit gives is left out, so its default is scanned.

        Returns:
            False for a module that Terraform downloads: there is nothing to scan.

        Raises:
            CatalogueError: the module cannot be read.
        """
        tree = self._trees.of(unit.module)
        if tree is None:
            return False
        folder.mkdir(parents=True)
        copy_tree(tree, self._catalogue.root, folder)
        lines = [f"  source = {hcl_quote(f'./{tree.folder}')}"]
        for name, node in sorted(unit.inputs.items()):
            if _known(node):
                lines.append(f"  {hcl_identifier(name)} = {hcl_literal(_plain(node), 'null')}")
        (folder / "main.tf").write_text("\n".join(['module "this" {', *lines, "}", ""]), encoding="utf-8")
        return True


def _known(node: Node) -> bool:
    """Return whether a value has no reference in it."""
    value = node.value
    if isinstance(value, Mapping):
        return all(_known(each) for each in value.values())
    if isinstance(value, tuple):
        return all(_known(each) for each in value)
    return not isinstance(value, Ref | SecretRef | Text | Unset)


def _plain(node: Node) -> Any:
    value = node.value
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
