from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.failures import TerraformError
from orchestrator.terraform.model import Action
from orchestrator.terraform.plan.reader import empty_plan, read_plan
from orchestrator.terraform.process.supervisor import Processes, TaskKind
from orchestrator.terraform.state.reader import read_state
from tests.support.terraform import alive, clean_env, make_root, make_terraform, wait_until

pytestmark = pytest.mark.integration

MAIN = """
variable "x" {
  type    = string
  default = "a"
}
resource "terraform_data" "a" {
  input = var.x
}
output "x" {
  value = terraform_data.a.output
}
"""

SLOW = """
resource "terraform_data" "slow" {
  input = "x"
  provisioner "local-exec" {
    command = "touch begun; until [ -e go ]; do sleep 0.05; done"
  }
}
"""


@pytest.fixture
def terraform(tmp_path: Path) -> Terraform:
    return make_terraform(tmp_path)


def inits(root: Root) -> int:
    """How many times init really ran, by the log."""
    return root.log.read_text().count(" init -input=false") if root.log.exists() else 0


def planned(terraform: Terraform, root: Root) -> Path:
    plan = root.folder / "plan"
    terraform.init(root, timeout=60)
    assert terraform.plan(root, out=plan, timeout=60)
    return plan


def state(root: Root) -> bytes:
    return (root.folder / "terraform.tfstate").read_bytes()


def test_init_plan_show_apply_and_an_empty_second_plan(terraform: Terraform, tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", {"main.tf": MAIN})
    lines: list[str] = []
    plan, shown = root.folder / "plan", root.folder / "plan.json"

    assert terraform.init(root, timeout=60)
    assert terraform.plan(root, out=plan, timeout=60, on_line=lines.append)
    assert any("terraform_data.a will be created" in line for line in lines)
    terraform.show_json(root, plan, shown)
    record = read_plan(plan, shown)
    assert [(change.address, change.action) for change in record.changes] == [("terraform_data.a", Action.CREATE)]
    assert record.outputs["x"].after_unknown is True
    assert {path.name: path.stat().st_mode & 0o777 for path in (plan, shown, root.log)} == {
        "plan": 0o600,
        "plan.json": 0o600,
        "unit.log": 0o600,
    }

    terraform.apply(root, plan, timeout=60, lock_timeout="5s")
    assert read_state(state(root)).addresses == ("terraform_data.a",)
    assert not terraform.plan(root, out=plan, timeout=60)
    assert empty_plan(plan).empty
    assert not list(root.folder.glob(".*.part"))


def test_destroy_and_replace_plans(terraform: Terraform, tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", {"main.tf": MAIN})
    terraform.apply(root, planned(terraform, root), timeout=60)
    plan, shown = root.folder / "plan", root.folder / "plan.json"
    for more, action in (({"destroy": True}, Action.DELETE), ({"replace": ["terraform_data.a"]}, Action.REPLACE)):
        assert terraform.plan(root, out=plan, timeout=60, **more)
        terraform.show_json(root, plan, shown)
        assert [change.action for change in read_plan(plan, shown).changes] == [action]


def test_the_users_variables_change_nothing(terraform: Terraform, tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", {"main.tf": MAIN})
    hostile = {"TF_VAR_x": "b", "TF_CLI_ARGS_plan": "-destroy", "TF_CLI_ARGS": "-no-such-flag", "TF_WORKSPACE": "w"}
    root = Root(root.unit, root.folder, root.data_dir, clean_env(**hostile), root.log)
    terraform.apply(root, planned(terraform, root), timeout=60)
    assert read_state(state(root)).outputs["x"].value == "a"


def test_a_failed_plan_carries_terraforms_words_and_leaves_no_old_plan(terraform: Terraform, tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", {"main.tf": MAIN})
    plan = planned(terraform, root)
    (root.folder / "main.tf").write_text(MAIN + '\nresource "terraform_data" "b" {\n  input = nowhere.x\n}\n')
    with pytest.raises(TerraformError) as caught:
        terraform.plan(root, out=plan, timeout=60)
    assert caught.value.first_line == "Reference to undeclared resource"
    assert caught.value.block.startswith("Error: Reference to undeclared resource\n")
    assert "on main.tf line" in caught.value.block
    assert not plan.exists()


def test_an_errored_plan_is_kept_and_shows_what_it_would_have_done(terraform: Terraform, tmp_path: Path) -> None:
    kept = MAIN.replace("input = var.x", "input = var.x\n  lifecycle {\n    prevent_destroy = true\n  }")
    root = make_root(tmp_path / "root", {"main.tf": kept})
    terraform.apply(root, planned(terraform, root), timeout=60)
    plan, shown = root.folder / "plan", root.folder / "plan.json"
    with pytest.raises(TerraformError, match="Instance cannot be destroyed"):
        terraform.plan(root, out=plan, timeout=60, destroy=True)
    terraform.show_json(root, plan, shown)
    record = read_plan(plan, shown)
    assert record.errored
    assert [change.action for change in record.changes] == [Action.DELETE]


def test_a_stale_plan_is_terraforms_error(terraform: Terraform, tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", {"main.tf": MAIN})
    plan = planned(terraform, root)
    terraform.apply(root, plan, timeout=60)
    with pytest.raises(TerraformError) as caught:
        terraform.apply(root, plan, timeout=60)
    assert caught.value.first_line == "Saved plan is stale"


def test_validate_names_file_and_line(terraform: Terraform, tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", {"main.tf": MAIN})
    terraform.init(root, timeout=60, backend=False)
    assert terraform.validate(root) == ()
    (root.folder / "bad.tf").write_text('output "y" {\n  value = var.none\n}\n')
    (finding,) = terraform.validate(root)
    assert (finding.severity, finding.file, finding.line) == ("error", "bad.tf", 2)
    assert finding.summary == "Reference to undeclared input variable"


MODULES = {
    "main.tf": 'module "this" {\n  source = "./modules/a"\n}\n',
    "modules/a/main.tf": 'module "b" {\n  source = "../b"\n}\n',
    "modules/b/main.tf": 'resource "terraform_data" "x" {}\n',
}


def test_init_is_skipped_until_something_it_depends_on_changes(terraform: Terraform, tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = make_root(tmp_path / "one", MODULES, data=data)
    assert terraform.init(first, timeout=60)
    assert not terraform.init(first, timeout=60)

    # The next run has a folder of its own and the same data folder.
    second = make_root(tmp_path / "two", MODULES, data=data)
    assert not terraform.init(second, timeout=60)
    assert terraform.plan(second, out=second.folder / "plan", timeout=60)
    assert inits(second) == 0

    (second.folder / "modules/b/main.tf").write_text('resource "terraform_data" "x" {\n  input = 1\n}\n')
    assert not terraform.init(second, timeout=60)
    (second.folder / "modules/a/main.tf").write_text('module "c" {\n  source = "../b"\n}\n')
    assert terraform.init(second, timeout=60)
    assert terraform.plan(second, out=second.folder / "plan", timeout=60)


@pytest.mark.parametrize("damage", ["manifest", "empty", "gone"])
def test_a_broken_data_folder_comes_back(terraform: Terraform, tmp_path: Path, damage: str) -> None:
    root = make_root(tmp_path / "root", MODULES)
    terraform.init(root, timeout=60)
    manifest = root.data_dir / "modules" / "modules.json"
    match damage:
        case "manifest":
            manifest.write_text('{"Modules": "what"}')
        case "empty":
            manifest.write_text("")
        case "gone":
            manifest.unlink()
    terraform.init(root, timeout=60)
    assert terraform.plan(root, out=root.folder / "plan", timeout=60)
    assert len(json.loads(manifest.read_text())["Modules"]) == 3


def test_a_broken_backend_record_comes_back(terraform: Terraform, tmp_path: Path) -> None:
    local = 'terraform {\n  backend "local" {}\n}\n'
    root = make_root(tmp_path / "root", {"main.tf": local + MAIN})
    terraform.init(root, timeout=60)
    (root.data_dir / "terraform.tfstate").write_text("{broken")
    assert terraform.init(root, timeout=60)
    assert inits(root) == 3, "once, then with the broken folder, then with an empty one"
    assert terraform.plan(root, out=root.folder / "plan", timeout=60)


def test_a_root_that_cannot_be_initialised_says_why(terraform: Terraform, tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", {"main.tf": 'module "this" {\n  source = "./modules/none"\n}\n'})
    with pytest.raises(TerraformError, match="init failed: Unreadable module directory"):
        terraform.init(root, timeout=60)
    assert inits(root) == 1


def test_inits_of_one_data_folder_do_not_meet(terraform: Terraform, tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", MODULES)
    ran: list[bool] = []
    threads = [threading.Thread(target=lambda: ran.append(terraform.init(root, timeout=60))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ran) == [False, False, False, True]


def start(work: Callable[[], object]) -> Callable[[], BaseException | None]:
    """Work in a thread; the answer waits for its end and gives what it raised."""
    raised: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()

    def result() -> BaseException | None:
        thread.join(timeout=60)
        assert not thread.is_alive()
        return raised[0] if raised else None

    return result


def slow_apply(
    terraform: Terraform, tmp_path: Path, *, timeout: float = 60
) -> tuple[Root, Callable[[], BaseException | None]]:
    root = make_root(tmp_path / "root", {"main.tf": SLOW})
    plan = planned(terraform, root)
    result = start(lambda: terraform.apply(root, plan, timeout=timeout))
    wait_until((root.folder / "begun").exists)
    return root, result


def instances(root: Root) -> list[dict[str, object]]:
    return [each for resource in json.loads(state(root))["resources"] for each in resource["instances"]]


def test_the_first_interrupt_lets_an_apply_finish(terraform: Terraform, tmp_path: Path) -> None:
    root, result = slow_apply(terraform, tmp_path)
    assert terraform.processes.interrupt_plans() == ()
    assert terraform.processes.in_flight() == {"test/unit": "apply"}
    (root.folder / "go").touch()
    assert result() is None
    assert [each.get("status") for each in instances(root)] == [None], "created, and not tainted"
    assert not list(root.folder.glob(".*.lock.info"))


def test_asked_to_stop_terraform_taints_writes_its_state_and_frees_its_lock(
    terraform: Terraform, tmp_path: Path
) -> None:
    root, result = slow_apply(terraform, tmp_path)
    terraform.processes.ask_stop()
    error = result()
    assert isinstance(error, TerraformError)
    assert error.stopped
    assert [each.get("status") for each in instances(root)] == ["tainted"]
    assert not list(root.folder.glob(".*.lock.info"))


def test_a_time_limit_counts_as_asking_to_stop(terraform: Terraform, tmp_path: Path) -> None:
    root, result = slow_apply(terraform, tmp_path, timeout=1.5)
    error = result()
    assert isinstance(error, TerraformError)
    assert (error.timed_out, error.stopped) == (True, False)
    assert [each.get("status") for each in instances(root)] == ["tainted"]


def test_a_kill_leaves_no_process(terraform: Terraform, tmp_path: Path) -> None:
    root, result = slow_apply(terraform, tmp_path)
    children = [int(line) for line in subprocess.check_output(["pgrep", "-f", "until .* -e go"], text=True).split()]
    children = [pid for pid in children if Path(f"/proc/{pid}/cwd").readlink() == root.folder]
    assert children
    terraform.processes.kill()
    error = result()
    assert isinstance(error, TerraformError)
    assert error.code == -signal.SIGKILL
    wait_until(lambda: not any(alive(pid) for pid in children))


def test_a_plan_is_stopped_and_nothing_starts_after_it(tmp_path: Path) -> None:
    processes = Processes(grace={TaskKind.PLAN: 0.5, TaskKind.APPLY: 60})
    door = make_terraform(tmp_path, processes=processes)
    # Terraform waits for somebody to write into the pipe, also when it is asked to stop.
    root = make_root(tmp_path / "root", {"main.tf": 'output "x" {\n  value = file("pipe")\n}\n'})
    os.mkfifo(root.folder / "pipe")
    door.init(root, timeout=60)
    result = start(lambda: door.plan(root, out=root.folder / "plan", timeout=60))
    wait_until(lambda: bool(processes.in_flight()))
    assert processes.interrupt_plans() == ("test/unit",)
    error = result()
    assert isinstance(error, TerraformError)
    assert error.stopped
    with pytest.raises(TerraformError, match="was stopped"):
        door.plan(root, out=root.folder / "plan", timeout=60)
    assert inits(root) == 1, "an interrupted plan is no reason for another init"


def test_an_apply_outlives_its_orch(tmp_path: Path) -> None:
    """A killed orch must not break an apply: it ends, writes its state and frees its lock."""
    door = make_terraform(tmp_path)
    root = make_root(tmp_path / "root", {"main.tf": SLOW})
    plan = planned(door, root)
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.support.terraform import *\n"
        "base = Path(sys.argv[1])\n"
        "make_terraform(base).apply(make_root(base / 'root', {}), Path(sys.argv[2]), timeout=60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(plan)]) as orch:
        wait_until((root.folder / "begun").exists)
        orch.kill()
    (root.folder / "go").touch()
    wait_until(lambda: "Apply complete!" in root.log.read_text())
    assert [each.get("status") for each in instances(root)] == [None]
    wait_until(lambda: not list(root.folder.glob(".*.lock.info")))


def test_passthrough_has_the_terminal_and_gives_the_code(tmp_path: Path) -> None:
    door = make_terraform(tmp_path)
    root = make_root(tmp_path / "root", {"main.tf": MAIN})
    door.apply(root, planned(door, root), timeout=60)
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.support.terraform import *\n"
        "base = Path(sys.argv[1])\n"
        "sys.exit(make_terraform(base).passthrough(make_root(base / 'root', {}), sys.argv[2:]))\n"
    )

    def passed(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, str(tmp_path), *args]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)

    assert passed("output", "-raw", "x").stdout == "a"
    assert passed("console", stdin="1 + 1\n").stdout.strip() == "2"
    assert passed("no-such-command").returncode == 1
