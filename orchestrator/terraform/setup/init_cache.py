"""Decides when ``terraform init`` can be skipped, and lets only one init at a time fill a cold plugin cache.

A key of everything that init depends on is stored with its result. Two inits that fill the plugin cache at once race.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.lock_file import LOCK_FILE, locked_providers
from orchestrator.util.files import file_lock, write_atomic

INIT_LOCK = "orch.lock"
"""Name of the lock file that is held during init, in the data folder."""

_KEY = "orch.init"
_SAVED_LOCK = "orch.lock.hcl"
_FORMAT = "2"

# Lines outside a terraform block that init depends on: providers, modules and their sources.
_READ_BY_INIT = re.compile(r"^\s*(?:module|provider)\b|\b(?:source|version)\s*=")
_IMPLIED = re.compile(r'^\s*(?:resource|data|ephemeral)\s+"([a-zA-Z0-9_-]+)"', re.MULTILINE)
_NAMED = re.compile(r"([a-zA-Z0-9_-]+)\s*=\s*\{")
"""An entry of ``required_providers``."""
_BUILT_IN = "terraform"
_TERRAFORM = re.compile(r"^\s*terraform\s*\{")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|(?:#|//).*$')


def init_key(root: Path, facts: tuple[str, ...]) -> str:
    """Return a hash of everything that init depends on.

    It covers the root and its copies of modules: the lock file, each ``terraform`` block, sources and versions of
    modules, providers that are named or implied by a resource's type. Values and resources do not count, so an edited
    module does not cost an init. If a key wrongly matches, the plan recovers: it runs init when Terraform says that it
    needs one.

    Args:
        root: folder of the root.
        facts: everything else that counts: binary, version, CLI configuration, backend or not.
    """
    digest = hashlib.sha256(json.dumps([_FORMAT, *facts]).encode())
    lock = root / LOCK_FILE
    digest.update(lock.read_bytes() if lock.exists() else b"-")
    implied: set[str] = set()
    named: set[str] = set()
    for file in _sources(root):
        data = file.read_bytes()
        if file.suffix != ".json":
            text = data.decode("utf-8", "replace")
            implied |= implied_providers(text)
            lines = list(read_by_init(text))
            named |= {match[1] for line in lines if (match := _NAMED.match(line))}
            data = "\n".join(lines).encode()
        if data:  # files that init does not depend on do not count
            digest.update(f"\0{file.relative_to(root).as_posix()}\0".encode() + data)
    digest.update(json.dumps(sorted(implied - named)).encode())
    return digest.hexdigest()


def read_by_init(text: str) -> Iterator[str]:
    """Yield the lines of a ``.tf`` file that init depends on."""
    depth = 0
    for line in text.splitlines():
        if depth or _TERRAFORM.match(line):
            bare = _TEXT.sub("", line)
            depth += bare.count("{") - bare.count("}")
            yield line.strip()
        elif _READ_BY_INIT.search(line):
            yield line.strip()


def implied_providers(text: str) -> set[str]:
    """Return the providers that resource types imply. A preview's placeholder (built-in) needs no init."""
    return {match[1].split("_", 1)[0] for match in _IMPLIED.finditer(text)} - {_BUILT_IN}


def is_initialized(data_dir: Path, root: Path, key: str) -> bool:
    """Return whether the last successful init had this key and its result is intact; if so, restore its lock file.

    Init can complete a lock file (a checksum for this platform) or create one. Each run has its own root folder, so the
    last init's lock file is copied there, as if init had run again.
    """
    try:
        whole = (data_dir / _KEY).read_text(encoding="utf-8") == key and _is_whole(data_dir, root)
        saved = data_dir / _SAVED_LOCK
        if whole and saved.exists():
            write_atomic(root / LOCK_FILE, saved.read_bytes(), mode=0o644)
    except (OSError, ValueError, KeyError, TypeError):  # a manifest or record that init did not write
        return False
    return whole


def forget_init(data_dir: Path) -> None:
    """Mark the data folder as not initialized; call it before init."""
    (data_dir / _KEY).unlink(missing_ok=True)


def remember_init(data_dir: Path, root: Path, key: str) -> None:
    """Store the lock file and then the key; call it after a successful init."""
    lock = root / LOCK_FILE
    saved = data_dir / _SAVED_LOCK
    if lock.exists():
        write_atomic(saved, lock.read_bytes())
    else:
        saved.unlink(missing_ok=True)
    write_atomic(data_dir / _KEY, key.encode())


def is_fresh(data_dir: Path) -> bool:
    """Return whether no init has left anything in the data folder."""
    return not any(path.name != INIT_LOCK for path in data_dir.iterdir())


def wipe(data_dir: Path) -> None:
    """Remove everything except the file that is locked; the next init creates it again."""
    for path in data_dir.iterdir():
        if path.name == INIT_LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            with suppress(FileNotFoundError):
                path.unlink()


def is_warm(cache: Path, lock_file: Path) -> bool:
    """Return whether the plugin cache has every provider of a lock file; False if there is no lock file."""
    try:
        providers = locked_providers(lock_file.read_text(encoding="utf-8"))
    except OSError:
        return False
    here = this_platform()
    return all((cache / address / version / here).exists() for address, version in providers.items())


@contextmanager
def warming(cache: Path, lock_file: Path) -> Iterator[None]:
    """Hold the cache's lock during an init that can fill it; inits that only read a warm cache run in parallel."""
    cache.mkdir(parents=True, exist_ok=True)
    if is_warm(cache, lock_file):
        yield
        return
    with file_lock(cache / ".orch.lock"):
        yield


def _sources(root: Path) -> list[Path]:
    files = [
        *root.glob("*.tf"),
        *root.glob("*.tf.json"),
        *root.glob("modules/**/*.tf"),
        *root.glob("modules/**/*.tf.json"),
    ]
    return sorted(file for file in files if file.is_file())


def _is_whole(data_dir: Path, root: Path) -> bool:
    """Return whether provider links and module folders resolve and the backend record is readable."""
    for platform in (data_dir / "providers").glob("*/*/*/*/*"):
        if not platform.exists():
            return False
    backend = data_dir / "terraform.tfstate"
    if backend.exists():
        json.loads(backend.read_bytes())
    manifest = data_dir / "modules" / "modules.json"
    if manifest.exists():
        modules = json.loads(manifest.read_bytes())["Modules"]
        return all((root / module["Dir"]).is_dir() for module in modules)
    return True
