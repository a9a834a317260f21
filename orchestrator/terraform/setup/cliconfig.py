"""Terraform's CLI configuration for orch's runs: the user's own text, and the provider mirrors if it names none."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.errors import SetupError
from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.mirrors import find_mirrors, provider_packages
from orchestrator.util.files import write_atomic

_INSTALLATION = re.compile(r"^\s*provider_installation\s*\{", re.MULTILINE)
_CACHE = re.compile(r'^\s*plugin_cache_dir\s*=\s*"(?P<path>(?:[^"\\]|\\.)*)"', re.MULTILINE)


def write_cli_config(to: Path, *, env: Mapping[str, str], cache: Path) -> Path:
    """Write the CLI configuration of a run, mode 0600 because the user's own may hold tokens.

    The user's text is kept as it is. Mirrors are appended when that text has no ``provider_installation``: providers
    that a mirror has for this platform come only from there, so that no network is needed; all others from a registry.

    Args:
        to: file to write.
        env: ``TF_CLI_CONFIG_FILE``, ``HOME``, ``ORCH_PROVIDER_MIRROR`` and where mirrors may be.
        cache: orch's cache folder; holds the plugin cache unless the user has one.

    Returns:
        ``to``.

    Raises:
        SetupError: the user's file cannot be read, or is JSON so that nothing can be added to it.
    """
    text = user_text(env)
    plugin_cache(env, cache).mkdir(parents=True, exist_ok=True)
    if not _INSTALLATION.search(text):
        mirrors = find_mirrors(env)
        if mirrors and text.lstrip().startswith("{"):
            raise SetupError(
                "your Terraform CLI configuration is JSON, so orch cannot add the provider mirror to it",
                hint="write it in HCL, add provider_installation to it, or set ORCH_PROVIDER_MIRROR=none",
            )
        text += installation(mirrors)
    write_atomic(to, text.encode())
    return to


def find_mirror(env: Mapping[str, str]) -> Path | None:
    """The mirror that is preferred, or None; a ``provider_installation`` of the user goes before it.

    Raises:
        SetupError: ``ORCH_PROVIDER_MIRROR`` names no folder with providers.
    """
    mirrors = find_mirrors(env)
    return mirrors[0] if mirrors else None


def plugin_cache(env: Mapping[str, str], cache: Path) -> Path:
    """The folder that providers are linked from: the user's own plugin cache if there is one, else orch's.

    Measured: from an unpacked mirror Terraform links (no copy of the 707 MB AWS provider), with this cache or without.
    A packed mirror and a registry are unpacked once into this cache, and each unit links to that.

    Raises:
        SetupError: the user's CLI configuration cannot be read.
    """
    named = env.get("TF_PLUGIN_CACHE_DIR")
    if not named and (match := _CACHE.search(user_text(env))):
        named = match["path"].replace("$HOME", env.get("HOME", "~"))
    return Path(named).expanduser() if named else cache / "plugins"


def has_own_installation(env: Mapping[str, str]) -> bool:
    """Whether the user's CLI configuration says itself where providers come from.

    Raises:
        SetupError: the file cannot be read.
    """
    return bool(_INSTALLATION.search(user_text(env)))


def user_text(env: Mapping[str, str]) -> str:
    """The user's own CLI configuration, ending with a newline; empty when there is none.

    A ``TF_CLI_CONFIG_FILE`` that does not exist is no configuration: Terraform, too, only warns. Without that variable
    Terraform also reads ``~/.terraform.d/*.tfrc``; naming a file, as orch does, turns that off: they are joined here.

    Raises:
        SetupError: a file is there and cannot be read.
    """
    home = Path(env.get("HOME") or Path.home())
    named = env.get("TF_CLI_CONFIG_FILE") or env.get("TERRAFORM_CONFIG")
    if named:
        files = [Path(named).expanduser()]
    else:
        files = [home / ".terraformrc", *sorted((home / ".terraform.d").glob("*.tfrc"))]
    texts = [_read(file) for file in files if named != os.devnull and file.exists()]
    return "".join(text if text.endswith("\n") else f"{text}\n" for text in texts if text)


def installation(mirrors: Sequence[Path]) -> str:
    """The ``provider_installation`` block for these mirrors; empty without one: then Terraform's own rules hold.

    ``direct`` excludes what a mirror has, because Terraform asks every method that may have a provider and fails when
    one of them cannot be reached.
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


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            f"the Terraform CLI configuration {file} cannot be read: {error}", hint="check TF_CLI_CONFIG_FILE"
        ) from error


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(_quoted(text) for text in texts)}]"


def _quoted(text: str) -> str:
    """A string as HCL reads it; the CLI configuration knows ``${`` as an interpolation too."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${")
