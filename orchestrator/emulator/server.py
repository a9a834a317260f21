"""The process of the emulator: ``python -m orchestrator.emulator.server FOLDER``.

It reads its accounts as JSON from standard input.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from orchestrator.emulator.application import Emulator
from orchestrator.emulator.call_log import CallLog
from orchestrator.emulator.corrections import apply_all
from orchestrator.emulator.info import INFO_NAME, EmulatorInfo, read_info, write_info
from orchestrator.emulator.initial_accounts import reset_accounts
from orchestrator.emulator.process_exit import on_exit
from orchestrator.emulator.request_handler import RequestHandler

_HOST = "127.0.0.1"


def _app(service: str | None) -> Any:
    """Return moto's Flask application of a service. Its exceptions reach the emulator instead of an HTML error page."""
    if service is None:
        raise NotImplementedError("moto does not support this service")
    app = create_backend_app(service)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


class _Dispatcher(DomainDispatcherApplication):  # type: ignore[misc]  # moto is not typed
    """moto's dispatcher with a cache: moto lists its own folders twice for each request."""

    def __init__(self, create_app: Callable[[str | None], Any]) -> None:
        super().__init__(create_app)
        self.get_backend_for_host = lru_cache(maxsize=1024)(super().get_backend_for_host)


def serve(folder: Path, order: dict[str, Any]) -> None:
    """Serve until a signal ends the process.

    Args:
        folder: folder for ``emulator.json``, which is written when the emulator is ready.
        order: ``accounts`` (name -> ID), ``management`` (ID), ``ttl_parent`` (a process ID or None).
    """
    apply_all()
    key = reset_accounts(order["management"], order["accounts"])
    aws = _Dispatcher(_app)
    application = Emulator(aws, key, order["management"], order["accounts"], CallLog(folder))
    # Port 0: the kernel assigns a free port and keeps it reserved.
    server = make_server(_HOST, 0, application, threaded=True, request_handler=RequestHandler)
    info = EmulatorInfo(
        url=f"http://{_HOST}:{server.port}",
        pid=os.getpid(),
        access_key=key.access_key,
        secret_key=key.secret_key,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if order["ttl_parent"] is not None:
        on_exit(order["ttl_parent"], lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        write_info(folder, info)
        server.serve_forever()
    finally:
        _forget(folder, info)


def _forget(folder: Path, info: EmulatorInfo) -> None:
    """Remove ``emulator.json``, unless it belongs to another emulator that took this one's place."""
    there = read_info(folder)
    if there is None or there.pid == info.pid:
        (folder / INFO_NAME).unlink(missing_ok=True)


def _end(_signum: int, _frame: object) -> None:
    raise SystemExit(0)


def serve_folder() -> None:
    """Read the accounts from standard input and serve."""
    signal.signal(signal.SIGTERM, _end)
    # Ctrl-C in a terminal is meant for the commands there, not for the emulator that they share.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    serve(Path(sys.argv[1]), json.load(sys.stdin))


if __name__ == "__main__":
    serve_folder()
