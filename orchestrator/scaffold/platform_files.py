"""Makes the files of a new platform: a small one from templates, or a copy of the example platform."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from packaging.version import Version

from orchestrator import __version__
from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.config.yaml.validation import to_plain
from orchestrator.scaffold.answers import FIRST_STAGE, Answers
from orchestrator.util.package_data import data_folder

_TEMPLATES = Path(__file__).parent / "files"
_MODULES = ("account_baseline", "ci_access", "user_pool")
_EXAMPLE = ("live", "modules", "policies", "services")
_CI = {
    "github": {
        ".github/workflows/orch.yml": "github/workflows/orch.yml",
        ".github/workflows/orch-drift.yml": "github/workflows/orch-drift.yml",
        ".github/workflows/orch-fork.yml": "github/workflows/orch-fork.yml",
        ".github/actions/orch/action.yml": "github/actions/orch/action.yml",
    },
    "gitlab": {".gitlab-ci.yml": "gitlab/gitlab-ci.yml"},
}
_ACTIONS = {
    "checkout": "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8  # v5.0.0",
    "setup_python": "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065  # v5.6.0",
    "cache": "actions/cache@0057852bfaa89a56745cba8c7296529d2fc39830  # v4.3.0",
    "upload": "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02  # v4.6.2",
    "download": "actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093  # v4.3.0",
    "credentials": "aws-actions/configure-aws-credentials@a03048d87541d1d9fcf2ecf528a4a65ba9bd7838  # v5.0.0",
}
"""Actions by commit: a tag can be moved to another one."""
CI_MODULE = "modules/ci_access"
"""The module with the roles of a CI's jobs."""
CODE_HOSTS = tuple(_CI)
"""Code hosts whose CI orch writes the files of."""
_IGNORED = frozenset({"__pycache__", ".terraform"})

NewFiles = Mapping[str, bytes]
"""Content by path relative to the new repository, with ``/``."""


def starter_files(answers: Answers, *, ci: str = CODE_HOSTS[0]) -> dict[str, bytes]:
    """Return a platform of two accounts and one stage with one stack.

    Args:
        answers: the values to fill in; they were checked.
        ci: the code host whose CI runs orch: one of `CODE_HOSTS`.
    """
    values = {
        "name": answers.name,
        "region": answers.region,
        "management": answers.management,
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
    return _sorted({**files, **_common(ci, region=answers.region, stages=(FIRST_STAGE,))})


def example_files(*, ci: str = CODE_HOSTS[0]) -> dict[str, bytes]:
    """Return the whole example platform: three accounts, four stages, all modules and the policies.

    Args:
        ci: the code host whose CI runs orch: one of `CODE_HOSTS`.
    """
    files: dict[str, bytes] = {}
    for name in _EXAMPLE:
        files |= _tree(data_folder(name), name)
    stages = sorted(path.stem for path in (data_folder("live") / "stages").glob("*.yaml"))
    settings = parse_yaml(files["live/orch.yaml"], "live/orch.yaml")
    return _sorted({**files, **_common(ci, region=str(to_plain(settings)["region"]), stages=stages)})


def files_of_ci(ci: str, *, region: str, stages: Sequence[str]) -> dict[str, bytes]:
    """Return what a platform that exists needs for CI: the files of the CI, and the module with its roles.

    Args:
        ci: the code host whose CI runs orch: one of `CODE_HOSTS`.
        region: the default region.
        stages: the stages that CI applies.
    """
    module = _tree(data_folder("modules") / "ci_access", CI_MODULE)
    return _sorted({**module, **_common(ci, region=region, stages=stages)})


def baseline_module() -> dict[str, bytes]:
    """Return the module ``account_baseline``."""
    return _tree(data_folder("modules") / "account_baseline", "modules/account_baseline")


def _common(ci: str, *, region: str, stages: Sequence[str]) -> dict[str, bytes]:
    """Return the files that are not about resources: of git and of the CI."""
    values = {"version": __version__, "host": ci, "region": region, "stages": stages, "actions": _ACTIONS}
    templates = {".gitignore": "gitignore", "requirements.txt": "requirements.txt", **_CI[ci]}
    return {name: render_template(template, values) for name, template in templates.items()}


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
