"""Locates the data that ships with orch: the built-in policies, the modules and the example platform."""

from __future__ import annotations

from pathlib import Path

from orchestrator.errors import SetupError

_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder(name: str, package: Path = _PACKAGE) -> Path:
    """Return the folder of shipped data with a name.

    A wheel has the data in ``orchestrator/_data``. In a checkout, which an editable install points to, the same
    folders are next to the package.

    Args:
        name: ``live``, ``modules``, ``policies`` or ``services``.
        package: folder of the package ``orchestrator``.

    Raises:
        SetupError: the installation is incomplete.
    """
    shipped = package / "_data" / name
    if shipped.is_dir():
        return shipped
    checkout = package.parent / name
    if (package.parent / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    message = f"this installation of orch is incomplete: {shipped} is missing"
    raise SetupError(message, hint="reinstall orch")
