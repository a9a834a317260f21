"""The record of a migration: durable, private, and executed once, however often the command is run."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.config.edit.rename import FileEdit
from orchestrator.errors import OrchError, SetupError, UsageError
from orchestrator.run.migrate.journal import (
    StateEdit,
    Transfer,
    check_edits,
    make_edits,
    new_transfer,
    unfinished,
    unfinished_of,
)
from orchestrator.run.unit.lock_holders import lock_message
from orchestrator.terraform.state.lock import own_lock
from tests.support.aws import unit

RENAME = FileEdit("live/stages/old.yaml", "live/stages/new.yaml", "account: a\n", "named: old\naccount: a\n")
CHANGE = FileEdit("live/stacks/a.yaml", "live/stacks/a.yaml", "x: 1\n", "x: 2\n")
NEW = FileEdit("", "live/stacks/b.yaml", "", "module: b\n")
DATA = b'{"secret": "s"}'
WRITE = StateEdit("new/a", "new", "a", "new/a", "", hashlib.sha256(DATA).hexdigest(), "", "l", 3, 1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for edit in (RENAME, CHANGE):
        path = tmp_path / edit.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(edit.before)
    return tmp_path


def made(root: Path) -> Transfer:
    return new_transfer(root, "run", "move old new", [RENAME, CHANGE, NEW], [(WRITE, DATA)])


def files(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in (root / "live").rglob("*.yaml")}


def test_a_record_is_private_and_found_again_by_its_command(root: Path) -> None:
    transfer = made(root)
    for path in transfer.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(unfinished(root)) == [transfer]
    assert unfinished_of(root, "move old new") == transfer
    assert transfer.content(WRITE) == DATA
    with pytest.raises(UsageError, match="`orch move old new` was cut off"):
        unfinished_of(root, "move other names")
    transfer.finish()
    assert unfinished_of(root, "move other names") is None
    assert not transfer.folder.exists(), "nor the copies of states in it"


def test_a_finished_transfer_whose_folder_stayed_is_removed(root: Path) -> None:
    transfer = made(root)
    replace(transfer, done=True).save()  # Killed after this, before the folder is removed.
    assert unfinished_of(root, "move old new") is None
    assert not transfer.folder.exists(), "it has copies of states, which may contain secrets"


def test_edits_are_made_once_wherever_the_migration_was_cut_off(root: Path) -> None:
    transfer = made(root)
    want = {edit.to: edit.after for edit in transfer.edits}
    for after in (1, 2, 3):
        for path in (root / "live").rglob("*.yaml"):
            path.unlink()
        for edit in (RENAME, CHANGE):
            (root / edit.path).write_text(edit.before)
        make_edits(root, replace(transfer, edits=transfer.edits[:after]))
        written = make_edits(root, transfer)
        assert files(root) == want
        assert len(written) == 3 - after
    # Killed between the new file and the removal of the old one.
    (root / RENAME.path).write_text(RENAME.before)
    make_edits(root, transfer)
    assert files(root) == want


def test_a_file_that_was_changed_in_the_meantime_is_not_overwritten(root: Path) -> None:
    transfer = made(root)
    (root / CHANGE.path).write_text("x: 3\n")
    with pytest.raises(UsageError, match=r"live/stacks/a.yaml was changed"):
        check_edits(root, transfer.edits)
    with pytest.raises(UsageError, match="was changed"):
        make_edits(root, transfer)
    assert (root / CHANGE.path).read_text() == "x: 3\n"


def test_a_damaged_record_or_another_format_is_refused(root: Path) -> None:
    transfer = made(root)
    (transfer.folder / f"{WRITE.after}.tfstate").write_bytes(b"{}")
    with pytest.raises(SetupError, match="not what was accepted"):
        transfer.content(WRITE)
    record = transfer.folder / "transfer.json"
    document = json.loads(record.read_text())
    record.write_text(json.dumps(document | {"format": 2}))
    with pytest.raises(SetupError, match="format 2"):
        list(unfinished(root))
    del document["writes"]
    record.write_text(json.dumps(document))
    with pytest.raises(OrchError, match="is not a valid record of a move"):
        list(unfinished(root))


def test_the_lock_of_a_killed_move_names_the_command_that_continues_it(root: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = own_lock("orch move", path="p", version="v", purpose="move old new", pid=dead.pid)
    told = lock_message(left, unit("new/a", "production"), root)
    assert "its process has ended" in told
    assert "run `orch move old new` again to continue it" in told
    running = own_lock("orch move", path="p", version="v", purpose="move old new", pid=os.getpid())
    assert "orch unlock new/a" in lock_message(running, unit("new/a", "production"), root)
