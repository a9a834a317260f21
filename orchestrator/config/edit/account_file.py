"""Writes the id of a new account into its file, ``live/accounts/NAME.yaml``, and changes nothing else in it."""

from __future__ import annotations

from pathlib import Path

from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.config.yaml.validation import to_plain
from orchestrator.errors import CatalogueError, SetupError
from orchestrator.util.files import write_atomic


def account_file(name: str) -> str:
    """Return the path of an account's file, relative to the folder that contains ``live/``."""
    return f"live/accounts/{name}.yaml"


def write_account_id(root: Path, name: str, id_: str) -> None:
    """Write the id of an account into its file.

    Args:
        root: the folder that contains ``live/``.
        name: name of the account, whose file has no id.
        id_: 12 digits.

    Raises:
        SetupError: the file cannot be written, or its form leaves no line for the id. The message has the id.
    """
    file = account_file(name)
    path = root / file
    try:
        before = path.read_bytes()
        after = with_account_id(before, file, id_)
        if after is None:
            raise SetupError(f"{file} has no place for the id of the account, {id_}", hint=f'add the line: id: "{id_}"')
        write_atomic(path, after, mode=path.stat().st_mode & 0o777)
    except OSError as error:
        message = f"{file} cannot be written: {error.strerror}; the id of the account is {id_}"
        raise SetupError(message, hint=f'add the line: id: "{id_}"') from error


def with_account_id(data: bytes, file: str, id_: str) -> bytes | None:
    """Return the content of an account's file with the id as its first key; None if that does not work.

    Raises:
        CatalogueError: the file is not valid YAML.
    """
    tree = parse_yaml(data, file)
    lines = data.decode().splitlines(keepends=True)
    keys = tree.key_at or {}
    if not keys:
        return None
    end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    if "id" in keys:  # without a value
        lines[keys["id"].line - 1] = f'id: "{id_}"{end}'
    else:
        first = min(place.line for place in keys.values())
        lines.insert(first - 1, f'id: "{id_}"{end}')
    after = "".join(lines).encode()
    try:
        same = to_plain(parse_yaml(after, file)) == {**to_plain(tree), "id": id_}
    except CatalogueError:
        same = False
    return after if same else None
