"""Real Terraform for tests: small roots, a door to the binary, and a look at what runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from orchestrator.config.catalogue import Provider, Roles, Settings, Timeouts
from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.process.supervisor import Processes
from orchestrator.terraform.setup.binary import find_binary
from orchestrator.terraform.setup.cliconfig import write_cli_config

AWS = Provider(name="aws", source="hashicorp/aws", version="5.100.0")


def make_settings(
    *, terraform: str = ">=1.11,<2.0", binary: str = "terraform", providers: tuple[Provider, ...] = ()
) -> Settings:
    """Settings as ``live/orch.yaml`` would give them."""
    return Settings(
        name="t",
        region="eu-west-1",
        terraform=terraform,
        orch="~=0.1",
        providers={provider.name: provider for provider in providers},
        state_bucket="t",
        roles=Roles(),
        tags={},
        timeouts=Timeouts(),
        management="999999999999",
        binary=binary,
    )


def clean_env(**more: str) -> dict[str, str]:
    """This process's environment without any credentials of AWS."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | more


def make_terraform(
    folder: Path, *, processes: Processes | None = None, env: Mapping[str, str] | None = None
) -> Terraform:
    """The real binary, with a CLI configuration and a plugin cache of the test's own."""
    env = clean_env() if env is None else env
    config = write_cli_config(folder / "terraform.rc", env=env, cache=folder / "cache")
    binary = find_binary(make_settings(), env=env, cache=folder / "cache")
    return Terraform(binary, processes or Processes(), config, plugin_cache=folder / "cache" / "plugins")


def make_root(folder: Path, files: Mapping[str, str], *, unit: str = "test/unit", data: Path | None = None) -> Root:
    """A root with these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Root(
        unit=unit, folder=folder, data_dir=data or folder / ".terraform", env=clean_env(), log=folder / "unit.log"
    )


def wait_until(true: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait for something to become true; fails the test when it does not."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}
