"""What others do with the same case: plain Terraform with `prevent_destroy`, and the plain checkov over its plan.

Measured on the very root that orch rendered for the attempt; nothing is applied.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.emulator import REGION, Account

CHECKS = Path(__file__).parents[1] / "escapes" / "plain_checkov"
CHECK = "CUSTOM_KEPT"
STOPS, PASSES, FAILS, NONE = "stops it", "lets it pass", "fails otherwise", "–"
_PREVENTED = "Instance cannot be destroyed"
_UNIT = Path("prod/identity/eu-west-1")


def compare(repository: Path, run: str | None, account: Account, env: Mapping[str, str]) -> tuple[str, str]:
    """What `prevent_destroy` and checkov's documented check make of the case of a run.

    orch's own plan *is* `terraform plan` in the root that it rendered, so where there is one, Terraform's words and the
    plan's JSON are taken from it. Where orch stopped before it planned, or kept variables away from Terraform, plain
    Terraform plans now, in that root, with those variables.

    Args:
        repository: where orch ran.
        run: the attempt's run; None when there was none.
        account: of the unit.
        env: the attempt's own variables.

    Returns:
        two of the words above; NONE where there is nothing that they could look at.
    """
    if run is None:
        return NONE, NONE
    folder = repository / ".orch" / "runs" / run
    plain = Plain(repository, folder / "units" / _UNIT, account, env)
    log, shown = folder / "logs" / f"{_UNIT}.log", folder / "plans" / f"{_UNIT}.json"
    if not shown.exists() or any(name.startswith("TF_") for name in env):
        if not plain.root.is_dir():
            return NONE, NONE
        log, shown = plain.plan(repository.parent)
    said = log.read_text() if log.exists() else ""
    prevented = STOPS if _PREVENTED in said else FAILS if "Error: " in said else PASSES
    return prevented, plain.checkov(shown) if shown.exists() else NONE


class Plain:
    """Plain context in a root that orch rendered, under the plan role."""

    def __init__(self, repository: Path, root: Path, account: Account, env: Mapping[str, str]) -> None:
        self.root = root
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

    def plan(self, folder: Path) -> tuple[Path, Path]:
        """Plan; what Terraform said, and the plan as JSON (which may not be there)."""
        log, plan, shown = folder / "plain.log", folder / "plain.plan", folder / "plain.json"
        for file in (plan, shown):
            file.unlink(missing_ok=True)
        planning = ("plan", "-input=false", "-no-color", "-lock=false", f"-out={plan}")
        code, _, said = self.terraform(*planning)
        if code == 1 and "init" in said and _PREVENTED not in said:
            self.terraform("init", "-input=false", "-reconfigure")
            _, _, said = self.terraform(*planning)
        log.write_text(said)
        if plan.exists():
            shown.write_text(self.terraform("show", "-json", "-no-color", str(plan))[1])
        return log, shown

    def terraform(self, *arguments: str) -> tuple[int, str, str]:
        """Run Terraform; its exit code and what it printed on both streams."""
        binary = shutil.which("terraform", path=self._env["PATH"]) or "terraform"
        done = subprocess.run(
            [binary, *arguments],
            cwd=self.root,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return done.returncode, done.stdout, done.stderr

    def checkov(self, shown: Path) -> str:
        """What checkov's own runner says with the one custom check over a plan's JSON."""
        return checkov(shown, self._env)


def checkov(shown: Path, env: Mapping[str, str]) -> str:
    """What checkov's own runner says with the one custom check over a plan's JSON: one of the words above."""
    command = [str(Path(sys.executable).parent / "checkov"), "-f", str(shown), "--framework", "terraform_plan"]
    command += ["--external-checks-dir", str(CHECKS), "--check", CHECK, "--compact", "--quiet", "--skip-download"]
    done = subprocess.run(command, env=env, cwd=shown.parent, capture_output=True, text=True, check=False, timeout=300)
    assert "Cannot load external check" not in done.stderr, done.stderr  # checkov goes on without it, with exit code 0
    if done.returncode == 0:
        return PASSES
    return STOPS if CHECK in done.stdout + done.stderr else FAILS
