"""``orch emulator start, stop, status, reset``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from orchestrator.cli.aws import account_ids, emulator_folder
from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.output import print_next, write
from orchestrator.cli.project import open_project, start_folder
from orchestrator.config.load import find_root
from orchestrator.emulator import control
from orchestrator.emulator.info import EmulatorInfo, read_info

_MOST_NAMES = 3
"""So many accounts are named in the next command."""


@command_without_details
def emulator_start(common: Common) -> int:
    """Start the emulator and keep it running."""
    project = open_project(common, offline=True)
    folder = emulator_folder(project.catalogue.root)
    info = read_info(folder)
    if info is None:
        info = control.start(
            folder, accounts=account_ids(project.catalogue), management=project.catalogue.settings.management
        )
        code = _print_info(common, info, f"The emulator is running at {info.url} (process {info.pid}).")
        names = [account.name for account in project.catalogue.accounts.values() if account.created]
        accounts = " ".join(names) if len(names) <= _MOST_NAMES else "ACCOUNT"
        print_next(replace(common, emulator=True), f"orch bootstrap {accounts}")
        return code
    return _print_info(common, info, f"The emulator is already running at {info.url} (process {info.pid}).")


@command_without_details
def emulator_stop(common: Common) -> int:
    """Stop the emulator and discard everything in it."""
    folder = _folder(common)
    before = read_info(folder)
    control.stop(folder)
    return _print_info(common, None, "No emulator was running." if before is None else "The emulator is stopped.")


@command_without_details
def emulator_status(common: Common) -> int:
    """Show whether the emulator is running."""
    info = read_info(_folder(common))
    text = "No emulator is running. To start one: orch emulator start"
    if info is not None:
        text = f"The emulator is running at {info.url} (process {info.pid}, since {info.started})."
    return _print_info(common, info, text)


@command_without_details
def emulator_reset(common: Common) -> int:
    """Discard everything in the emulator."""
    folder = _folder(common)
    control.reset(folder)
    return _print_info(common, read_info(folder), "The emulator is empty.")


def _folder(common: Common) -> Path:
    """Return the emulator's folder, without reading the configuration: one with errors does not keep it running."""
    return emulator_folder(find_root(start_folder(common)))


def _print_info(common: Common, info: EmulatorInfo | None, text: str) -> int:
    if common.json:
        row = {"running": info is not None, "url": info.url if info else None, "pid": info.pid if info else None}
        text = json.dumps({"format": 1, "kind": "emulator", **row}, indent=2)
    write(text + "\n")
    return 0
