"""Which types a unit can use: every word of its configuration that is the name of one.

A type too many costs nothing. A type too few makes Terraform fail before it changes anything, and the command is then
repeated without the proxy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9_-]*")
_LEAVES_FOLDER = re.compile(rb"(?:^|[\"'/ (=\[,{}])\.\.(?:[\"'/]|$)", re.MULTILINE)
_SOURCE = re.compile(rb'^\s*"?source"?\s*[=:]\s*"[^"]*"', re.MULTILINE)
_SUFFIXES = (".tf", ".tf.json", ".tofu", ".tofu.json", ".tftest.hcl", ".tftest.json")


def configuration_texts(folder: Path, data_dir: Path) -> Iterator[bytes]:
    """Yield the text of every configuration file of a root and of its modules.

    Args:
        folder: the root.
        data_dir: its data folder; ``modules/modules.json`` there lists the folders of the modules.

    Raises:
        OSError, ValueError: a file cannot be read.
    """
    for module in sorted({folder, *_module_folders(folder, data_dir), folder / "tests"}):
        if not module.is_dir():
            continue
        for file in sorted(module.iterdir()):
            if file.name.endswith(_SUFFIXES) and file.is_file():
                yield file.read_bytes()


def words(text: bytes) -> set[str]:
    """Return every word of a configuration that can be the name of a type."""
    return {word.decode() for word in set(_WORD.findall(text))}


def leaves_folder(text: bytes) -> bool:
    """Return whether a text may name a file outside of the unit's folder: ``..``, but for the source of a module."""
    return bool(_LEAVES_FOLDER.search(_SOURCE.sub(b"", text)))


def _module_folders(folder: Path, data_dir: Path) -> Iterator[Path]:
    manifest = data_dir / "modules" / "modules.json"
    if not manifest.exists():
        return
    for module in json.loads(manifest.read_bytes())["Modules"]:
        yield folder / module["Dir"]
