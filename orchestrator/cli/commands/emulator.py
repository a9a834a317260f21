"""``orch emulator start, stop, status, reset``."""

from __future__ import annotations

import json
import sys

from orchestrator.cli.aws import account_ids, emulator_folder
from orchestrator.cli.context import Common
from orchestrator.cli.project import open_project
from orchestrator.emulator import control
from orchestrator.emulator.info import EmulatorInfo, read_info


def start(common: Common) -> int:
    """Start the emulator and leave it running; when it runs already, say so."""
    project = open_project(common)
    folder = emulator_folder(project.catalogue.root)
    info = read_info(folder)
    if info is None:
        info = control.start(
            folder, accounts=account_ids(project.catalogue), management=project.catalogue.settings.management
        )
        text = f"The emulator runs at {info.url} (process {info.pid}).\nNext: orch bootstrap ACCOUNT --emulator"
    else:
        text = f"The emulator runs already at {info.url} (process {info.pid})."
    return _print(common, info, text)


def stop(common: Common) -> int:
    """Stop the emulator."""
    folder = emulator_folder(open_project(common).catalogue.root)
    was = read_info(folder)
    control.stop(folder)
    return _print(common, None, "The emulator was not running." if was is None else "The emulator has stopped.")


def status(common: Common) -> int:
    """Say whether the emulator runs."""
    info = read_info(emulator_folder(open_project(common).catalogue.root))
    text = "No emulator runs here. Start one: orch emulator start"
    if info is not None:
        text = f"The emulator runs at {info.url} (process {info.pid}, since {info.started})."
    return _print(common, info, text)


def reset(common: Common) -> int:
    """Empty the emulator."""
    project = open_project(common)
    folder = emulator_folder(project.catalogue.root)
    control.reset(folder)
    return _print(common, read_info(folder), "The emulator is empty again.")


def _print(common: Common, info: EmulatorInfo | None, text: str) -> int:
    if common.json:
        row = {"running": info is not None, "url": info.url if info else None, "pid": info.pid if info else None}
        sys.stdout.write(json.dumps({"format": 1, "kind": "emulator", **row}, indent=2) + "\n")
    else:
        sys.stdout.write(text + "\n")
    return 0
