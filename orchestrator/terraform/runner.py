"""Runs one Terraform command in a root: attached to warm providers if possible, and repeated cold if it must be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.terraform.environment import ChildSettings, child_env
from orchestrator.terraform.failures import failure
from orchestrator.terraform.process.foreground import run_in_foreground
from orchestrator.terraform.process.supervisor import Processes, ProcessResult, TaskKind
from orchestrator.terraform.root import Root
from orchestrator.terraform.setup.binary import Binary
from orchestrator.terraform.warm.providers import Attached, WarmProviders


class Runner:
    """Runs Terraform commands for `Terraform`; thread-safe. The arguments are those of `Terraform`."""

    def __init__(
        self,
        binary: Binary,
        processes: Processes,
        cli_config: Path,
        *,
        plugin_cache: Path,
        warm: WarmProviders | None,
        passed: Collection[str],
    ) -> None:
        self._binary = binary
        self._processes = processes
        # Beside the CLI configuration, because that folder is private and belongs to the run.
        self._settings = ChildSettings(
            cli_config, plugin_cache, home=cli_config.absolute().parent / "home", passed=passed
        )
        self._warm = warm

    def run(
        self,
        root: Root,
        argv: Sequence[str],
        kind: TaskKind,
        timeout: float | None,
        *,
        variables: Mapping[str, str] | None = None,
        fetches: bool = False,
        **more: Any,
    ) -> ProcessResult:
        """Run a command that needs no provider, or whose providers Terraform starts itself.

        Args:
            root: the root to run in.
            argv: program and arguments.
            kind: whether it can be stopped at any time.
            timeout: seconds; None: no limit.
            variables: added to the environment.
            fetches: as for `child_env`.
            **more: as `Processes.run`.
        """
        return self._processes.run(
            argv,
            unit=root.unit,
            cwd=root.folder,
            env={**self.environment(root, fetches=fetches), **(variables or {})},
            log=root.log,
            kind=kind,
            timeout=timeout,
            **more,
        )

    def repeatable(
        self,
        root: Root,
        argv: Sequence[str],
        timeout: float | None,
        *,
        ok: tuple[int, ...] = (0,),
        prepare: bool = True,
        output: Path | None = None,
        **more: Any,
    ) -> ProcessResult:
        """Run a command that changes nothing with warm providers; run it again cold if the proxy could be at fault.

        Args:
            root: the root to run in.
            argv: program and arguments.
            timeout: seconds; None: no limit.
            ok: exit codes of success.
            prepare: the command configures providers, so start them while Terraform starts.
            output: file with further output, which the decision to run again reads.
            **more: as `Processes.run`.
        """
        attached = self._attach(root, prepare=prepare)
        if self._warm is None or attached is None:
            return self.run(root, argv, TaskKind.PLAN, timeout, **more)
        lines: tuple[str, ...] = ()
        normal = False
        reason = ""
        try:
            outcome = self.run(root, argv, TaskKind.PLAN, timeout, variables=attached.variables, **more)
            normal = outcome.code in ok
            lines = (*outcome.lines, *_lines(output)) if not normal else ()
        finally:
            reason = self._warm.detach(root, attached, lines, normal=normal)
        if not reason or outcome.stopped or outcome.timed_out:
            return outcome
        self._warm.note_cold(root.unit, reason)
        return self.run(root, argv, TaskKind.PLAN, timeout, **more)

    def once(self, root: Root, argv: Sequence[str], timeout: float | None, **more: Any) -> ProcessResult:
        """Run an apply, with warm providers if possible; whatever happens, it is not run again.

        Args:
            root: the root to run in.
            argv: program and arguments.
            timeout: seconds; None: no limit.
            **more: as `Processes.run`.
        """
        attached = self._attach(root, prepare=True)
        if self._warm is None or attached is None:
            return self.run(root, argv, TaskKind.APPLY, timeout, **more)
        normal = False
        try:
            outcome = self.run(root, argv, TaskKind.APPLY, timeout, variables=attached.variables, **more)
            normal = outcome.code == 0
        finally:
            self._warm.detach(root, attached, (), normal=normal)
        return outcome

    def warm_init(self, root: Root, argv: Sequence[str], timeout: float | None) -> bool:
        """Run ``terraform init`` without installing the providers that are here; return whether that was enough."""
        if self._warm is None:
            return False
        packages = self._warm.attachable(root, self.environment(root))
        if not packages:
            return False
        variables = self._warm.init_variables(packages)
        outcome = self.run(root, argv, TaskKind.PLAN, timeout, variables=variables, fetches=True)
        if outcome.stopped or outcome.timed_out or outcome.code < 0:  # Whoever killed it meant the command.
            self.expect(root, "init", outcome, 0)
        return outcome.code == 0 and not self._warm.finish_init(root, packages)

    def in_foreground(self, root: Root, args: Sequence[str]) -> int:
        """Run a command with orch's terminal; return its exit code, or 128 + the number of the signal that ended it."""
        argv = [str(self._binary.path), *args]
        environment = self.environment(root)
        # Its output goes to the terminal, so it cannot be repeated cold: it gets the whole schema.
        attached = self._warm and self._warm.attach(root, environment, prepare=False, whole=True)
        if self._warm is None or not isinstance(attached, Attached):
            return run_in_foreground(argv, cwd=root.folder, env=environment)
        code = 1
        try:
            code = run_in_foreground(argv, cwd=root.folder, env={**environment, **attached.variables})
        finally:
            self._warm.detach(root, attached, (), normal=code == 0)
        return code

    def expect(self, root: Root, command: str, outcome: ProcessResult, *codes: int, hint: str | None = None) -> None:
        """Raise unless a command ended with one of these exit codes.

        Raises:
            TerraformError: it did not.
        """
        if outcome.code not in codes:
            raise failure(
                root.unit,
                f"{self._binary.kind} {command}",
                code=outcome.code,
                lines=outcome.lines,
                stopped=outcome.stopped,
                timed_out=outcome.timed_out,
                hint=hint or f"full output: {root.log}",
            )

    def environment(self, root: Root, *, fetches: bool = False) -> dict[str, str]:
        """Return the environment of a Terraform process. ``fetches``: as for `child_env`."""
        self._settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return child_env(root.env, self._settings, data_dir=root.data_dir.absolute(), fetches=fetches)

    def _attach(self, root: Root, *, prepare: bool) -> Attached | None:
        if self._warm is None:
            return None
        return self._warm.attach(root, self.environment(root), prepare=prepare)


def _lines(output: Path | None) -> tuple[str, ...]:
    with suppress(OSError):
        return tuple(output.read_text(encoding="utf-8", errors="replace").splitlines()) if output else ()
    return ()
