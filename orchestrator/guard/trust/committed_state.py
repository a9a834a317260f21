"""Refuses committed files in ``.orch/``.

Terraform's data folders in it contain the providers that run; saved runs contain approved plans and their receipts.
orch creates all of it on this machine. A commit with such files would choose the programs and verdicts of its own
apply.
"""

from __future__ import annotations

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
