"""The environment of a Terraform process, without variables that would change its behavior invisibly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Each of these changes what Terraform does, and the rendered root does not show it.
_DROPPED = ("TF_CLI_ARGS", "TF_VAR_", "TF_WORKSPACE", "TF_IGNORE", "TF_PLUGIN_CACHE_MAY_BREAK")
# Traces contain request bodies and thus secrets: they can go to a file that the user names, never to orch's log.
_TRACES = ("TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER")


def child_env(env: Mapping[str, str], *, data_dir: Path | None, cli_config: Path, plugin_cache: Path) -> dict[str, str]:
    """Return the environment for a Terraform process.

    Args:
        env: the environment to start from, credentials included.
        data_dir: Terraform's data folder for the unit; None: Terraform's default.
        cli_config: CLI configuration that orch wrote.
        plugin_cache: folder that providers are linked from.
    """
    child = {name: value for name, value in env.items() if not name.startswith(_DROPPED)}
    if "TF_LOG_PATH" not in child:
        for name in _TRACES:
            child.pop(name, None)
    child.pop("TF_DATA_DIR", None)
    if data_dir is not None:
        child["TF_DATA_DIR"] = str(data_dir)
    child.setdefault("GOGC", "400")  # saves a fifth of the CPU time, costs some memory
    return child | {
        "CHECKPOINT_DISABLE": "1",
        "NO_COLOR": "1",
        "TF_CLI_CONFIG_FILE": str(cli_config),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_PLUGIN_CACHE_DIR": str(plugin_cache),
    }
