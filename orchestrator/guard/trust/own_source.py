"""Tells when a change changes the program that judges it: orch runs from the repository that it judges.

orch cannot stop that, because it is the changed program that runs. It says so, and a CI that gives such a run
credentials must take orch from somewhere else: the protected branch, or a release (``docs/threat-model.md``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orchestrator
from orchestrator.errors import Location
from orchestrator.guard.trust.weakening import Weakening
from orchestrator.util.git import Repository
from orchestrator.util.plural import plural


def own_source_weakenings(repository: Repository, commit: str) -> Iterator[Weakening]:
    """Yield a weakening if orch runs from this repository and differs there from a commit."""
    package = Path(orchestrator.__file__).resolve().parent
    root = repository.root.resolve()
    if not package.is_relative_to(root):
        return
    folder = package.relative_to(root).as_posix()
    files = repository.differing(commit, [f"{folder}/"])
    if files:
        more = f" and {plural(len(files) - 1, 'more file')}" if len(files) > 1 else ""
        what = f"orch itself would change, and this run uses the changed orch: {files[0]}{more}"
        yield Weakening(Location(files[0]), f"{folder}/", what)
