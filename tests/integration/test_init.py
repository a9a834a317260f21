"""The wheel in a new environment: a production install, then `orch init` in an empty folder up to a first apply.

One test, because every step needs the one before it. In every run of the tests the packages that the wheel requires are
linked from the environment of the tests; `make test-all` installs them, which takes longer than all the steps.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.support.git import Git
from tests.support.linked_packages import link_requirements
from tests.support.project import CI_VARIABLES, REPOSITORY, Result

pytestmark = pytest.mark.integration

OPTIONS = (
    *("--name", "acme", "--region", "eu-west-1", "--management", "999999999999"),
    *("--account", "production=111111111111", "--account", "development=222222222222"),
)


class Installation:
    """orch from its wheel, in an environment of its own that does not see this checkout.

    Args:
        base: an empty folder.
    """

    def __init__(self, base: Path) -> None:
        self.platform = base / "platform"
        self.bin = base / "venv" / "bin"
        self.base = base
        self.run(sys.executable, "-m", "venv", str(base / "venv"))
        self.run(*self.pip("wheel"), "--no-deps", "--wheel-dir", str(base), str(REPOSITORY))
        (self.wheel,) = base.glob("orch-*.whl")

    def pip(self, *arguments: str) -> list[str]:
        return [str(self.bin / "python"), "-m", "pip", "--disable-pip-version-check", *arguments]

    def install(self, extra: str = "", *, linked: bool) -> None:
        """Install the wheel with what it requires: linked packages, or the versions of constraints.txt."""
        constraints = ("--no-compile", "-c", str(REPOSITORY / "constraints.txt"))
        wanted = f"{self.wheel}[{extra}]" if extra else str(self.wheel)
        self.run(*self.pip("install"), "--quiet", *(("--no-deps",) if linked else constraints), wanted)
        if linked:
            packages = Path(self.python("import sysconfig; print(sysconfig.get_path('purelib'))"))
            (installed,) = distributions(name="orch", path=[str(packages)])
            link_requirements(installed, packages, extra=extra)

    def run(self, *command: str, code: int | None = 0, cwd: Path | None = None) -> Result:
        """Run a command outside of the checkout."""
        dropped = ("PYTHON", "VIRTUAL_ENV", "AWS_", "ORCH_", "GIT_", *CI_VARIABLES)
        env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={**env, "NO_COLOR": "1"},
            cwd=cwd or self.base,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=900,
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        assert code is None or result.code == code, f"{' '.join(command)}: {result.code}\n{result.text}"
        return result

    def python(self, code: str) -> str:
        return self.run(str(self.bin / "python"), "-c", code).out.strip()

    def orch(self, *arguments: str, code: int | None = 0) -> Result:
        """Run orch in the platform."""
        return self.run(str(self.bin / "orch"), *arguments, code=code, cwd=self.platform)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    if made.platform.is_dir():
        made.orch("emulator", "stop", code=None)


@pytest.mark.parametrize(
    "linked",
    [pytest.param(True, id="linked packages"), pytest.param(False, id="installed packages", marks=pytest.mark.full)],
)
def test_a_wheel_goes_from_an_empty_folder_to_a_checked_platform_and_an_applied_stage(
    installation: Installation, *, linked: bool
) -> None:
    installation.install(linked=linked)
    a_production_install_works_without_the_extras(installation)
    if linked:  # The README's first real use goes on from here in every run of the tests (test_readme.py).
        return
    installation.install("emulator", linked=linked)
    the_first_stage_is_planned_and_applied(installation)
    the_built_in_policies_block_the_loss_of_the_pool(installation)
    weaker_policies_do_not_count_before_they_are_merged(installation)


def a_production_install_works_without_the_extras(installation: Installation) -> None:
    assert Path(installation.python("import orchestrator; print(orchestrator.__file__)")).is_relative_to(
        installation.base / "venv"
    )
    for module in ("moto", "cfnlint", "flask"):
        assert installation.python(f"from importlib.util import find_spec; print(find_spec({module!r}))") == "None"
    shown = installation.run(str(installation.bin / "orch"), "init", "platform", *OPTIONS).out
    assert "orch plan dev --emulator" in shown
    assert installation.orch("version").out.startswith("orch ")
    listed = installation.orch("list", "--json").json["rows"]
    assert {row["unit"] for row in listed} == {"production/baseline", "development/baseline", "dev/identity"}
    rows = installation.orch("check", "--fast", "--json").json["rows"]
    assert {row["result"] for row in rows} == {"ok"}
    (policies,) = (row["subject"] for row in rows if row["check"] == "policies")
    assert policies.startswith("built-in (orch ")
    assert "pip install 'orch[emulator]'" in installation.orch("plan", "dev", "--emulator", code=2).err


def the_first_stage_is_planned_and_applied(installation: Installation) -> None:
    installation.orch("check")
    assert "+2" in installation.orch("plan", "dev", "--emulator").out
    started = installation.orch("emulator", "start").out
    assert started.endswith("\nNext: orch bootstrap development production --emulator\n")
    installation.orch("bootstrap", "development", "--yes", "--emulator")
    applied = installation.orch("apply", "dev", "--yes", "--emulator", "--json").units()
    assert {unit: report["status"] for unit, report in applied.items()} == {"dev/identity": "applied"}
    again = installation.orch("plan", "dev", "--emulator", "--json").units()
    assert again["dev/identity"]["status"] == "unchanged"


def the_built_in_policies_block_the_loss_of_the_pool(installation: Installation) -> None:
    blocked = installation.orch("destroy", "dev", "--yes", "--emulator", "--json", code=3).units()
    assert "ORCH_PROTECTED" in {each["rule"] for each in blocked["dev/identity"]["findings"]}


def weaker_policies_do_not_count_before_they_are_merged(installation: Installation) -> None:
    """The change brings policies of its own that are shorter than the built-in ones; then they are committed."""
    git = Git(installation.platform)
    git.commit()
    shipped = Path(installation.python("from orchestrator.util.package_data import *; print(data_folder('policies'))"))
    for path in shipped.rglob("*"):
        if path.is_file() and path.suffix != ".pyc" and path.name not in {"owners.yaml", "waivers.yaml"}:
            copy = installation.platform / "policies" / path.relative_to(shipped)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
    listed = installation.platform / "policies" / "protected.yaml"
    listed.write_text(listed.read_text().replace("aws_ecr_repository:", "aws_no_repository:"))
    stage = installation.platform / "live" / "stacks" / "identity.yaml"
    stage.write_text(stage.read_text() + "  mfa: OPTIONAL\n")
    judged = installation.orch("plan", "dev", "--emulator", "--json", code=3).units()
    assert "ORCH_POLICY_WEAKENED" in {each["rule"] for each in judged["dev/identity"]["findings"]}
    assert (
        "aws_ecr_repository would no longer be protected"
        in installation.orch("check", "--fast", "--base", "HEAD", code=3).out
    )
