"""What others do with the same case: plain Terraform with `prevent_destroy`, and the plain checkov over its plan.

Measured on the very root that orch rendered for the attempt, in the attempt's own environment; nothing is applied.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.emulator import REGION, Account

CHECKS = Path(__file__).parents[1] / "escapes" / "checkov"
CHECK = "CUSTOM_KEPT"
STOPS, PASSES, FAILS, NONE = "stops it", "lets it pass", "fails otherwise", "–"
_PREVENTED = "Instance cannot be destroyed"
_UNIT = Path("prod/identity/eu-west-1")


def compare(repository: Path, account: Account, arguments: Sequence[str], env: Mapping[str, str]) -> tuple[str, str]:
    """What `prevent_destroy` and checkov's documented check make of the case of the last run.

    Args:
        repository: where orch ran.
        account: of the unit.
        arguments: orch's.
        env: the attempt's own variables.

    Returns:
        two of the words above; NONE where plain Terraform has no such case.
    """
    root = _rendered(repository)
    options = _options(arguments)
    if root is None or options is None:
        return NONE, NONE
    plain = Plain(repository, root, account, env)
    plan = repository.parent / "plain.plan"
    plan.unlink(missing_ok=True)
    planning = ("plan", "-input=false", "-no-color", "-lock=false", *options, f"-out={plan}")
    code, _, said = plain.terraform(*planning)
    if code == 1 and "init" in said and _PREVENTED not in said:
        plain.terraform("init", "-input=false", "-reconfigure")
        code, _, said = plain.terraform(*planning)
    prevented = STOPS if _PREVENTED in said else FAILS if code == 1 else PASSES
    return prevented, plain.checkov(plan) if plan.exists() else NONE


def _options(arguments: Sequence[str]) -> list[str] | None:
    """Plain Terraform's options for orch's verb; None where it has no plan to look at."""
    further = [each for each in arguments if each.startswith(("-target", "--replace", "-replace"))]
    plain = [each.replace("--replace", "-replace") for each in further]
    return {"apply": plain, "destroy": ["-destroy", *plain]}.get(arguments[0])


def _rendered(repository: Path) -> Path | None:
    """The unit's root in the newest run; one that orch did not get to render is not there."""
    runs = repository / ".orch" / "runs"
    found = sorted(runs.glob(f"*/units/{_UNIT}")) if runs.is_dir() else []
    return found[-1] if found else None


class Plain:
    """Plain tools in a root that orch rendered, under the plan role."""

    def __init__(self, repository: Path, root: Path, account: Account, env: Mapping[str, str]) -> None:
        self._root = root
        config = repository.parent / "aws-config"
        keys = "".join(f"{name} = {value}\n" for name, value in account.assume("orch-plan").items())
        config.write_text(f"[profile orch-main]\nregion = {REGION}\n{keys}")
        config.chmod(0o600)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_CLI_ARGS"))}
        self._env = {
            **kept,
            "AWS_CONFIG_FILE": str(config),
            "AWS_ENDPOINT_URL": account.info.url,
            "CHECKPOINT_DISABLE": "1",
            "TF_DATA_DIR": str(repository / ".orch" / "units" / _UNIT / ".terraform"),
            **env,
        }

    def terraform(self, *arguments: str) -> tuple[int, str, str]:
        """Run Terraform; its exit code and what it printed on both streams."""
        binary = shutil.which("terraform", path=self._env["PATH"]) or "terraform"
        done = subprocess.run(
            [binary, *arguments],
            cwd=self._root,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return done.returncode, done.stdout, done.stderr

    def checkov(self, plan: Path) -> str:
        """What checkov's own runner says with the one custom check over the plan's JSON."""
        shown = plan.with_suffix(".json")
        _, text, _ = self.terraform("show", "-json", "-no-color", str(plan))
        shown.write_text(text)
        command = [str(Path(sys.executable).parent / "checkov"), "-f", str(shown), "--framework", "terraform_plan"]
        command += ["--external-checks-dir", str(CHECKS), "--check", CHECK, "--compact", "--quiet"]
        done = subprocess.run(
            command, env=self._env, cwd=plan.parent, capture_output=True, text=True, check=False, timeout=300
        )
        if done.returncode == 0:
            return PASSES
        return STOPS if CHECK in done.stdout + done.stderr else FAILS
