"""orch move on boxes: every form, refused where it would lose something, and killed after every step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.emulator.faults import Fault
from tests.support.faults import inject
from tests.support.killed import KILLED, orch_killed_after
from tests.support.project import Project
from tests.support.states import States

pytestmark = pytest.mark.integration

STAGE = """\
account: main
stacks:
  first:
  second:     # reads the first
"""
FIRST = "module: box\ninputs: {value: one}\n"
SECOND = "module: box\ninputs: {value: 'after ${{ first.value }}'}\n"


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/old.yaml", STAGE)
    made.write("live/stacks/first.yaml", FIRST)
    made.write("live/stacks/second.yaml", SECOND)
    return made.ready()


def ids(project: Project, *units: str) -> list[str]:
    return [project.orch("output", unit, "id", "--raw").out for unit in units]


def test_a_stage_is_renamed_with_its_states_and_nothing_else_happens(project: Project) -> None:
    project.orch("apply", "old", "--yes")
    before = ids(project, "old/first", "old/second")
    files = {path: path.read_bytes() for path in (project.root / "live").rglob("*.yaml")}
    states = States(project)
    everything = states.snapshot()

    dry = project.orch("move", "old", "new", "--dry-run")
    for part in (
        "--- live/stages/old.yaml",
        "+++ live/stages/new.yaml",
        "+named: old",
        "new/first/eu-west-1/terraform.tfstate",
    ):
        assert part in dry.out, dry.out
    assert {path: path.read_bytes() for path in (project.root / "live").rglob("*.yaml")} == files
    assert states.snapshot() == everything, "a dry run writes nothing, and takes no lock"

    moved = project.orch("move", "old", "new", "--yes", "--json").json
    assert {unit["unit"]: unit["status"] for unit in moved["units"]} == {"new/first": "moved", "new/second": "moved"}
    assert moved["outcome"] == "done"
    assert ids(project, "new/first", "new/second") == before
    assert not (project.root / "live/stages/old.yaml").exists()
    assert (project.root / "live/stages/new.yaml").read_text().startswith("named: old")
    assert "# reads the first" in (project.root / "live/stages/new.yaml").read_text()
    project.orch("plan", "new", "--detailed-exitcode", code=0)

    assert states.resources("old/first") == 0
    assert states.resources("new/first") == 1
    assert states.locks() == []
    assert states.json("outputs/new/first/eu-west-1.json")["unit"] == "new/first"
    assert states.json("outputs/old/first/eu-west-1.json")["applied"] is False
    assert states.json("ledger/new/first/eu-west-1.json")["resources"] == 1
    assert states.json("ledger/old/first/eu-west-1.json")["resources"] == 0
    assert not list((project.root / ".orch" / "transfers").glob("*"))
    project.orch("verify", "main")
    left = [*(project.root / ".orch/runs").rglob("*.tfstate"), *(project.root / ".orch/transfers").rglob("*.tfstate")]
    assert not left, "no copy of a state stays on the disk"


@pytest.mark.full
def test_a_stack_is_renamed_in_all_stages_and_a_unit_in_one(project: Project) -> None:
    project.write("live/stages/more.yaml", "extends: old\n")
    project.orch("apply", "old", "more", "--yes")
    before = ids(project, "old/first", "more/first")
    project.orch("move", "first", "base", "--yes")
    assert ids(project, "old/base", "more/base") == before
    assert "${{ base.value }}" in (project.root / "live/stacks/second.yaml").read_text()
    project.orch("plan", "old", "more", "--detailed-exitcode", code=0)

    (second,) = ids(project, "more/second")
    project.write("live/stages/more.yaml", "account: main\nstacks: {base: , second: }\n")
    project.orch("plan", "more", "--detailed-exitcode", code=0)
    project.orch("move", "more/second", "more/last", "--yes")
    assert ids(project, "more/last") == [second]
    assert (project.root / "live/stacks/last.yaml").is_file()
    assert "last: {named: second}" in (project.root / "live/stages/more.yaml").read_text()
    project.orch("plan", "old", "more", "--detailed-exitcode", code=0)


def test_the_ledger_follows_a_move_that_failed_half_way(project: Project, emulator: Path) -> None:
    """The resources are in two states then, and nobody may ever run the command again."""
    project.write("live/stages/old.yaml", "account: main\nstacks:\n  first:\n")
    project.orch("apply", "old", "--yes")
    states = States(project)
    name = project.accounts["main"]
    refused = Fault(
        rf"s3 PutObject {name} /{states.bucket}/old/first/eu-west-1/terraform.tfstate(?!.tflock)", status=403
    )
    inject(emulator, f"move-{name}", [refused])
    try:
        project.orch("move", "old", "new", "--yes", code=1)
    finally:
        inject(emulator, f"move-{name}", [])
    assert states.resources("new/first") == states.resources("old/first") == 1
    assert states.json("ledger/new/first/eu-west-1.json")["resources"] == 1
    project.orch("move", "old", "new", "--yes")
    assert states.json("ledger/old/first/eu-west-1.json")["resources"] == 0


@pytest.mark.full
def test_where_live_has_the_new_name_already_only_the_states_move(project: Project) -> None:
    project.orch("apply", "old", "--yes")
    before = ids(project, "old/first", "old/second")
    (project.root / "live/stages/old.yaml").rename(project.root / "live/stages/new.yaml")
    project.orch("move", "old", "new", "--yes")
    assert ids(project, "new/first", "new/second") == before
    assert (project.root / "live/stages/new.yaml").read_text() == STAGE
    again = project.orch("move", "old", "new", "--yes")
    assert "new/first was already moved" in again.out
    assert "nothing to do" in again.out


def test_one_resource_moves_between_two_states(project: Project) -> None:
    project.orch("apply", "old", "--yes")
    (before,) = ids(project, "old/first")
    # The module of the first gives its box away; that of the second takes one more.
    main = (project.root / "modules/box/main.tf").read_text()
    taken = main + main.replace('"this"', '"more"')
    project.write(
        "modules/empty/main.tf",
        'variable "value" {\n  type    = any\n  default = null\n}\noutput "value" {\n  value = var.value\n}\n',
    )
    for file in ("variables.tf", "outputs.tf"):
        project.write(f"modules/two/{file}", (project.root / "modules/box" / file).read_text())
    project.write("modules/two/main.tf", taken.replace("var.value", '"one"'))
    project.write("live/stacks/first.yaml", FIRST.replace("box", "empty"))
    project.write("live/stacks/second.yaml", SECOND.replace("box", "two"))
    states = States(project)
    everything = states.snapshot()

    # Where the value of what is there would be replaced by the module's own, that is an update, which is listed.
    refused = project.orch("move", "old/first:terraform_data.this", "old/second:terraform_data.other", "--yes", code=3)
    assert "create terraform_data.more" in refused.out
    assert "delete terraform_data.other" in refused.out
    assert states.snapshot() == everything, "refused: nothing was written, and the locks are gone"

    moved = project.orch("move", "old/first:terraform_data.this", "old/second:terraform_data.more", "--yes")
    assert "moved" in moved.out
    assert states.addresses("old/first") == []
    assert states.addresses("old/second") == ["module.this.terraform_data.more", "module.this.terraform_data.this"]
    assert states.id_of("old/second", "more") == before
    assert states.locks() == []
    again = project.orch("move", "old/first:terraform_data.this", "old/second:terraform_data.more", "--yes")
    assert "already" in again.out


def test_a_move_that_would_replace_something_is_refused_and_nothing_is_written(project: Project) -> None:
    project.write("live/stacks/first.yaml", "module: box\ninputs: {replace_on: '${{ stage }}'}\n")
    project.write("live/stacks/second.yaml", "module: box\n")
    project.orch("apply", "old", "--yes")
    states = States(project)
    everything, live = states.snapshot(), (project.root / "live/stages/old.yaml").read_bytes()
    refused = project.orch("move", "old", "new", "--yes", "--json", code=3)
    units = refused.units()
    assert units["new/first"]["status"] == "blocked"
    assert "replace terraform_data.this" in units["new/first"]["cause"]
    assert states.snapshot() == everything
    assert (project.root / "live/stages/old.yaml").read_bytes() == live
    project.orch("plan", "old", "--detailed-exitcode", code=0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nothing", "new"), "no stage or stack is named 'nothing'"),
        (("first", "second"), "both stacks exist: 'first' and 'second'"),
        (("old/first", "new/first"), "are in different stages"),
        (("old/first@eu-west-1", "old/x"), "all of its regions"),
        (("old/first", "new"), "are of different kinds"),
        (("main", "other"), "an account cannot be renamed"),
        (("old/first:a.b", "old/x"), "must both be resources"),
        (("old/first:a.b", "old/first:a.c"), "moved: {a.b: a.c}"),
        (("old/first:a.b", "old/third:a.c"), "no unit matches 'old/third'"),
        (("old", "new"), "old has no state to move"),
    ],
)
def test_what_cannot_be_moved_is_told(project: Project, words: tuple[str, str], says: str) -> None:
    if says == "old has no state to move":
        (project.root / "live/stages/old.yaml").rename(project.root / "live/stages/new.yaml")
    result = project.orch("move", *words, "--yes", code=2)
    assert says in " ".join(result.err.split()), result.err


@pytest.mark.longest
@pytest.mark.parametrize("stride", [pytest.param(1, id="each", marks=pytest.mark.full), pytest.param(12, id="twelfth")])
def test_a_move_killed_after_any_step_comes_to_the_same_end_when_it_is_run_again(project: Project, stride: int) -> None:
    project.orch("apply", "old", "--yes")
    want = ids(project, "old/first", "old/second")
    states = States(project)
    names = ["old", "new"]
    step = 1 - stride
    while True:
        step += stride
        source, target = names
        killed = orch_killed_after(project, step, "move", source, target, "--yes")
        if killed.code == 0:
            break
        assert killed.code == KILLED, killed.text
        for stack in ("first", "second"):
            held = [states.resources(f"{name}/{stack}") for name in names]
            assert sum(held) >= 1, f"killed after step {step}: it is in no state"
        if not states.locks():  # Then nothing of it was begun, or all of it is done.
            moved = [states.resources(f"{target}/{stack}") for stack in ("first", "second")]
            assert moved in ([0, 0], [1, 1]), f"step {step}: {moved}"
        project.orch("move", source, target, "--yes")
        assert [states.resources(f"{source}/{s}") for s in ("first", "second")] == [0, 0], f"step {step}"
        assert [states.resources(f"{target}/{s}") for s in ("first", "second")] == [1, 1], f"step {step}"
        assert states.locks() == [], f"step {step}"
        assert sorted(path.name for path in (project.root / "live/stages").iterdir()) == [f"{target}.yaml"]
        assert not list((project.root / ".orch" / "transfers").glob("*"))
        names.reverse()
    assert step > 8, killed.text
    assert ids(project, f"{target}/first", f"{target}/second") == want
    project.orch("verify", "main")
    project.orch("plan", target, "--detailed-exitcode", code=0)
