"""A run on a Dask cluster of worker processes, with TLS, ends like a run on threads, also when workers die."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.locks import StateLocks
from orchestrator.config.load import load
from orchestrator.emulator.info import read_info
from tests.support.emulator import Account, client, entry_client
from tests.support.project import ALL_ROLES, REPOSITORY, Project, Result

pytest.importorskip("distributed")

from tests.support.cluster import DaskCluster

pytestmark = pytest.mark.integration

STACKS = {
    "base": "module: box\ninputs: {value: [1, {deep: true}]}\n",
    "empty": "module: box\n",
    "left": "module: box\ninputs: {value: '${{ base.id }}'}\n",
    "right": "module: box\ninputs: {value: {base: '${{ base.value }}', empty: '${{ empty.value }}'}}\n",
}
HELD = "module: tool\ninputs: {{value: {value}, replace_on: {value}, run: '{run}'}}\n"
UNITS = ["prod/base", "prod/empty", "prod/held", "prod/left", "prod/right"]
PREFIX = "team/platform"
_VOLATILE = {"run", "seconds", "worker", "log", "time", "timestamp"}


def make(root: Path, emulator: Path, account_id: str, *, go: Path) -> Project:
    """A stage with three boxes, and a unit whose apply waits until the file ``go`` is there."""
    made = Project(root, emulator=emulator, accounts={"main": account_id})
    stacks = ", ".join(f"{name}: " for name in (*STACKS, "held"))
    made.write("live/stages/prod.yaml", f"account: main\nstacks: {{{stacks}}}\n")
    for name, text in STACKS.items():
        made.write(f"live/stacks/{name}.yaml", text)
    made.write("live/stacks/held.yaml", HELD.format(value="one", run=f"while [ ! -e {go} ]; do sleep 0.1; done"))
    made.allow("prod/held")
    orch_yaml = root / "live/orch.yaml"
    orch_yaml.write_text(orch_yaml.read_text().replace("tfstate\n", f"tfstate\n  prefix: {PREFIX}\n"))
    return made.ready()


@pytest.fixture
def go(tmp_path: Path) -> Path:
    return tmp_path / "go"


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str], go: Path) -> Project:
    return make(tmp_path / "repo", emulator, account_ids(), go=go)


@pytest.fixture
def cluster(tmp_path: Path, project: Project) -> Iterator[DaskCluster]:
    with DaskCluster(tmp_path / "cluster", 3, environment(tmp_path, project)) as made:
        yield made


@pytest.fixture
def pair(tmp_path: Path, project: Project) -> Iterator[DaskCluster]:
    """A cluster of two workers, of which each costs three seconds of CPU; where none dies they do."""
    with DaskCluster(tmp_path / "cluster", 2, environment(tmp_path, project)) as made:
        yield made


def environment(tmp_path: Path, project: Project) -> dict[str, str]:
    return project.environment(ORCH_CACHE=str(tmp_path / "cache"))


def remote(project: Project, cluster: DaskCluster, *arguments: str, code: int | None = 0) -> Result:
    given = (*arguments, "--executor", "dask", "--scheduler", cluster.address)
    return project.orch(*given, code=code, **cluster.certificates)


def start(project: Project, cluster: DaskCluster, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        project.command(*arguments, "--executor", "dask", "--scheduler", cluster.address),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=REPOSITORY,
        env=project.environment(**cluster.certificates),
    )


def newest(project: Project) -> Path:
    """The folder of the newest run; one that is not there while no run has begun."""
    return max((project.root / ".orch" / "runs").glob("*"), default=project.root / "none")


def events(project: Project, name: str, unit: str) -> list[dict[str, Any]]:
    journal = newest(project) / "journal.jsonl"
    records = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
    return [each for each in records if each["event"] == name and each.get("unit") == unit]


def until(happened: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def comparable(value: Any) -> Any:
    """JSON without what differs from run to run: times, ids that Terraform makes, workers."""
    if isinstance(value, Mapping):
        return {key: comparable(each) for key, each in value.items() if key not in _VOLATILE}
    return [comparable(each) for each in value] if isinstance(value, list) else value


def plans(project: Project) -> dict[str, Any]:
    folder = newest(project) / "plans"
    return {path.name: comparable(json.loads(path.read_bytes())) for path in sorted(folder.rglob("*.json"))}


def stored_keys(project: Project) -> set[str]:
    """Every key that ever was in the state bucket, whole."""
    info = read_info(project.root / ".orch" / "emulator")
    assert info is not None
    arn = f"arn:aws:iam::{project.accounts['main']}:role/{ALL_ROLES}"
    s3 = client(info, "s3", Account.enter(entry_client(info, "sts").assume_role(RoleArn=arn, RoleSessionName="test")))
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=f"t-{project.accounts['main']}-tfstate")
    return {each["Key"] for page in pages for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, ())}


@pytest.fixture
def twin(tmp_path: Path, emulator: Path, project: Project, go: Path) -> Project:
    """A second copy of the repository, for runs on threads."""
    return make(tmp_path / "twin", emulator, project.accounts["main"], go=go)


@pytest.mark.longest
def test_a_run_on_a_cluster_is_that_of_threads(
    tmp_path: Path, twin: Project, project: Project, pair: DaskCluster, go: Path
) -> None:
    go.touch()
    here = twin.orch("plan", "prod", "--json")
    plans_here = plans(twin)
    there = remote(project, pair, "plan", "prod", "--json")
    assert comparable(there.json) == comparable(here.json)
    assert plans(project) == plans_here
    workers = {unit["worker"] for unit in there.units().values()}
    assert all("@" in worker for worker in workers), workers
    assert {unit["worker"] for unit in here.units().values()} == {""}
    assert (project.root / ".orch/units/prod/base/eu-west-1/main.tf").is_file(), "the copy for people"

    applied = remote(project, pair, "apply", "prod", "--yes", "--json").units()
    assert {each["status"] for each in applied.values()} == {"applied"}
    run = newest(project).name
    shown = project.orch("show", run).out
    assert "worker" in shown
    assert applied["prod/base"]["worker"] in shown
    twin.orch("plan", "prod", "--detailed-exitcode", code=0)
    assert twin.orch("output", "prod/right", "value").json == {"base": [1, {"deep": True}], "empty": None}
    alone = remote(project, pair, "plan", "prod/right", "--json").units()["prod/right"]
    assert alone["status"] == "unchanged", "what a worker published says that the output is null"
    remote(project, pair, "drift", "prod", "--detailed-exitcode")
    assert "without a receipt" not in project.orch("verify", "main").out
    destroyed = remote(project, pair, "destroy", "prod", "--yes", "--json").units()
    assert {each["status"] for each in destroyed.values()} == {"destroyed"}
    assert not list((tmp_path / "cache" / "work").iterdir()), "the workers keep nothing of a run that ended"
    assert all(key.startswith(f"{PREFIX}/") for key in stored_keys(project)), stored_keys(project)
    assert {key.split("/")[2] for key in stored_keys(project)} >= {"work", "claims", "prod"}


@pytest.mark.full
def test_a_worker_that_dies_while_it_plans_is_replaced(project: Project, cluster: DaskCluster, go: Path) -> None:
    go.touch()
    running = start(project, cluster, "plan", "prod", "--json", "-v")
    until(lambda: any(map(cluster.works, cluster.workers)), "no worker plans")
    victim = next(name for name in cluster.workers if cluster.works(name))
    cluster.kill(victim, with_children=True)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, out + err
    units = {unit["unit"]: unit for unit in json.loads(out)["units"]}
    assert sorted(units) == UNITS
    assert {unit["status"] for unit in units.values()} == {"planned"}
    assert not any(unit["worker"].startswith(f"{victim}@") for unit in units.values()), "the others did it"


@pytest.mark.full
def test_a_worker_that_dies_while_it_applies_leaves_an_unknown_unit(
    project: Project, cluster: DaskCluster, go: Path
) -> None:
    project.write("live/stages/prod.yaml", "account: main\nstacks: {held: , after: }\n")
    project.write("live/stacks/after.yaml", "module: box\ninputs: {value: '${{ held.value }}'}\n")
    running = start(project, cluster, "apply", "prod", "--yes", "--json")
    until(lambda: events(project, "claimed", "prod/held"), "nobody claims it")
    worker = events(project, "claimed", "prod/held")[0]["worker"].split("@")[0]
    until(lambda: locked(project), "its state is not locked")
    cluster.kill(worker, with_children=True)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 1, out + err
    units = {unit["unit"]: unit for unit in json.loads(out)["units"]}
    held = units["prod/held"]
    assert held["status"] == "unknown"
    assert held["worker"].startswith(worker)
    run = newest(project).name
    process = f"its process is unknown, of run {run}"
    for part in (worker, "nobody knows how it ended", "locked by", process, f"orch apply --resume {run}"):
        assert part in held["cause"], held["cause"]
    assert units["prod/after"]["status"] == "skipped"
    assert len(events(project, "claimed", "prod/held")) == 1, "it was begun once"
    assert not events(project, "apply-ended", "prod/held")
    (row,) = (each for each in project.orch("runs", "--json").json["rows"] if each["run"] == run)
    assert row["outcome"] == "unknown"

    go.touch()
    stopped = remote(project, cluster, "apply", "--resume", run, "--json", code=1).units()
    assert "the state is locked by" in stopped["prod/held"]["cause"]
    project.orch("unlock", "prod/held", "--yes")
    resumed = remote(project, cluster, "apply", "--resume", run, "--json").units()
    assert {each["status"] for each in resumed.values()} == {"applied"}
    project.orch("plan", "prod", "--detailed-exitcode", code=0)


def locked(project: Project) -> bool:
    catalogue = load(project.root)
    identities = Identities(catalogue, read_info(project.root / ".orch" / "emulator"))
    return StateLocks(catalogue, identities).read(catalogue.units["prod/held"]) is not None


@pytest.mark.full
def test_without_its_scheduler_a_run_ends_and_is_resumed(project: Project, cluster: DaskCluster, go: Path) -> None:
    running = start(project, cluster, "apply", "prod/held", "--yes", "--json")
    until(lambda: events(project, "claimed", "prod/held"), "nobody claims it")
    cluster.kill_scheduler()
    out, err = running.communicate(timeout=120)
    assert "the connection to the scheduler was lost" in err.lower()
    (unit,) = json.loads(out)["units"]
    assert unit["status"] == "unknown"
    go.touch()  # The worker finishes its apply, although its scheduler is gone.
    until(lambda: not locked(project), "the apply does not end")
    resumed = project.orch("apply", "--resume", "--json").units()
    assert resumed["prod/held"]["status"] in {"unchanged", "applied"}
    project.orch("plan", "prod/held", "--detailed-exitcode", code=0)


@pytest.mark.full
def test_ctrl_c_lets_an_apply_on_a_worker_finish(project: Project, cluster: DaskCluster, go: Path) -> None:
    project.write("live/stages/prod.yaml", "account: main\nstacks: {held: , after: }\n")
    project.write("live/stacks/after.yaml", "module: box\ninputs: {value: '${{ held.value }}'}\n")
    running = start(project, cluster, "apply", "prod", "--yes", "--json")
    until(lambda: locked(project), "nobody applies it")
    running.send_signal(signal.SIGINT)
    until(lambda: (newest(project) / "journal.jsonl").read_text().count('"interrupted"'), "it was not interrupted")
    go.touch()
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, out + err
    units = {unit["unit"]: unit["status"] for unit in json.loads(out)["units"]}
    assert units == {"prod/held": "applied", "prod/after": "interrupted"}, out + err
    assert "prod/held will finish" in err


@pytest.mark.full
def test_a_worker_that_is_asked_to_end_finishes_its_apply_first(
    project: Project, cluster: DaskCluster, go: Path
) -> None:
    running = start(project, cluster, "apply", "prod/held", "--yes", "--json")
    until(lambda: locked(project), "nobody applies it")
    worker = events(project, "claimed", "prod/held")[0]["worker"].split("@")[0]
    process = cluster.workers[worker]
    process.terminate()
    time.sleep(2)
    assert process.poll() is None, "it waits for its apply"
    assert locked(project)
    go.touch()
    out, err = running.communicate(timeout=90)
    assert json.loads(out)["units"][0]["status"] == "unknown", out + err
    until(lambda: process.poll() is not None, "it does not end")
    assert not locked(project)
    project.orch("plan", "prod/held", "--detailed-exitcode", code=0)


def test_stored_plans_are_applied_on_workers(project: Project, cluster: DaskCluster) -> None:
    remote(project, cluster, "plan", "prod/base", "--store", "s3", "-q")
    told = remote(project, cluster, "apply", "prod/base", "--approved", "--yes", "--json", code=None)
    assert told.code == 0, told.out + told.err
    assert [each["as_approved"] for each in told.json["approved"]["units"]] == [True]
