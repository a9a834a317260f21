"""The id of a new account is written into its file, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.edit.account_file import with_account_id, write_account_id
from orchestrator.errors import SetupError

ID = "044444444444"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("access: open\n", f'id: "{ID}"\naccess: open\n'),
        ("# A\n\naccess: open  # B\n", f'# A\n\nid: "{ID}"\naccess: open  # B\n'),
        ("access: open\nid:\nregion: x\n", f'access: open\nid: "{ID}"\nregion: x\n'),
        ("id: ~\naccess: open", f'id: "{ID}"\naccess: open'),
        ("---\naccess: open\n", f'---\nid: "{ID}"\naccess: open\n'),
        ("access: open\r\nregion: x\r\n", f'id: "{ID}"\r\naccess: open\r\nregion: x\r\n'),
        ("{access: open}\n", None),
        ("  access: open\n", None),
    ],
)
def test_the_id_becomes_the_first_key(before: str, after: str | None) -> None:
    found = with_account_id(before.encode(), "live/accounts/x.yaml", ID)
    assert (found.decode() if found is not None else None) == after


def test_the_file_keeps_its_mode_and_an_error_has_the_id(tmp_path: Path) -> None:
    file = tmp_path / "live/accounts/x.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("access: open\n")
    file.chmod(0o640)
    write_account_id(tmp_path, "x", ID)
    assert file.read_text() == f'id: "{ID}"\naccess: open\n'
    assert file.stat().st_mode & 0o777 == 0o640
    file.write_text("{access: open}\n")
    with pytest.raises(SetupError, match=ID) as caught:
        write_account_id(tmp_path, "x", ID)
    assert caught.value.hint == f'add the line: id: "{ID}"'
    file.unlink()
    with pytest.raises(SetupError, match=ID):
        write_account_id(tmp_path, "x", ID)
