"""What the tests of the rules share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scanned import Scan, scanner_in


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """Writes the files of a rendered root and of downloaded modules, and scans them."""
    return scanner_in(tmp_path)
