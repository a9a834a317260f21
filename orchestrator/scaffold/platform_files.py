"""Makes the files of a new platform: a small one from templates, or a copy of the example platform."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from packaging.version import Version

from orchestrator import __version__
from orchestrator.scaffold.answers import FIRST_STAGE, Answers
from orchestrator.util.package_data import data_folder

_TEMPLATES = Path(__file__).parent / "files"
_MODULES = ("account_baseline", "user_pool")
_EXAMPLE = ("live", "modules", "policies", "services")
_COMMON = {".gitignore": "gitignore", ".github/workflows/orch.yml": "github/workflows/orch.yml"}
_IGNORED = frozenset({"__pycache__", ".terraform"})

NewFiles = Mapping[str, bytes]
"""Content by path relative to the new repository, with ``/``."""


def starter_files(answers: Answers) -> dict[str, bytes]:
    """Return a platform of two accounts and one stage with one stack.

    Args:
        answers: the values to fill in; they were checked.
    """
    values = {
        "name": answers.name,
        "region": answers.region,
        "management": answers.management,
        "partition": answers.partition,
        "development": answers.development.name,
        "specifier": _specifier(),
    }
    names = [
        "live/orch.yaml",
        f"live/stages/{FIRST_STAGE}.yaml",
        "live/stacks/baseline.yaml",
        "live/stacks/identity.yaml",
        "policies/owners.yaml",
        "policies/waivers.yaml",
    ]
    files = {name: render_template(name, values) for name in names}
    for account in answers.accounts:
        rendered = render_template("live/accounts/account.yaml", {**values, "account": account})
        files[f"live/accounts/{account.name}.yaml"] = rendered
    for module in _MODULES:
        files |= _tree(data_folder("modules") / module, f"modules/{module}")
    return _sorted({**files, **_common()})


def example_files() -> dict[str, bytes]:
    """Return the whole example platform: three accounts, four stages, all modules and the policies."""
    files: dict[str, bytes] = {}
    for name in _EXAMPLE:
        files |= _tree(data_folder(name), name)
    return _sorted({**files, **_common()})


def baseline_module() -> dict[str, bytes]:
    """Return the module ``account_baseline``."""
    return _tree(data_folder("modules") / "account_baseline", "modules/account_baseline")


def _common() -> dict[str, bytes]:
    return {name: render_template(template, {"version": __version__}) for name, template in _COMMON.items()}


def render_template(name: str, values: Mapping[str, object]) -> bytes:
    """Fill in a template. Its delimiters are ``<< >>``, because ``${{ }}`` belongs to the files themselves."""
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML, not HTML: every value goes through the yaml filter
    )
    templates.filters["yaml"] = json.dumps  # a quoted YAML string, also where the value is a word such as `no`
    return templates.get_template(f"{name}.j2").render(values).encode()


def _specifier() -> str:
    version = Version(__version__)
    return f"~={version.major}.{version.minor}"


def _tree(folder: Path, name: str) -> dict[str, bytes]:
    return {f"{name}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in _walk(folder)}


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _IGNORED:
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def _sorted(files: NewFiles) -> dict[str, bytes]:
    return {name: files[name] for name in sorted(files)}
