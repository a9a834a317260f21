"""Builds folders before they are zipped: runs a command on a copy of its inputs, once for each content of them.

The command is an argument list, never a shell. It gets a copy of the files that ``inputs`` names, an empty home, no
credentials, and on Linux no network unless ``network`` allows it.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from orchestrator.config.catalogue import Archive, Build, Unit
from orchestrator.errors import BlockedError, InterruptedRunError, SetupError, UnitError
from orchestrator.render.archive import archive_files, zip_folder
from orchestrator.terraform.process.supervisor import Processes, ProcessResult, TaskKind
from orchestrator.util import leave_network
from orchestrator.util.ci import is_protected
from orchestrator.util.environment import CERTIFICATES, PROXIES, selected
from orchestrator.util.files import file_lock, write_atomic

_FORMAT = 1
_NAMES = frozenset({"PATH", "LANG", "LANGUAGE", "TZ"})
_KEPT = 50
"""Number of results that are kept; unchanged inputs need not be built again."""
_LAST_LINES = 30


class BuildError(UnitError):
    """The command of a build failed. ``block``: its last output."""

    def __init__(self, what: str, *, block: str, hint: str) -> None:
        super().__init__(what, hint=hint)
        self.block = block


class Builder:
    """Builds archives and keeps the results in ``.orch/builds``; thread-safe.

    Args:
        root: the repository.
        processes: supervises the commands.
        env: the environment to choose from.
        refused: units whose build must not run, because its change is not merged.
    """

    def __init__(
        self, root: Path, processes: Processes, env: Mapping[str, str], *, refused: Collection[str] = ()
    ) -> None:
        self._root = root
        self._cache = root / ".orch" / "builds"
        self._processes = processes
        self._env = env
        self._refused = frozenset(refused)

    def zip_of(self, unit: Unit, archive: Archive, build: Build) -> bytes:
        """Return the zip of a built folder, from the cache if the same inputs were built before.

        Args:
            unit: the unit; its limit for plans is that of the build.
            archive: the folder.
            build: how it is built.

        Raises:
            BuildError: the command failed, or reached the time limit.
            SetupError: no file is an input, or the command left nothing to zip.
            BlockedError: the unit is not planned before its change is merged.
            InterruptedRunError: the run was interrupted.
        """
        if unit.id in self._refused:
            message = f"{unit.id}: the build of {archive.variable} is not merged, so it does not run here"
            raise BlockedError(message, hint="merge it first, or build it on your machine")
        inputs = dict(self._inputs(archive, build))
        key = _key(build, inputs)
        result = self._cache / f"{key}.zip"
        self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file_lock(self._cache / f"{key}.lock"):
            if not result.is_file():
                write_atomic(result, self._built(unit, archive, build, inputs, key))
                self._prune()
            return result.read_bytes()

    def _inputs(self, archive: Archive, build: Build) -> Iterator[tuple[str, Path]]:
        """Yield the name below the folder and the path of every input, sorted."""
        wanted = {file for pattern in build.inputs for path in archive.folder.glob(pattern) for file in _below(path)}
        files = archive_files(archive.folder, self._root)
        found = [(name, path) for name, path in files.items() if path in wanted]
        if not found:
            message = f"no file of {archive.folder.name} is an input of its build"
            raise SetupError(message, where=build.at, hint="correct `inputs`, or `folder`")
        yield from found

    def _built(self, unit: Unit, archive: Archive, build: Build, inputs: Mapping[str, Path], key: str) -> bytes:
        place = self._cache / key
        shutil.rmtree(place, ignore_errors=True)
        work, home = place / "work", place / "home"
        try:
            for folder in (work, home, place / "tmp"):
                folder.mkdir(mode=0o700, parents=True)
            for name, path in inputs.items():
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, work / name)
            log = self._cache / f"{key}.log"
            outcome = self._run(unit, build, work, log, self._environment(place, build))
            self._expect(unit, archive, build, outcome, log)
            target = work / build.output if build.output else work
            if not target.is_dir():
                message = f"the build of {archive.folder.name} made no folder {build.output!r}"
                raise SetupError(message, where=build.at, hint="correct `output`")
            return zip_folder(target, root=place)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _run(self, unit: Unit, build: Build, work: Path, log: Path, env: Mapping[str, str]) -> ProcessResult:
        argv = list(build.run)
        if not build.network:
            required = "1" if is_protected(self._env) else "0"
            argv = [sys.executable, "-I", leave_network.__file__, required, *argv]
        log.unlink(missing_ok=True)
        limit = unit.timeouts.plan
        return self._processes.run(argv, unit=unit.id, cwd=work, env=env, log=log, kind=TaskKind.PLAN, timeout=limit)

    def _environment(self, place: Path, build: Build) -> dict[str, str]:
        names = _NAMES | (PROXIES | CERTIFICATES if build.network else frozenset())
        return selected(self._env, names) | {"HOME": str(place / "home"), "TMPDIR": str(place / "tmp")}

    def _expect(self, unit: Unit, archive: Archive, build: Build, outcome: ProcessResult, log: Path) -> None:
        if outcome.code == 0 and not outcome.timed_out:
            return
        if outcome.stopped:
            message = f"{unit.id}: the build of {archive.folder.name} was interrupted"
            raise InterruptedRunError(message)
        how = "reached the time limit of a plan" if outcome.timed_out else f"failed with exit code {outcome.code}"
        shown = log.relative_to(self._root).as_posix()
        hint = f"full output: {shown}"
        if outcome.code == leave_network.NO_NAMESPACE and not build.network:
            hint = "allow user namespaces on this machine, or set `network: true`"
        what = f"{unit.id}: the build of {archive.folder.name} {how}: {shlex.join(build.run)}"
        raise BuildError(what, block="\n".join(outcome.lines[-_LAST_LINES:]).strip(), hint=hint)

    def _prune(self) -> None:
        """Remove the oldest results."""
        results = sorted(self._cache.glob("*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in results[_KEPT:]:
            for name in (old, old.with_suffix(".log"), old.with_suffix(".lock")):
                name.unlink(missing_ok=True)


def _below(path: Path) -> Iterator[Path]:
    """Yield a file, or every file in a folder: ``src/**`` means all that is in ``src``."""
    yield from path.rglob("*") if path.is_dir() else (path,)


def _key(build: Build, inputs: Mapping[str, Path]) -> str:
    """Return a hash of everything that a build is made of."""
    files = [
        (name, bool(path.stat().st_mode & 0o100), hashlib.sha256(path.read_bytes()).hexdigest())
        for name, path in inputs.items()
    ]
    document = [_FORMAT, build.run, build.network, build.output, files]
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()[:32]
