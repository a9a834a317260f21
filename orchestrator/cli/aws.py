"""Where AWS is: real accounts, a running emulator, or one that is started for this command alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.context import Common
from orchestrator.config.catalogue import Catalogue

if TYPE_CHECKING:
    from orchestrator.emulator.info import EmulatorInfo


@dataclass(frozen=True, slots=True)
class Aws:
    """What a command acts on.

    Attributes:
        emulator: the emulator; None for AWS itself.
        temporary: it was started for this command, so its accounts are empty.
    """

    emulator: EmulatorInfo | None
    temporary: bool = False


def emulator_folder(root: Path) -> Path:
    """Where the running emulator is described: ``.orch/emulator``."""
    return root / ".orch" / "emulator"


def account_ids(catalogue: Catalogue) -> dict[str, str]:
    """Account name -> id, as the emulator takes them."""
    return {account.name: account.id for account in catalogue.accounts.values()}


@contextmanager
def open_aws(common: Common, catalogue: Catalogue) -> Iterator[Aws]:
    """What to act on. An emulator that was started here ends here.

    Raises:
        SetupError: the emulator cannot be started.
    """
    if not common.emulator:
        yield Aws(None)
        return
    from orchestrator.emulator.control import ensure_accounts, start, stop
    from orchestrator.emulator.info import read_info

    folder = emulator_folder(catalogue.root)
    running = read_info(folder)
    if running is not None:
        ensure_accounts(folder, account_ids(catalogue))
        yield Aws(running)
        return
    if not common.quiet:
        sys.stderr.write(
            "No emulator is running: starting one for this command alone. "
            "`orch emulator start` keeps one for several commands.\n"
        )
    info = start(
        folder, accounts=account_ids(catalogue), management=catalogue.settings.management, ttl_parent=os.getpid()
    )
    try:
        yield Aws(info, temporary=True)
    finally:
        stop(folder)
