"""What lies in ``.orch`` decides what orch runs, so none of it may come with a commit.

Terraform's data folders hold the providers that run; saved runs hold plans that were approved, with their receipts. All
of it is made here, by orch. A change that brings it along would choose the programs and the verdicts of its own apply.
"""

from __future__ import annotations

from pathlib import Path

from orchestrator.errors import BlockedError
from orchestrator.util.git import Repository

ORCH_FOLDER = ".orch"


def refuse_committed(root: Path) -> None:
    """Refuse to work where git has files of ``.orch``.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        BlockedError: it has; the first of them is named.
        SetupError: git does not trust the folder, or does not answer.
    """
    repository = Repository.find(root)
    found = repository.tracked(ORCH_FOLDER) if repository is not None else ()
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        what = f"git has {found[0]}{more}"
        message = f"{what}: what orch keeps in {ORCH_FOLDER}/ decides what it runs, so no commit may bring it"
        raise BlockedError(
            message, hint=f"git rm -r --cached {ORCH_FOLDER}, and remove the folder: orch makes it again"
        )
