"""The test provider of `probe_provider` as a package in a mirror, and units that use it."""

from __future__ import annotations

import base64
import hashlib
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.terraform.commands import Root
from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.lock_file import LOCK_FILE
from orchestrator.terraform.warm.start import provider_server
from tests.support import probe_provider
from tests.support.terraform import clean_env, make_root, make_settings
from tests.support.warm import Pair

ADDRESS = "registry.terraform.io/test/probe"
_BINARY = "terraform-provider-probe_v1.0.0"
MAIN = """\
terraform {
  required_providers {
    probe = {
      source  = "test/probe"
      version = "1.0.0"
    }
  }
}

provider "probe" {}

resource "probe_thing" "this" {
  name  = "this"
  value = "@value"
}
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """A unit of the test provider, and Terraform with and without warm providers.

    Attributes:
        pair: with a provider server of its own.
        root: the unit.
        folder: the test's folder.
    """

    pair: Pair
    root: Root
    folder: Path

    def write(self, value: str) -> None:
        """Give the resource a value."""
        (self.root.folder / "main.tf").write_text(MAIN.replace("@value", value))

    def with_environment(self, **more: str) -> Probe:
        """The same unit with more variables."""
        return replace(self, root=replace(self.root, env={**self.root.env, **more}))

    def crash(self, method: str) -> None:
        """Let the next process that gets a call crash in it, once."""
        (self.folder / "faults" / method).touch()

    def crashed(self) -> bool:
        """Whether it has."""
        return not any((self.folder / "faults").iterdir())

    def calls(self) -> Counter[str]:
        """How often each method was called since the last time that this was asked."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        file.write_text("")
        return Counter(line.split()[0] for line in lines)


@contextmanager
def probe(folder: Path) -> Iterator[Probe]:
    """A unit of the test provider in a new folder."""
    checksum = write_package(folder / "mirror" / ADDRESS / "1.0.0" / this_platform())
    (folder / "faults").mkdir()
    env = clean_env(
        ORCH_PROVIDER_MIRROR=str(folder / "mirror"),
        TF_CLI_CONFIG_FILE="/dev/null",
        TF_DISABLE_PLUGIN_TLS="1",  # Of Terraform, for providers that cannot make certificates.
        PROBE_CALLS=str(folder / "calls"),
        PROBE_FAULTS=str(folder / "faults"),
    )
    root = make_root(folder / "root", {LOCK_FILE: lock_entry_of(checksum), "main.tf": MAIN.replace("@value", "1")})
    settings = make_settings()
    with provider_server(settings, folder, env=env, cache=folder / "cache", slots=1, cold=False) as started:
        yield Probe(Pair.make(folder, started=started, env=env), replace(root, env=env), folder)


def lock_entry_of(checksum: str) -> str:
    """The package in a lock file."""
    lock = f'provider "{ADDRESS}" {{\n  version     = "1.0.0"\n  constraints = "1.0.0"\n'
    return f'{lock}  hashes = [\n    "{checksum}",\n  ]\n}}\n'


def write_package(folder: Path) -> str:
    """Write the package, and return the ``h1:`` checksum of a lock file."""
    folder.mkdir(parents=True)
    binary = folder / _BINARY
    source = Path(probe_provider.__file__)
    binary.write_text(f"#!{sys.executable}\n{source.read_text()}")
    shutil.copymode(sys.executable, binary)
    digest = hashlib.sha256(binary.read_bytes()).hexdigest()
    summary = hashlib.sha256(f"{digest}  {_BINARY}\n".encode()).digest()
    return f"h1:{base64.b64encode(summary).decode()}"
