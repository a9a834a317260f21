"""Refuses committed files in ``.orch/``, and in CI wherever else providers come from.

Terraform's data folders in it contain the providers that run; saved runs contain approved plans and their receipts.
orch creates all of it on this machine. A commit with such files would choose the programs and verdicts of its own
apply.

A plugin cache or a mirror inside the repository can be in git as well. The lock file does not help: the commit brings
its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestrator.errors import BlockedError
from orchestrator.util.git import Repository

ORCH_FOLDER = ".orch"


def refuse_committed(repository: Repository | None) -> None:
    """Refuse to run if git tracks files in ``.orch``.

    Args:
        repository: the repository that contains ``live/``; None if there is none.

    Raises:
        BlockedError: it does; the message names the first one.
        SetupError: git failed.
    """
    found = repository.tracked(ORCH_FOLDER) if repository is not None else ()
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        message = f"git tracks {found[0]}{more}: {ORCH_FOLDER}/ contains programs and approved plans, so it must not"
        raise BlockedError(message, hint=f"git rm -r --cached {ORCH_FOLDER}, then delete the folder")


def refuse_committed_programs(repository: Repository | None, places: Iterable[Path]) -> None:
    """Refuse to run if git tracks files in a place that programs come from.

    Args:
        repository: the repository that contains ``live/``; None if there is none.
        places: Terraform itself, plugin cache, mirrors, and the user's CLI configuration, which names others.

    Raises:
        BlockedError: it does; the message names the first one.
        SetupError: git failed.
    """
    top = repository.top() if repository is not None else None
    for place in places:
        real = place.resolve()
        if repository is None or top is None or not real.is_relative_to(top):
            continue
        found = repository.tracked(str(real))
        if found:
            message = f"git tracks {found[0]}: in CI, programs and what chooses them must not come from the change"
            raise BlockedError(message, hint=f"keep {place} outside of git, e.g. in the cache of the CI system")
