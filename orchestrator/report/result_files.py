"""Files with results for other programs: SARIF, JUnit, Markdown and more. Each appears only when it is complete."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator import __version__
from orchestrator.errors import SetupError
from orchestrator.report.check_result import CheckResult
from orchestrator.report.code_quality import code_quality
from orchestrator.report.junit import junit
from orchestrator.report.sarif import sarif
from orchestrator.util.files import write_atomic


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Where the results are written for other programs.

    Attributes:
        started: ``time.monotonic()`` when the checks began.
        sarif, junit, quality: the files; None: not written.
    """

    started: float
    sarif: Path | None
    junit: Path | None
    quality: Path | None = None

    def write(self, results: Sequence[CheckResult]) -> None:
        """Write the files, each whole or not at all.

        Raises:
            SetupError: a file cannot be written.
        """
        if self.sarif is not None:
            write_result(self.sarif, sarif(results, version=__version__))
        if self.junit is not None:
            write_result(self.junit, junit(results, seconds=time.monotonic() - self.started))
        if self.quality is not None:
            write_result(self.quality, code_quality(results))


def write_result(file: Path, text: str) -> None:
    """Write a file whole or not at all, readable by everybody.

    Raises:
        SetupError: it cannot be written.
    """
    try:
        if file.is_symlink() or (file.exists() and not file.is_file()):  # such as /dev/stdout: must stay what it is
            file.write_text(text, encoding="utf-8")
        else:
            write_atomic(file, text.encode(), mode=0o644)
    except OSError as error:
        message = f"{file} cannot be written: {error.strerror}"
        raise SetupError(message, hint="choose a file in a folder that exists") from error
