"""Every Terraform command that orch runs. python-terraform builds the arguments; ``Processes`` runs them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from python_terraform import IsFlagged
from python_terraform import Terraform as CommandBuilder

from orchestrator.terraform.diagnostics import Diagnostic, read_diagnostics
from orchestrator.terraform.failures import TerraformError
from orchestrator.terraform.process.supervisor import LineCallback, Processes, ProcessResult, TaskKind
from orchestrator.terraform.root import Root
from orchestrator.terraform.runner import Runner
from orchestrator.terraform.setup import init_cache
from orchestrator.terraform.setup.binary import Binary
from orchestrator.terraform.setup.checksums import ProviderChecksums
from orchestrator.terraform.setup.lock_file import LOCK_FILE
from orchestrator.terraform.warm.providers import WarmProviders
from orchestrator.util.files import file_lock

__all__ = ["Root", "Terraform"]

_WANTS_INIT = ("terraform init", "tofu init", "Required plugins are not installed", "Module not installed")
_SHOW_SECONDS = 600.0
_HAS_CHANGES = 2


class Terraform:
    """Runs Terraform commands with one binary, for one run; thread-safe.

    Args:
        binary: the program.
        processes: supervises the child processes.
        cli_config: file that ``write_cli_config`` wrote.
        plugin_cache: folder that ``cliconfig.plugin_cache`` names.
        warm: providers that keep running between commands; None if Terraform starts its own for each command.
        passed: names of further environment variables that the processes get (``environment`` of ``live/orch.yaml``).
        checksums: says which providers ran.
    """

    def __init__(
        self,
        binary: Binary,
        processes: Processes,
        cli_config: Path,
        *,
        plugin_cache: Path,
        warm: WarmProviders | None = None,
        passed: Collection[str] = (),
        checksums: ProviderChecksums | None = None,
    ) -> None:
        self.binary = binary
        self.warm = warm
        self.processes = processes
        self.cli_config = cli_config
        self.plugin_cache = plugin_cache
        self._checksums = checksums or ProviderChecksums()
        self._runner = Runner(binary, processes, cli_config, plugin_cache=plugin_cache, warm=warm, passed=passed)
        # Only builds arguments. It looks for a state in its folder, so it gets a path that cannot contain one.
        self._builder = CommandBuilder(working_dir=os.devnull, terraform_bin_path=str(binary.path))

    def init(self, root: Root, *, timeout: float | None, backend: bool = True, fresh: bool = False) -> bool:
        """Initialize a root, unless nothing that init depends on has changed since it last succeeded.

        If init fails with an existing data folder, the folder is emptied and init runs once more.

        Args:
            root: the root.
            timeout: seconds; None: no limit.
            backend: False skips the backend, for checks without AWS; use a separate data folder for that.
            fresh: run init in any case.

        Returns:
            Whether init ran.

        Raises:
            TerraformError: init failed.
        """
        root.data_dir.mkdir(parents=True, exist_ok=True)
        with file_lock(root.data_dir / init_cache.INIT_LOCK):
            key = init_cache.init_key(root.folder, self._facts(backend=backend))
            if not fresh and init_cache.is_initialized(root.data_dir, root.folder, key):
                return False
            init_cache.forget_init(root.data_dir)
            retry = not init_cache.is_fresh(root.data_dir)
            try:
                self._init(root, timeout, backend=backend)
            except TerraformError as error:
                if not retry or error.stopped or error.timed_out:
                    raise
                init_cache.wipe(root.data_dir)
                self._init(root, timeout, backend=backend)
            init_cache.remember_init(root.data_dir, root.folder, key)
            return True

    def plan(
        self,
        root: Root,
        *,
        out: Path,
        timeout: float | None,
        on_line: LineCallback | None = None,
        on_warning: LineCallback | None = None,
        destroy: bool = False,
        refresh_only: bool = False,
        replace: Sequence[str] = (),
        refresh: bool = True,
        targets: Sequence[str] = (),
    ) -> bool:
        """Write a plan file. Takes no state lock: the plan role is not allowed to write one.

        If it fails and ``out`` exists, Terraform saved an errored plan; ``show_json`` shows what it would have done.

        Args:
            root: an initialized root.
            out: plan file to write, mode 0600; an existing one is removed first.
            timeout: seconds; None: no limit.
            on_line: called with each line of output.
            on_warning: called when the time limit is near.
            destroy: plan to destroy everything.
            refresh_only: plan only the changes made outside Terraform.
            replace: addresses to replace.
            refresh: False plans from the state alone, without reading its resources from AWS. Data sources are read.
            targets: addresses that the plan is limited to, with what they depend on; empty: no limit.

        Returns:
            Whether the plan has changes.

        Raises:
            TerraformError: the plan failed, was stopped or timed out.
        """
        argv = self._command(
            "plan",
            input=False,
            no_color=IsFlagged,
            lock=False,
            detailed_exitcode=IsFlagged,
            destroy=IsFlagged if destroy else None,
            refresh_only=IsFlagged if refresh_only else None,
            replace=list(replace),
            refresh=None if refresh else False,
            target=list(targets),
            out=out.absolute(),
        )

        def run() -> ProcessResult:
            out.unlink(missing_ok=True)
            return self._runner.repeatable(
                root, argv, timeout, ok=(0, _HAS_CHANGES), on_line=on_line, on_warning=on_warning
            )

        outcome = run()
        if outcome.code == 1 and _wants_init(outcome):
            self.init(root, timeout=timeout, fresh=True)
            outcome = run()
        self._runner.expect(root, "plan", outcome, 0, _HAS_CHANGES)
        return outcome.code == _HAS_CHANGES

    def show_json(self, root: Root, plan: Path, to: Path, *, timeout: float | None = _SHOW_SECONDS) -> None:
        """Write a plan as JSON, mode 0600; ``to`` appears only when it is complete.

        Raises:
            TerraformError: Terraform cannot read the plan.
        """
        part = to.with_name(f".{to.name}.part")
        argv = self._command("show", str(plan.absolute()), json=IsFlagged, no_color=IsFlagged)
        outcome = self._runner.repeatable(root, argv, timeout, stdout=part, prepare=False)
        try:
            self._runner.expect(root, "show", outcome, 0)
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)

    def apply(
        self,
        root: Root,
        plan: Path,
        *,
        timeout: float | None,
        on_line: LineCallback | None = None,
        on_warning: LineCallback | None = None,
        lock_timeout: str = "0s",
        handles: Sequence[int] = (),
    ) -> None:
        """Apply a saved plan.

        Args:
            root: the root that the plan was made in.
            plan: the plan file.
            timeout: seconds until Terraform is asked to stop; None: no limit.
            on_line: called with each line of output.
            on_warning: called when the time limit is near.
            lock_timeout: how long to wait for the state lock, e.g. ``30s``.
            handles: file descriptors that Terraform inherits, for a plan that is one of them (``plan/sealed.py``).

        Raises:
            TerraformError: the apply failed, was stopped or timed out.
        """
        argv = self._command("apply", str(plan.absolute()), input=False, no_color=IsFlagged, lock_timeout=lock_timeout)
        outcome = self._runner.once(root, argv, timeout, on_line=on_line, on_warning=on_warning, handles=handles)
        errored = root.folder / "errored.tfstate"
        hint = f"Terraform could not save the state; keep {errored}, which contains it" if errored.exists() else None
        self._runner.expect(root, "apply", outcome, 0, hint=hint)

    def state_push(self, root: Root, file: Path, *, timeout: float | None, lock_timeout: str = "0s") -> None:
        """Save a state file as the root's state. Terraform refuses another lineage or an older serial.

        Args:
            root: an initialized root.
            file: the state.
            timeout: seconds until Terraform is asked to stop; None: no limit.
            lock_timeout: how long to wait for the state lock.

        Raises:
            TerraformError: Terraform could not save it.
        """
        argv = self._command("state push", str(file.absolute()), lock_timeout=lock_timeout)
        self._runner.expect(root, "state push", self._runner.run(root, argv, TaskKind.APPLY, timeout), 0)

    def state_move(self, root: Root, state: Path, source: str, target: str, *, to: Path | None = None) -> None:
        """Move an address within a state file, or to another one. Both are copies that nothing else uses.

        Args:
            root: an empty folder to work in.
            state: the state file.
            source: address of a resource, an instance or a module.
            target: its new address.
            to: another state file; created if missing.

        Raises:
            TerraformError: the address does not exist, or the target is taken.
        """
        argv = self._command(
            "state mv",
            source,
            target,
            lock=False,
            state=state.absolute(),
            state_out=to.absolute() if to else None,
            backup=state.with_suffix(".before").absolute(),
            backup_out=to.with_suffix(".before").absolute() if to else None,
        )
        self._runner.expect(root, "state mv", self._runner.run(root, argv, TaskKind.PLAN, _SHOW_SECONDS), 0)

    def validate(self, root: Root, *, timeout: float | None = _SHOW_SECONDS) -> tuple[Diagnostic, ...]:
        """Return what ``terraform validate`` finds in an initialized root, warnings included; needs no AWS.

        Raises:
            TerraformError: validate gave no usable output.
        """
        answer = root.data_dir / "orch.validate.json"
        argv = self._command("validate", json=IsFlagged, no_color=IsFlagged)
        outcome = self._runner.repeatable(root, argv, timeout, stdout=answer, output=answer)
        try:
            diagnostics = read_diagnostics(answer.read_bytes() if answer.exists() else b"")
            if diagnostics is None:
                self._runner.expect(root, "validate", outcome)
            return diagnostics or ()
        finally:
            answer.unlink(missing_ok=True)

    def providers_lock(
        self,
        root: Root,
        *,
        platforms: Sequence[str],
        mirror: Path | None = None,
        providers: Sequence[str] = (),
        timeout: float | None = None,
    ) -> None:
        """Write the checksums of providers into the root's lock file.

        Args:
            root: a root that requires the providers.
            platforms: e.g. ``linux_amd64``.
            mirror: filesystem mirror to read; None: each provider's registry.
            providers: source addresses; empty: all that the root requires.
            timeout: seconds; None: no limit.

        Raises:
            TerraformError: a package is missing, or the registry cannot be reached.
        """
        argv = self._command(
            "providers lock", *providers, fs_mirror=mirror.absolute() if mirror else None, platform=list(platforms)
        )
        outcome = self._runner.run(root, argv, TaskKind.PLAN, timeout, fetches=True)
        self._runner.expect(root, "providers lock", outcome, 0)

    def passthrough(self, root: Root, args: Sequence[str]) -> int:
        """Run any Terraform command with orch's terminal, for ``orch terraform UNIT -- …``.

        Ctrl-C reaches Terraform directly; orch waits for it to exit.

        Returns:
            Terraform's exit code; 128 + the signal number if a signal ended it.
        """
        return self._runner.in_foreground(root, args)

    def providers_of(self, unit: str) -> str:
        """Return how the providers of a unit ran: ``warm``, ``cold: REASON``, or empty if no command needed them."""
        return self.warm.use_of(unit) if self.warm is not None else ""

    def provider_checksums(self, lock_file: Path, data_dir: Path) -> Mapping[str, str]:
        """Return which providers a unit's commands ran, warm or cold: see `ProviderChecksums.of`.

        Args:
            lock_file: the lock file of its root.
            data_dir: its data folder.
        """
        if not lock_file.is_file():
            return {}
        text, providers = lock_file.read_text(encoding="utf-8"), data_dir / "providers"
        verified = self.warm.checksums(text, providers) if self.warm is not None else {}
        return self._checksums.of(text, providers, verified)

    def environment(self, root: Root) -> dict[str, str]:
        """Return the environment that a Terraform process gets in a root, without warm providers."""
        return self._runner.environment(root)

    def _init(self, root: Root, timeout: float | None, *, backend: bool) -> None:
        argv = self._command(
            "init",
            input=False,
            no_color=IsFlagged,
            backend=None if backend else False,
            # The data folder is a cache: only the root says where the state is. init never migrates a state.
            reconfigure=IsFlagged if backend else None,
        )
        if self._runner.warm_init(root, argv, timeout):
            return
        with init_cache.warming(self.plugin_cache, root.folder / LOCK_FILE):
            outcome = self._runner.run(root, argv, TaskKind.PLAN, timeout, fetches=True)
        self._runner.expect(root, "init", outcome, 0)

    def _facts(self, *, backend: bool) -> tuple[str, ...]:
        config = hashlib.sha256(self.cli_config.read_bytes()).hexdigest()
        return (self.binary.kind, self.binary.version, config, str(self.plugin_cache), str(backend))

    def _command(self, command: str, *args: str, **options: object) -> list[str]:
        built: list[str] = self._builder.generate_cmd_string(command, *args, **options)
        return built


def _wants_init(outcome: ProcessResult) -> bool:
    return not outcome.stopped and any(sign in line for line in outcome.lines for sign in _WANTS_INIT)
