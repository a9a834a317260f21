"""The paths of a run's files below ``.orch/``, which git ignores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.config.catalogue import Unit


@dataclass(frozen=True, slots=True)
class RunPaths:
    """All paths of one run. ``root``: the folder that contains ``live/``."""

    root: Path
    run: str

    @property
    def base(self) -> Path:
        """``.orch``: contains everything that orch writes in a repository."""
        return self.root / ".orch"

    @property
    def of_run(self) -> Path:
        """The folder of this run."""
        return self.base / "runs" / self.run

    def unit(self, unit: Unit) -> Path:
        """The root that this run plans and applies; nothing else writes there."""
        return self.of_run / "units" / unit.folder

    def preview(self, unit: Unit) -> Path:
        """The root of a preview, which is planned and never applied."""
        return self.of_run / "previews" / unit.folder

    def shown(self, unit: Unit) -> Path:
        """The root for people, refreshed by every run."""
        return self.base / "units" / unit.folder

    def data(self, unit: Unit) -> Path:
        """Terraform's data folder of the unit, shared by all runs so that init can be skipped."""
        return self.shown(unit) / ".terraform"

    def log(self, unit: Unit) -> Path:
        """The unit's log of this run."""
        return self.of_run / "logs" / f"{unit.folder}.log"

    def plan(self, unit: Unit) -> Path:
        """Terraform's saved plan; outside of the root, so that it is not one of its files."""
        return self.of_run / "plans" / f"{unit.folder}.tfplan"

    def receipt(self, unit: Unit) -> Path:
        """The receipt of the unit's plan."""
        return self.of_run / "receipts" / f"{unit.folder}.json"

    def preview_plan(self, unit: Unit) -> Path:
        """The preview's saved plan; only read."""
        return self.of_run / "plans" / f"{unit.folder}.preview.tfplan"

    @property
    def journal(self) -> Path:
        """The journal: one JSON record per line."""
        return self.of_run / "journal.jsonl"

    @property
    def copies(self) -> Path:
        """The list of safety copies; exists only when some were made."""
        return self.of_run / "copies.json"

    def copies_of(self, unit: Unit) -> Path:
        """The folder for safety copies of a unit's resources; they may contain personal data."""
        return self.of_run / "copies" / unit.folder

    @property
    def report(self) -> Path:
        """The run's report, as ``--json`` prints it."""
        return self.of_run / "report.json"


def new_run(root: Path) -> RunPaths:
    """Create the folder of a new run, private to the user.

    Run ids sort by time: ``20261123-070412-9f3a``. The last part counts the second's 65,536 parts (15 µs each), so that
    runs which start in the same second sort too.
    """
    while True:
        now = datetime.now(UTC)
        folders = RunPaths(root=root, run=f"{now:%Y%m%d-%H%M%S}-{now.microsecond * 65_536 // 1_000_000:04x}")
        try:
            folders.of_run.mkdir(parents=True, mode=0o700)
        except FileExistsError:  # another run began at the same moment
            continue
        break
    base = folders.base / ".gitignore"
    if not base.exists():
        base.write_text("*\n", encoding="utf-8")
    return folders
