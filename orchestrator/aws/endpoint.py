"""The endpoint of an emulator, which takes the place of AWS. Without one, orch calls AWS itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmulatorEndpoint:
    """Where a running emulator is, and the credentials that orch starts from.

    Attributes:
        url: always on loopback: ``http://127.0.0.1:PORT``.
        access_key: access key ID of the user ``orch-entry`` in the management account.
        secret_key: the secret access key that belongs to it.
    """

    url: str
    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        """Show no key: tracebacks and logs print this."""
        return f"{type(self).__name__}(url={self.url!r})"
