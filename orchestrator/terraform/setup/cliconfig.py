"""Terraform's CLI configuration for orch's runs: the user's own, plus provider mirrors unless it names any."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.errors import SetupError
from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.mirrors import PROVIDER_MIRROR_VARIABLE, find_mirrors, mirror_url, provider_packages
from orchestrator.terraform.setup.user_config import UserConfig, read_user_config
from orchestrator.util.env_paths import home_folder, named_path
from orchestrator.util.files import write_atomic

_CACHE = re.compile(r'^\s*plugin_cache_dir\s*=\s*"(?P<path>(?:[^"\\]|\\.)*)"', re.MULTILINE)


def write_cli_config(to: Path, *, env: Mapping[str, str], cache: Path) -> Path:
    """Write the CLI configuration of a run, mode 0600 because the user's own can contain tokens.

    The user's text is kept unchanged; in CI only parts of it count (`user_config`). If it has no
    ``provider_installation``, mirrors are appended: providers that a mirror has for this platform come only from there
    and need no network; all others come from a registry.

    Args:
        to: file to write.
        env: ``TF_CLI_CONFIG_FILE``, ``HOME``, ``ORCH_PROVIDER_MIRROR`` and where mirrors can be.
        cache: orch's cache folder; contains the plugin cache unless the user has one.

    Returns:
        ``to``.

    Raises:
        SetupError: the user's file cannot be read, or is JSON so that nothing can be added to it.
    """
    config = read_user_config(env)
    text = config.text
    plugin_cache(env, cache).mkdir(parents=True, exist_ok=True)
    url = mirror_url(env)
    if url:
        text = _checked(config) + _network_mirror(url)
    elif not config.installation:
        mirrors = find_mirrors(env)
        if mirrors and text.lstrip().startswith("{"):
            raise SetupError(
                "your Terraform CLI configuration is JSON, so orch cannot add the provider mirror to it",
                hint="convert it to HCL, add provider_installation to it, or set ORCH_PROVIDER_MIRROR=none",
            )
        text += installation(mirrors)
    write_atomic(to, text.encode())
    return to


def find_mirror(env: Mapping[str, str]) -> Path | None:
    """Return the preferred mirror, or None; a ``provider_installation`` of the user takes precedence.

    Raises:
        SetupError: ``ORCH_PROVIDER_MIRROR`` names a folder without providers.
    """
    mirrors = find_mirrors(env)
    return mirrors[0] if mirrors else None


def plugin_cache(env: Mapping[str, str], cache: Path) -> Path:
    """Return the folder that providers are linked from: the user's plugin cache if configured, else orch's.

    From an unpacked mirror Terraform creates links with or without this cache (no copy of the 707 MB AWS provider).
    Packages from a packed mirror or a registry are unpacked once into this cache, and each unit links to that.

    Raises:
        SetupError: the user's CLI configuration cannot be read.
    """
    named = named_path(env, "TF_PLUGIN_CACHE_DIR")
    if named is None and (match := _CACHE.search(read_user_config(env).text)):
        named = Path(match["path"].replace("$HOME", str(home_folder(env)))).expanduser()
    return named or cache / "plugins"


def has_own_installation(env: Mapping[str, str]) -> bool:
    """Return whether the user's CLI configuration says where providers come from.

    Raises:
        SetupError: the file cannot be read.
    """
    return bool(mirror_url(env)) or read_user_config(env).installation


def installation(mirrors: Sequence[Path]) -> str:
    """Return the ``provider_installation`` block for these mirrors; empty if they have nothing for this platform.

    ``direct`` excludes what a mirror has, because Terraform asks every method that can have a provider and fails if one
    of them cannot be reached.
    """
    if not mirrors:
        return ""
    here = this_platform()
    held = {
        mirror: sorted({offer.address for offer in provider_packages(mirror) if offer.platform == here})
        for mirror in mirrors
    }
    if not any(held.values()):
        return ""
    lines = ["", "# Added by orch.", "provider_installation {"]
    for mirror, addresses in held.items():
        if addresses:
            lines += ["  filesystem_mirror {", f"    path    = {_quoted(str(mirror))}"]
            lines += [f"    include = {_list(addresses)}", "  }"]
    everything = sorted({address for addresses in held.values() for address in addresses})
    lines += ["  direct {", f"    exclude = {_list(everything)}", "  }", "}", ""]
    return "\n".join(lines)


def _checked(config: UserConfig) -> str:
    """Return the user's text, to which a ``provider_installation`` can be added.

    Raises:
        SetupError: it has one already.
    """
    if config.installation:
        message = f"{PROVIDER_MIRROR_VARIABLE} and your Terraform CLI configuration both say where providers come from"
        raise SetupError(message, hint=f"unset {PROVIDER_MIRROR_VARIABLE}, or remove provider_installation")
    return config.text


def _network_mirror(url: str) -> str:
    return f"\n# Added by orch.\nprovider_installation {{\n  network_mirror {{\n    url = {_quoted(url)}\n  }}\n}}\n"


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(_quoted(text) for text in texts)}]"


def _quoted(text: str) -> str:
    """Return a quoted HCL string; ``${`` is an interpolation in the CLI configuration too."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${")
