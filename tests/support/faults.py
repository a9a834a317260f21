"""A small stage whose apply is disturbed: orch as a process, faults at its phases, and what is there in the end."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orchestrator.emulator.faults import Fault
from orchestrator.emulator.info import read_info
from orchestrator.run.history.runs import PastRun, past_runs
from tests.support.emulator import ENTRY_ROLE, Account, client, entry_client
from tests.support.project import REPOSITORY, Project, Result
from tests.support.states import States
from tests.support.terraform import alive

# A unit of it costs no provider, and nothing in it runs a program.
CRATE = {
    "variables.tf": 'variable "value" {\n  type    = any\n  default = null\n}\n',
    "main.tf": 'resource "terraform_data" "this" {\n  input = var.value\n}\n',
    "outputs.tf": (
        'output "id" {\n  value = terraform_data.this.id\n}\noutput "value" {\n  value = terraform_data.this.output\n}\n'
    ),
}
STACKS = {
    "first": "module: crate\ninputs: {value: one}\n",
    "second": "module: crate\ninputs: {value: {text: 'two ${{ first.value }}', from: '${{ first.id }}'}}\n",
    "alone": "module: crate\ninputs: {value: alone}\n",
}
UNITS = tuple(f"prod/{stack}" for stack in STACKS)
HOLD = 30.0
"""Seconds that a call is held up while a test does harm; the harm, or the end of the fault's scope, comes before."""

# Answers about every terraform_data, and takes its time while there is a file that says so.
SLOW_POLICY = '''\
"""Takes its time while there is a file ``slow-judge`` in the repository: for tests of what is interrupted then."""

import time
from pathlib import Path

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck


class Slow(BaseResourceCheck):
    def __init__(self):
        super().__init__(name="slow", id="TEST_SLOW", categories=[CheckCategories.GENERAL_SECURITY],
                         supported_resources=["terraform_data"], guideline="none")

    def scan_resource_conf(self, conf):
        flag = Path(__file__).resolve().parents[2] / "slow-judge"
        until = time.monotonic() + 30
        while flag.exists() and time.monotonic() < until:
            time.sleep(0.05)
        return CheckResult.PASSED


check = Slow()
'''

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def inject(folder: Path, scope: str, faults: Sequence[Fault]) -> None:
    """Replace the faults of a scope in a running emulator (see ``docs/emulator.md``).

    Args:
        folder: the emulator's folder.
        scope: any name that belongs to the caller alone.
        faults: the new faults; none ends the scope.
    """
    info = read_info(folder)
    assert info is not None, "no emulator is running"
    body = json.dumps({scope: [asdict(fault) for fault in faults]}).encode()
    connection = HTTPConnection(urlsplit(info.url).netloc)
    connection.request("POST", "/_orch/faults", body=body, headers={"X-Orch-Key": info.secret_key})
    assert connection.getresponse().status == 200
    connection.close()


class Disturbed:
    """A project on an emulator, and ways to disturb an apply of it.

    Args:
        root: an empty folder.
        emulator: the emulator's folder.
        account_id: of its one account.
        stacks: stack -> its file.
        modules: further files below ``modules/``.
    """

    def __init__(
        self,
        root: Path,
        emulator: Path,
        account_id: str,
        stacks: Mapping[str, str] = STACKS,
        modules: Mapping[str, str] | None = None,
    ) -> None:
        self.emulator = emulator
        self.account_id = account_id
        self.project = Project(root, emulator=emulator, accounts={"main": account_id})
        for name, text in CRATE.items():
            self.project.write(f"modules/crate/{name}", text)
        for name, text in (modules or {}).items():
            self.project.write(f"modules/{name}", text)
        for stack, text in stacks.items():
            self.project.write(f"live/stacks/{stack}.yaml", text)
        names = "".join(f"  {stack}:\n" for stack in stacks)
        self.project.write("live/stages/prod.yaml", f"account: main\nstacks:\n{names}")
        self.units = tuple(f"prod/{stack}" for stack in stacks)
        self.project.ready()

    @property
    def root(self) -> Path:
        """The repository."""
        return self.project.root

    @property
    def bucket(self) -> str:
        """The state bucket."""
        return f"t-{self.account_id}-tfstate"

    # Faults of AWS

    def inject(self, *faults: Fault) -> None:
        """Have requests of this account meet faults; none: all is well again."""
        inject(self.emulator, self.account_id, faults)

    def state_fault(self, operation: str, unit: str = "prod/first", **more: Any) -> Fault:
        """A fault of calls about a unit's state."""
        stage, stack = unit.split("/")
        return Fault(rf"^s3 {operation} {self.account_id} \S*/{stage}/{stack}/[^/]+/terraform\.tfstate ", **more)

    @contextmanager
    def faults(self, *faults: Fault) -> Iterator[None]:
        """Faults for a while."""
        self.inject(*faults)
        try:
            yield
        finally:
            self.inject()

    # orch

    def start(self, *arguments: str, **more: Any) -> Running:
        """orch in the background; its stderr goes to a file that tests wait on."""
        return Running(
            self, self.project.command(*(arguments or ("apply", "prod", "--yes", "--json", "-j", "1")), "-v"), **more
        )

    def apply(self, *, code: int | None = 0) -> Result:
        """A plain apply to its end."""
        return self.project.orch("apply", "prod", "--yes", "--json", "-j", "2", code=code)

    def resume(self, *run: str, code: int | None = 0) -> Result:
        """``orch apply --resume`` to its end."""
        return self.project.orch("apply", "--resume", *run, "--json", "-j", "2", code=code)

    def runs(self) -> list[PastRun]:
        """Every run that was to change something, the newest first."""
        return [each for each in past_runs(self.root / ".orch" / "runs") if each.applies]

    def recover(self, *, approved: bool) -> Result:
        """What a person does after a fault: resume, or apply where nothing had been approved; release a lock first.

        Args:
            approved: whether something had been: then it must be resumed, else it must not.
        """
        run = self.runs()[0].run
        result = self.resume(run, code=None)
        for unit in self.units:
            if f"orch unlock {unit}" in result.text:
                self.project.orch("unlock", unit, "--yes")
                result = self.resume(run, code=None)
        if approved:
            return result
        assert "ended before it was approved" in result.text or "not approved in run" in result.text, result.text
        return self.apply(code=None)

    # What is there in the end

    def s3(self) -> Any:
        """A client of S3 in the account."""
        return self.client("s3")

    def client(self, service: str) -> Any:
        """A client in the account, under the role that may do everything."""
        info = read_info(self.emulator)
        assert info is not None
        arn = f"arn:aws:iam::{self.account_id}:role/{ENTRY_ROLE}"
        keys = Account.enter(entry_client(info, "sts").assume_role(RoleArn=arn, RoleSessionName="test"))
        return client(info, service, keys)

    def final(self) -> dict[str, Any]:
        """Outputs and resources of every unit, without what differs from run to run: serial, lineage, random ids."""
        s3 = self.s3()
        found: dict[str, Any] = {}
        for unit in self.units:
            key = f"{unit}/eu-west-1/terraform.tfstate"
            try:
                text = s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()
            except s3.exceptions.NoSuchKey:
                found[unit] = None
                continue
            state = json.loads(_UUID.sub("UUID", text.replace(self.account_id, "ACCOUNT")))
            found[unit] = {name: state[name] for name in ("outputs", "resources")}
        return found

    def locks(self) -> list[str]:
        """Keys of the locks that there are."""
        pages = self.s3().get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [each["Key"] for page in pages for each in page.get("Contents", ()) if each["Key"].endswith(".tflock")]

    def assert_recorded(self) -> None:
        """The ledger has every unit's state as it is."""
        states = States(self.project)
        for unit in self.units:
            states.assert_recorded(unit)


@dataclass
class Running:
    """An orch in the background."""

    disturbed: Disturbed
    command: list[str]
    file_limit: int | None = None

    def __post_init__(self) -> None:
        self.errors = self.disturbed.root / ".orch" / f"stderr-{time.monotonic_ns()}"
        with self.errors.open("wb") as file:
            self.process = subprocess.Popen(
                self.command,
                stdout=subprocess.PIPE,
                stderr=file,
                stdin=subprocess.DEVNULL,
                text=True,
                cwd=REPOSITORY,
                env=self.disturbed.project.environment(),
                start_new_session=True,
            )

    @property
    def told(self) -> str:
        """What it has said so far on stderr."""
        return self.errors.read_text()

    def wait_for(self, words: str, *, seconds: float = 90.0) -> None:
        """Until it has said so."""
        wait(lambda: words in self.told or self.process.poll() is not None, seconds=seconds)
        assert words in self.told, f"it ended without {words!r}\n{self.told}"

    def children(self) -> list[int]:
        """Processes that it started and what those started."""
        return children_of(self.process.pid)

    def kill(self) -> None:
        """Kill orch alone: what it started goes on."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def kill_all(self) -> None:
        """Kill orch and all that it started, as when the machine is lost."""
        _kill([self.process.pid, *self.children()])
        self.process.communicate()

    def kill_children(self, name: str) -> None:
        """Kill what it started whose program is named so, as soon as it runs."""
        victims: list[int] = []

        def found() -> bool:
            victims[:] = [pid for pid in self.children() if name in program(pid)]
            return bool(victims)

        wait(found, seconds=30)
        _kill(victims)

    def limit_files(self, size: int) -> None:
        """From now on no file of its own may grow beyond a size, as on a full disk. What it starts inherits that."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def end(self, *, seconds: float = 180.0) -> Result:
        """Wait for its end."""
        out, _ = self.process.communicate(timeout=seconds)
        result = Result(self.process.returncode, out, self.told)
        assert "Traceback" not in result.text, result.text
        return result


def wait(true: Callable[[], bool], *, seconds: float) -> None:
    """Wait for something to become true."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def children_of(pid: int) -> list[int]:
    """Processes below one, Terraform's providers included."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    found: list[int] = []
    level: Sequence[int] = [pid]
    while level:
        level = [child for child, parent in parents.items() if parent in level]
        found.extend(level)
    return found


def program(pid: int) -> str:
    """The file that a process runs; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return ""


def working_in(root: Path) -> list[int]:
    """Processes whose working folder lies in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink().is_relative_to(root):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _kill(pids: Sequence[int]) -> None:
    """Kill processes, and wait until the system has closed their connections."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in pids:
        wait(lambda pid=pid: not _has_threads(pid), seconds=30)  # type: ignore[misc]


def _has_threads(pid: int) -> bool:
    """Whether a process, or a thread of it, still runs: the first thread can have ended before the others."""
    with suppress(OSError):
        return alive(pid) or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    return False
