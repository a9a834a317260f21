"""What a unit's files say about its providers: which types it can use, and whether a path can leave its folder.

A type is every word of the configuration that is the name of one. A type too many costs nothing. A type too few makes
Terraform fail before it changes anything, and the command is then repeated without the proxy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9_-]*")
_UP = re.compile(rb"(?:^|[\"'/ (=\[,{}])\.\.(?:[\"'/]|$)", re.MULTILINE)
"""A path that contains ``..``."""
_CONFIGURATION = (".tf", ".tf.json", ".tofu", ".tofu.json", ".tftest.hcl", ".tftest.json")
_VALUES = (".tfvars", ".json", ".yaml", ".yml", ".csv", ".tftpl")
"""Files whose content can become a value of the configuration."""


@dataclass(frozen=True, slots=True)
class UnitFiles:
    """What the files of a root and its modules say.

    Attributes:
        words: every word of the configuration.
        leaves_folder: a provider may be given a relative path that leads out of the root's folder.
    """

    words: frozenset[str]
    leaves_folder: bool


def read_unit_files(folder: Path, data_dir: Path) -> UnitFiles:
    """Read the files of a root and of its modules.

    Args:
        folder: the root.
        data_dir: its data folder; ``modules/modules.json`` there lists the folders of the modules.

    Raises:
        OSError, ValueError, KeyError, TypeError: a file cannot be read, or is not what init wrote.
    """
    modules = list(_modules(data_dir))
    # path.module of such a module begins with "..".
    leaves = any(PurePosixPath(each.folder).parts[:1] == ("..",) for each in modules)
    words: set[bytes] = set()
    for place in sorted({folder, folder / "tests", *(folder / each.folder for each in modules)}):
        # A module's source is relative to the module that calls it, and no provider reads it.
        sources = [each.source for each in modules if folder / each.caller == place]
        for file, text in _texts(place):
            if file.name.endswith(_CONFIGURATION):
                words.update(_WORD.findall(text))
            leaves = leaves or _goes_up(text, sources)
    return UnitFiles(frozenset(word.decode() for word in words), leaves)


@dataclass(frozen=True, slots=True)
class _Module:
    """An entry of ``modules.json``: its folder and its caller's, relative to the root, and its ``source``."""

    folder: str
    caller: str
    source: str


def _modules(data_dir: Path) -> Iterator[_Module]:
    manifest = data_dir / "modules" / "modules.json"
    if not manifest.exists():
        return
    listed = json.loads(manifest.read_bytes())["Modules"]
    folders = {each["Key"]: each["Dir"] for each in listed}
    for each in listed:
        yield _Module(each["Dir"], folders.get(each["Key"].rpartition(".")[0], "."), each["Source"])


def _texts(place: Path) -> Iterator[tuple[Path, bytes]]:
    if place.is_dir():
        for file in sorted(place.iterdir()):
            if file.name.endswith((*_CONFIGURATION, *_VALUES)) and file.is_file():
                yield file, file.read_bytes()


def _goes_up(text: bytes, sources: list[str]) -> bool:
    for source in sources:
        text = re.sub(rb'(source"?\s*[=:]\s*)"' + re.escape(source).encode() + b'"', rb'\1""', text)
    return bool(_UP.search(text))
