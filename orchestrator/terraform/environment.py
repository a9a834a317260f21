"""The environment of a Terraform process and its providers: an allow-list, not the environment of orch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.util.ci import is_protected
from orchestrator.util.environment import FETCHING, FETCHING_PREFIXES, USUAL, selected

REATTACH = "TF_REATTACH_PROVIDERS"
# Each of these does what it says and changes no plan. TF_VAR_*, TF_CLI_ARGS*, TF_WORKSPACE and others would change
# what Terraform does, and the rendered root would not show it.
_TERRAFORM = frozenset({
    "TF_APPEND_USER_AGENT",
    "TF_ENCRYPTION",
    "TF_LOG",
    "TF_LOG_CORE",
    "TF_LOG_PATH",
    "TF_LOG_PROVIDER",
    "TF_REGISTRY_CLIENT_TIMEOUT",
    "TF_REGISTRY_DISCOVERY_RETRY",
    "TF_STATE_PERSIST_INTERVAL",
    REATTACH,
})  # fmt: skip
# Traces contain request bodies and thus secrets: they can go to a file that the user names, never to orch's log.
_TRACES = ("TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER")
_GO = frozenset({"GOGC", "GOMAXPROCS", "GOMEMLIMIT"})
_NAMES = USUAL | _TERRAFORM | _GO
_AWS = "AWS_"
_REGISTRY_TOKENS = "TF_TOKEN_"


@dataclass(frozen=True, slots=True)
class ChildSettings:
    """What is the same for every Terraform process of a run.

    Attributes:
        cli_config: CLI configuration that orch wrote.
        plugin_cache: folder that providers are linked from.
        home: an empty folder, which is the home of every process but ``init``.
        passed: ``environment`` of ``live/orch.yaml``: further variables to pass.
    """

    cli_config: Path
    plugin_cache: Path
    home: Path
    passed: Collection[str] = ()


def child_env(
    env: Mapping[str, str], settings: ChildSettings, *, data_dir: Path | None, fetches: bool = False
) -> dict[str, str]:
    """Return the environment for a Terraform process.

    Args:
        env: the environment to choose from. Its ``AWS_`` variables are passed: they are those of the role.
        settings: those of the run.
        data_dir: Terraform's data folder for the unit; None: Terraform's default.
        fetches: the process downloads modules and providers and starts none (``init``): it also gets the home, what git
            and ssh need, and the registry tokens ``TF_TOKEN_*``.
    """
    passed = frozenset(settings.passed)
    names = _NAMES | passed
    prefixes: tuple[str, ...] = (_AWS,)
    if fetches:
        names, prefixes = names | FETCHING, (_AWS, *FETCHING_PREFIXES, _REGISTRY_TOKENS)
    child = selected(env, names, prefixes)
    if is_protected(env):
        child.pop(REATTACH, None)  # It names a provider that nobody verified.
    if "TF_LOG_PATH" not in child:
        for name in _TRACES:
            child.pop(name, None)
    if data_dir is not None:
        child["TF_DATA_DIR"] = str(data_dir)
    if not fetches and "HOME" not in passed:
        child["HOME"] = str(settings.home)
    child.setdefault("GOGC", "400")  # saves a fifth of the CPU time, costs some memory
    return child | {
        "CHECKPOINT_DISABLE": "1",
        "NO_COLOR": "1",
        "TF_CLI_CONFIG_FILE": str(settings.cli_config),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_PLUGIN_CACHE_DIR": str(settings.plugin_cache),
    }
