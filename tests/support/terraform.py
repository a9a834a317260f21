"""Real Terraform for tests: small roots, a door to the binary, and a look at what runs."""

from __future__ import annotations

import atexit
import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from orchestrator.config.catalogue import Provider, Roles, Settings, Timeouts
from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.process.supervisor import Processes
from orchestrator.terraform.setup.binary import find_binary, user_cache
from orchestrator.terraform.setup.cliconfig import write_cli_config
from orchestrator.terraform.warm.providers import WarmProviders
from orchestrator.terraform.warm.start import StartedServer, provider_server

REPOSITORY = Path(__file__).resolve().parents[2]
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


@functools.cache
def shared_server() -> StartedServer:
    """A provider server that lives as long as this test process; off when ``ORCH_COLD`` is set, as in orch."""
    env = clean_env()
    cold = os.environ.get("ORCH_COLD", "0") not in {"", "0"}
    stack = ExitStack()
    started = stack.enter_context(
        provider_server(make_settings(), REPOSITORY, env=env, cache=user_cache(env), slots=2, cold=cold)
    )
    atexit.register(stack.close)
    return started


TEST_VARIABLES = ("PROBE_CALLS", "PROBE_ENVIRONMENT", "PROBE_FAULTS", "PROBE_PROTOCOL", "TF_DISABLE_PLUGIN_TLS")
"""Variables of the test provider, see `probe`."""


def make_terraform(
    folder: Path, *, processes: Processes | None = None, env: Mapping[str, str] | None = None, warm: bool = False
) -> Terraform:
    """The real binary, with a CLI configuration and a plugin cache of the test's own.

    Args:
        folder: where they go.
        processes: supervises the child processes.
        env: where mirrors are.
        warm: use the warm providers of this test process. They need a root with a lock file.
    """
    env = clean_env() if env is None else env
    config = write_cli_config(folder / "terraform.rc", env=env, cache=folder / "cache")
    binary = find_binary(make_settings(), env=env, cache=folder / "cache")
    cache = folder / "cache" / "plugins"
    providers = WarmProviders(shared_server(), notify=lambda _unit, _reason: None) if warm else None
    return Terraform(
        binary, processes or Processes(), config, plugin_cache=cache, warm=providers, passed=TEST_VARIABLES
    )


def make_root(folder: Path, files: Mapping[str, str], *, unit: str = "test/unit", data: Path | None = None) -> Root:
    """A root with these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Root(
        unit=unit, folder=folder, data_dir=data or folder / ".terraform", env=clean_env(), log=folder / "unit.log"
    )


@contextmanager
def warm_environment(terraform: Terraform, root: Root) -> Iterator[dict[str, str]]:
    """The environment of a Terraform process that a test starts itself, attached to warm providers if there are any."""
    env = terraform.environment(root)
    attached = terraform.warm.attach(root, env, prepare=False) if terraform.warm is not None else None
    if terraform.warm is None or attached is None:
        yield env
        return
    try:
        yield {**env, **attached.variables}
    finally:
        terraform.warm.detach(root, attached, (), normal=False)


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
