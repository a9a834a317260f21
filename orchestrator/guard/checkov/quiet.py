"""checkov prepares the terminal and the log when it is imported. Here it must not: the terminal is orch's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import colorama  # type: ignore[import-untyped]  # checkov depends on it


@contextmanager
def quiet_import() -> Iterator[None]:
    """Import checkov without a trace on the terminal.

    Two things would stay otherwise: a handler on the root logger, because checkov logs through the bare ``logging``
    functions, which install one that writes to stderr when there is none; and a wrapper around stdout and stderr,
    because checkov calls ``colorama.init``. A handler that drops everything therefore stays on a root logger that has
    none, as the logging documentation advises for libraries, and ``colorama.init`` does nothing for this moment.
    """
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    level = root.level
    real = colorama.init

    def nothing(*_args: object, **_kwargs: object) -> None:
        """Leave stdout and stderr alone."""

    colorama.init = nothing
    try:
        yield
    finally:
        colorama.init = real
        root.setLevel(level)
