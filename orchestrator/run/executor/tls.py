"""What this machine lacks for ``--executor dask``: the extra, and the TLS settings of Dask (``docs/scale.md``)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.run.request import check_scheduler

INSTALL_DASK = "pip install 'orch[dask]'"
_TLS = "distributed.comm.tls"
_FILES = {"ca-file": "CA_FILE", "client.cert": "CLIENT__CERT", "client.key": "CLIENT__KEY"}
"""Key below ``distributed.comm.tls`` -> the end of its environment variable."""


def has_dask() -> bool:
    """Return whether the optional extra ``dask`` is installed."""
    return find_spec("distributed") is not None


def cluster_problems(address: str | None) -> tuple[str, ...]:
    """Return what is wrong with the scheduler's address and with the certificate of this machine; needs the extra.

    Args:
        address: ``DASK_SCHEDULER_ADDRESS``; None if it is not set.
    """
    problems: list[str] = []
    if address is not None:
        try:
            check_scheduler(address)
        except UsageError as error:
            problems.append(str(error))
    if address is None or address.startswith("tls://"):
        problems += _certificate_problems()
    return tuple(problems)


def _certificate_problems() -> Iterator[str]:
    from dask import config  # noqa: PLC0415 - an optional extra

    for key, variable in _FILES.items():
        value: Any = config.get(f"{_TLS}.{key}", default=None)
        name = f"{_TLS}.{key}"
        if not value:
            yield f"{name} is not set: set it in Dask's configuration, or DASK_DISTRIBUTED__COMM__TLS__{variable}"
            continue
        file = Path(str(value)).expanduser()
        try:
            with file.open("rb"):
                pass
        except OSError as error:
            yield f"{name} is {file}, which cannot be read: {error.strerror}"
            continue
        if key == "client.key" and file.stat().st_mode & 0o077:
            yield f"{name} is {file}, which others can read: chmod 600 {file}"
    if config.get("distributed.comm.require-encryption", default=None) is not True:
        yield "distributed.comm.require-encryption is not true: Dask then accepts connections without TLS"
