"""What a command works on: AWS, the running emulator, or an emulator that is started for this command only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_progress
from orchestrator.config.catalogue import Catalogue
from orchestrator.emulator.control import ensure_accounts, start, stop
from orchestrator.emulator.info import EmulatorInfo, read_info


@dataclass(frozen=True, slots=True)
class Aws:
    """What a command works on.

    Attributes:
        emulator: the emulator; None: AWS.
        temporary: the emulator was started for this command, and its accounts are empty.
    """

    emulator: EmulatorInfo | None
    temporary: bool = False


def emulator_folder(root: Path) -> Path:
    """Return the folder that describes the running emulator: ``.orch/emulator``."""
    return root / ".orch" / "emulator"


def account_ids(catalogue: Catalogue) -> dict[str, str]:
    """Return account name -> account id, of the accounts that exist."""
    return {account.name: account.id for account in catalogue.accounts.values() if account.created}


@contextmanager
def open_aws(common: Common, catalogue: Catalogue) -> Iterator[Aws]:
    """Yield what to work on; stop the emulator afterwards if it was started here.

    Raises:
        SetupError: the emulator cannot be started.
    """
    if not common.emulator:
        yield Aws(None)
        return
    folder = emulator_folder(catalogue.root)
    running = read_info(folder)
    if running is not None:
        ensure_accounts(folder, account_ids(catalogue))
        yield Aws(running)
        return
    text = (
        "No emulator is running. Starting one for this command only; "
        "`orch emulator start` keeps one for several commands."
    )
    print_progress(common, text)
    info = start(
        folder, accounts=account_ids(catalogue), management=catalogue.settings.management, ttl_parent=os.getpid()
    )
    try:
        yield Aws(info, temporary=True)
    finally:
        stop(folder)
