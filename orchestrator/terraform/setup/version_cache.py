"""The versions of programs: to ask Terraform costs 35 ms of CPU in each run, so the answer is remembered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from orchestrator.util.file_cache import SMALL, FileCache


def remembered_version(program: Path, folder: Path, ask: Callable[[], str | None]) -> str | None:
    """Return the version of a program. A script is asked each time: what it starts can change although it does not.

    Args:
        program: the file that is started.
        folder: where versions are kept, as for `FileCache`.
        ask: starts the program; returns None if it does not run, which is not remembered.
    """
    program = program.absolute()
    try:
        before = program.stat()
    except OSError:
        return ask()
    if before.st_size <= SMALL:
        return ask()
    cache = FileCache(folder)
    known = cache.read(program, before)
    if known is not None:
        return known
    version = ask()
    if version is not None:
        with suppress(OSError):  # It was removed meanwhile.
            cache.write(program, before, program.stat(), version)
    return version
