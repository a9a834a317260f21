"""The journal: readable after a kill at any byte, damage reported, other formats refused, no half lines on a full disk."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import SetupError
from orchestrator.run.history.journal import (
    Journal,
    UnknownFormatError,
    hold_journal,
    in_flight,
    is_active,
    load_journal,
)

VALUES = st.one_of(st.text(max_size=20), st.booleans(), st.integers(), st.lists(st.text(max_size=5), max_size=3))
EVENTS = st.lists(st.tuples(st.text(min_size=1, max_size=12), st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=3)), max_size=5)  # fmt: skip


def lines(events: list[tuple[str, dict[str, Any]]]) -> bytes:
    """Return the lines as the journal writes them."""
    now = datetime.now(UTC).isoformat()
    records = [{**fields, "format": 1, "time": now, "event": event} for event, fields in events]
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


@given(EVENTS, st.data())
def test_a_journal_cut_at_any_byte_gives_its_complete_records(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / f"journal-{os.getpid()}.jsonl"
    whole = lines(events)
    path.write_bytes(whole)
    everything = load_journal(path)
    assert len(everything.records) == len(events)
    end = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:end])
    found = load_journal(path)
    assert found.records == everything.records[: len(found.records)]
    assert len(found.records) >= whole[:end].count(b"\n")
    assert not found.damaged, "a line that a kill cut short is not damage"


@given(EVENTS.filter(bool), st.binary(min_size=1, max_size=40).filter(lambda b: b"\n" not in b), st.data())
def test_garbage_in_the_middle_is_reported_and_costs_no_other_record(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[str, dict[str, Any]]],
    garbage: bytes,
    data: st.DataObject,
) -> None:
    path = tmp_path_factory.getbasetemp() / f"garbage-{os.getpid()}.jsonl"
    every = lines(events).splitlines(keepends=True)
    at = data.draw(st.integers(0, len(every)))
    path.write_bytes(b"".join([*every[:at], garbage + b"\n", *every[at:]]))
    found = load_journal(path)
    assert found.damaged == (at + 1,)
    assert len(found.records) == len(events)


def test_a_journal_survives_a_kill_at_any_byte(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.write("run-started", units=["prod/a", "prod/b"], pid=1)
    journal.write("apply-started", unit="prod/a", plan="00")
    journal.write("apply-started", unit="prod/b", plan="11")
    journal.write("apply-ended", unit="prod/a", ok=True)
    journal.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    whole = path.read_bytes()
    assert list(in_flight(path)) == ["prod/b"]
    counts = set()
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        counts.add(len(load_journal(path).records))
    assert counts == {0, 1, 2, 3, 4}


def test_another_format_is_refused_with_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(lines([("run-started", {})]).replace(b'"format": 1', b'"format": 2'))
    with pytest.raises(UnknownFormatError, match="has format 2; this version of orch reads 1") as raised:
        load_journal(path)
    assert "version of orch that wrote it" in str(raised.value.hint)


def test_the_writer_holds_the_journal_until_it_dies(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom orchestrator.run.history.journal import Journal\n"
        "Journal(Path(sys.argv[1])).write('run-started')\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        assert is_active(path)
        with hold_journal(path) as mine:
            assert not mine
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    assert not is_active(path)
    with hold_journal(path) as mine:
        assert mine
        assert is_active(path), "no other run may continue it now"
    assert not is_active(tmp_path / "none.jsonl")


def test_a_full_disk_never_leaves_half_a_line(tmp_path: Path) -> None:
    """Uses a limit on the size of files, which fails like a full disk."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.write("run-started", units=["prod/a"])
    size = path.stat().st_size
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, before[1]))
        with pytest.raises(SetupError, match=r"cannot write the journal .*: File too large"):
            journal.write("apply-started", unit="prod/a")
        journal.note("apply-ended", unit="prod/a")
        assert "File too large" in journal.broken
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.stat().st_size == size
    journal.write("ended", unit="prod/a")
    journal.close()
    found = load_journal(path)
    assert [record["event"] for record in found.records] == ["run-started", "ended"]
    assert not found.damaged
