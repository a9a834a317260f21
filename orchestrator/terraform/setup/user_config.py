"""What counts of a user's Terraform CLI configuration.

It can name other sources of providers (``provider_installation``), binaries that replace providers without any check
(``dev_overrides``), and another address of a registry (``host``). In CI only credentials and the plugin cache count:
a change could bring the rest. Elsewhere all of it counts, and orch says what it does to providers.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import SetupError
from orchestrator.hcl.parser import parse_hcl
from orchestrator.hcl.tree import Block, Constant, HclError
from orchestrator.terraform.environment import REATTACH
from orchestrator.util.ci import is_protected
from orchestrator.util.env_paths import home_folder, named_path

_COMMENT = re.compile(r"#[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r"\b(dev_overrides|provider_installation)\b")
_KEPT = frozenset({"plugin_cache_dir", "disable_checkpoint", "disable_checkpoint_signature"})
_OVERRIDE = re.compile(r'"([^"\s]+)"\s*[:=]\s*"([^"\n]+)"')
_OVERRIDES = re.compile(r"\bdev_overrides\"?\s*[:=]?\s*\{(.*?)\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class UserConfig:
    """A user's CLI configuration.

    Attributes:
        text: what counts of it, ending with a newline; empty if there is nothing.
        dropped: the keys that do not count.
    """

    text: str
    dropped: tuple[str, ...] = ()

    @property
    def installation(self) -> bool:
        """Whether it says where providers come from."""
        return "provider_installation" in words(self.text)

    @property
    def overrides(self) -> Mapping[str, str]:
        """``dev_overrides``: provider -> folder or binary, as written."""
        found = _OVERRIDES.search(_COMMENT.sub("", self.text))
        return dict(_OVERRIDE.findall(found[1])) if found else {}


def read_user_config(env: Mapping[str, str]) -> UserConfig:
    """Read the user's CLI configuration.

    A ``TF_CLI_CONFIG_FILE`` that does not exist is ignored; Terraform also only warns. Without that variable Terraform
    also reads ``~/.terraform.d/*.tfrc``. Naming a file, as orch does, turns that off, so their text is appended here.

    Args:
        env: ``TF_CLI_CONFIG_FILE``, ``HOME``, and what identifies CI.

    Raises:
        SetupError: a file exists but cannot be read.
    """
    texts = [_read(file) for file in config_files(env)]
    text = "".join(text if text.endswith("\n") else f"{text}\n" for text in texts if text)
    return what_counts_in_ci(text) if is_protected(env) else UserConfig(text)


def config_files(env: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files that make up the user's CLI configuration."""
    named = named_path(env, "TF_CLI_CONFIG_FILE") or named_path(env, "TERRAFORM_CONFIG")
    if named is not None:
        files = [named]
    else:
        home = home_folder(env)
        files = [home / ".terraformrc", *sorted((home / ".terraform.d").glob("*.tfrc"))]
    return tuple(file for file in files if str(file) != os.devnull and file.exists())


def provider_notices(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return lines that say which other providers the user's environment asks for, and whether they run.

    Raises:
        SetupError: the CLI configuration cannot be read.
    """
    config = read_user_config(env)
    if is_protected(env):
        dropped = [*(f"{key} of the Terraform CLI configuration" for key in config.dropped)]
        dropped += [REATTACH] if env.get(REATTACH) else []
        return (f"not used in CI: {', '.join(dropped)}; ORCH_PROVIDER_MIRROR names a mirror",) if dropped else ()
    used = [f"{key} of your Terraform CLI configuration" for key in sorted(words(config.text))]
    used += [REATTACH] if env.get(REATTACH) else []
    return (f"providers are chosen by {', '.join(used)}; receipts say which ran",) if used else ()


def reattached_providers(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the providers that ``TF_REATTACH_PROVIDERS`` names; none in CI, where it does not count."""
    try:
        found = json.loads(env.get(REATTACH) or "{}")
    except ValueError:
        return ()
    return tuple(found) if isinstance(found, dict) and not is_protected(env) else ()


def words(text: str) -> frozenset[str]:
    """Return which keys that choose providers a CLI configuration has."""
    return frozenset(_WORD.findall(_COMMENT.sub("", text)))


def what_counts_in_ci(text: str) -> UserConfig:
    """Keep credentials and the plugin cache. What cannot be parsed does not count at all."""
    try:
        body = parse_hcl(text)
    except HclError:
        return UserConfig("", (*sorted(words(text)), "everything else"))  # dev_overrides has keys in quotes.
    kept = [line for block in body.blocks for line in _credentials(block)]
    cache = body.attributes.get("plugin_cache_dir")
    if cache is not None and isinstance(cache.value, Constant) and isinstance(cache.value.value, str):
        kept.append(f"plugin_cache_dir = {json.dumps(cache.value.value)}\n")
    dropped = [block.type for block in body.blocks if not any(_credentials(block))]
    dropped += [name for name in body.attributes if name not in _KEPT]
    if "dev_overrides" in words(text):
        dropped.append("dev_overrides")
    return UserConfig("".join(kept), tuple(sorted(set(dropped))))


def _credentials(block: Block) -> Iterator[str]:
    token = block.body.attributes.get("token")
    if block.type == "credentials" and len(block.labels) == 1 and token is not None:
        value = token.value
        if isinstance(value, Constant) and isinstance(value.value, str):
            yield f"credentials {json.dumps(block.labels[0])} {{\n  token = {json.dumps(value.value)}\n}}\n"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            f"cannot read the Terraform CLI configuration {file}: {error}", hint="check TF_CLI_CONFIG_FILE"
        ) from error
