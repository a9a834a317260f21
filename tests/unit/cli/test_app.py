"""The command line as a process: commands that need neither Terraform nor AWS, their tables, JSON and errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.cli.command_table import COMMANDS, CommandEntry, load_command
from tests.support.project import REPOSITORY, Project, Result


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"production": "111111111111", "bpm": "333333333333"})
    made.write("live/stages/prod.yaml", "account: production\nstacks: {first: , second: }\n")
    made.write("live/stages/bpm-prod.yaml", "account: bpm\nstacks: {first: }\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    made.write("live/stacks/second.yaml", "module: box\ninputs: {value: 'x-${{ first.id }}'}\n")
    return made


def test_list_shows_every_unit_in_order_and_as_json(project: Project) -> None:
    shown = project.orch("list").out.splitlines()
    assert [line.split()[0] for line in shown] == ["unit", "bpm-prod/first", "prod/first", "prod/second"]
    rows = project.orch("list", "prod+", "--json").json
    assert (rows["format"], rows["kind"]) == (1, "list")
    assert [row["unit"] for row in rows["rows"]] == ["prod/first", "prod/second"]
    assert rows["rows"][1]["upstreams"] == ["prod/first"]


def test_a_job_matrix_for_ci(project: Project) -> None:
    matrix = project.orch("list", "--matrix", "account").json
    assert matrix == {
        "include": [
            {"account": "bpm", "targets": "bpm-prod/first"},
            {"account": "production", "targets": "prod/first prod/second"},
        ]
    }
    project.write("live/accounts/bpm.yaml", 'id: "333333333333"\nregions: [eu-west-1]\nstacks: {first: }\n')
    stages = project.orch("list", "--matrix", "stage").json
    assert stages == {
        "include": [
            {"stage": "bpm", "targets": "bpm/first"},
            {"stage": "bpm-prod", "targets": "bpm-prod"},
            {"stage": "prod", "targets": "prod"},
        ]
    }
    assert project.orch("list", "prod/second", "--matrix", "stage").json["include"] == [
        {"stage": "prod", "targets": "prod"}
    ]


@pytest.mark.parametrize("format_", ["tree", "mermaid", "dot", "json"])
def test_graph_has_every_unit_in_each_format(project: Project, format_: str) -> None:
    out = project.orch("graph", "--format", format_).out
    for unit in ("prod/first", "prod/second", "bpm-prod/first"):
        assert unit in out


def test_show_has_the_place_of_each_input(project: Project) -> None:
    shown = project.orch("show", "prod/second", "--json").json
    assert shown["inputs"] == [
        {"input": "value", "value": "x-${{ prod/first.id }}", "where": "live/stacks/second.yaml:2:17"}
    ]
    assert shown["upstreams"] == ["prod/first"]
    assert "live/stacks/second.yaml:2:17" in project.orch("show", "prod/second").out


def test_show_says_where_names_in_aws_come_from(project: Project) -> None:
    project.write("modules/box/names.tf", 'variable "name" {\n  default = "own"\n}\n')
    assert "name" not in [row["input"] for row in project.orch("show", "prod/first", "--json").json["inputs"]]
    project.write("live/stacks/first.yaml", "module: box\nnames: true\n")
    (row,) = project.orch("show", "prod/first", "--json").json["inputs"]
    assert row == {"input": "name", "value": "t-prod-first", "where": "live/stacks/first.yaml:2:1 (set by orch)"}
    assert "(set by orch)" in project.orch("show", "prod/first").out


def words(result: Result) -> str:
    return " ".join(result.err.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plan"], ["no target given", "bpm-prod, prod"]),
        (["plan", "pord"], ["pord", "did you mean", "prod"]),
        (["plan", "production"], ["is an account", "account:production"]),
        (["plan", "prod", "--exclude", "prod"], ["--exclude removes every selected unit"]),
        (["apply", "prod"], ["stdin is not a terminal", "--yes"]),
        (["apply", "prod", "--lock-timeout", "soon"], ["--lock-timeout", "10m"]),
        (["show", "prod"], ["matches 2 units"]),
        (["graph", "--format", "png"], ["--format: 'png'", "tree, mermaid, dot, json"]),
        (["list", "--matrix", "unit"], ["--matrix: 'unit'", "account, stage"]),
        (["output", "prod/first", "--raw"], ["--raw requires the NAME"]),
        (["terraform", "prod/first", "--", "apply"], ["orch apply prod/first"]),
        (["terraform", "prod/first", "--", "state", "rm", "x"], ["terraform state rm"]),
        (["terraform", "prod/first"], ["no Terraform subcommand"]),
        (["credentials", "nobody"], ["no account 'nobody'", "bpm, production"]),
        (["credentials", "bpm", "--role", "admin"], ["--role: 'admin'", "plan, apply"]),
        (["completion", "tcsh"], ["bash, zsh, fish"]),
        (["apply", "prod", "--no-refresh"], ["No such option", "--no-refresh"]),
        (["destroy", "prod", "--no-refresh"], ["No such option", "--no-refresh"]),
        (["drift", "prod", "--no-refresh"], ["No such option", "--no-refresh"]),
        (["bootstrap"], ["no account given", "bpm, production"]),
    ],
)
def test_an_invalid_command_line_is_one_clear_line_and_exit_code_2(
    project: Project, arguments: list[str], says: list[str]
) -> None:
    result = project.orch(*arguments, code=2)
    for part in says:
        assert part in words(result), words(result)
    assert not (project.root / ".orch" / "runs").exists(), "nothing was begun"


def test_errors_are_json_too(project: Project) -> None:
    result = project.orch("plan", "pord", "--json", code=2)
    assert "pord" in json.dumps(result.json)


def test_an_invalid_configuration_names_file_line_and_column(project: Project) -> None:
    project.write("live/stacks/second.yaml", "module: box\ninputs: {valeu: 1}\n")
    result = project.orch("list", code=2)
    assert "live/stacks/second.yaml:2:10" in result.err
    assert "value" in result.err


def test_without_a_configuration_the_error_has_a_hint(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "list", "-C", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert done.returncode == 2
    assert "live/orch.yaml" in done.stderr
    assert "-C DIR" in done.stderr


def test_options_are_valid_before_the_command_and_after_it(project: Project) -> None:
    command = [sys.executable, "-m", "orchestrator", "--json", "-C", str(project.root), "list"]
    before = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert json.loads(before.stdout) == project.orch("list", "--json").json


def test_completion_offers_stages_units_accounts_and_modules(project: Project) -> None:
    assert "_ORCH_COMPLETE" in project.orch("completion", "bash").out
    offered = subprocess.run(
        [sys.executable, "-m", "orchestrator"],
        capture_output=True,
        text=True,
        cwd=project.root,
        env=project.environment(
            _ORCH_COMPLETE="complete_bash",
            COMP_WORDS="orch plan ",
            COMP_CWORD="2",
            PYTHONPATH=str(REPOSITORY),
        ),
        check=False,
    ).stdout.split()
    assert {"prod", "prod/first", "account:bpm", "module:box"} <= set(offered)


HELP = """\
import sys, contextlib
from orchestrator.cli.app import main
with contextlib.suppress(SystemExit):
    main({arguments})
sys.exit(str(sorted({heavy} & set(sys.modules))))
"""
HEAVY = {"boto3", "botocore", "checkov", "moto", "rich", "ruamel", "jinja2", "hypothesis"}


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], HEAVY | {"pydantic"}),
        ([], HEAVY | {"pydantic"}),
        (["emulator", "--help"], HEAVY),  # Typer itself imports pydantic when it parses options
        (["plam"], HEAVY),
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str], heavy: set[str]) -> None:
    code = HELP.format(arguments=arguments, heavy=heavy)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.stderr.splitlines()[-1] == "[]"
    assert "Usage: orch" in done.stdout + done.stderr


def test_the_import_of_a_command_leaves_no_garbage_to_look_for_and_asks_no_plugins() -> None:
    code = (
        "import contextlib, gc, os, sys\n"
        "from orchestrator.cli.app import main\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main(['plan', '--help'])\n"
        "unused = sorted({'boto3', 's3transfer', 'multiprocessing'} & set(sys.modules))\n"
        "plugins = os.environ['PYDANTIC_DISABLE_PLUGINS']\n"
        "found = gc.isenabled(), gc.get_freeze_count() > 10_000, gc.get_threshold()[0]\n"
        "print(*found, plugins, unused, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stderr.splitlines()[-1] == "True True 50000 1 []"


def test_completing_the_name_of_a_command_imports_nothing_heavy() -> None:
    code = HELP.format(arguments=[], heavy=HEAVY)
    env = {**os.environ, "_ORCH_COMPLETE": "complete_bash", "COMP_WORDS": "orch ", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, env=env, check=False
    )
    assert done.stderr.splitlines()[-1] == "[]"
    assert {"plan", "apply", "emulator", "list"} <= set(done.stdout.split())


ENTRIES = [entry for entries in COMMANDS.values() for entry in entries]


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.name for entry in ENTRIES])
def test_the_help_of_a_command_starts_with_its_line_in_the_table(entry: CommandEntry) -> None:
    command = load_command(entry)
    assert command.name == entry.name.split()[-1]
    assert command.help.splitlines()[0] == f"{entry.help}."
    assert len(entry.help) <= 60, "the line is cut at width 80"


def test_each_command_has_a_file_and_each_file_a_command() -> None:
    files = {file.stem for file in (REPOSITORY / "orchestrator" / "cli" / "commands").glob("*.py")}
    # Of apply, destroy, show, check, rehearse, comment and pr.
    parts = {
        "__init__",
        "approved",
        "resume",
        "destroy_orphans",
        "show_past",
        "check_policies",
        "check_roots",
        "rehearse_run",
        "pr_command",
        "pr_status",
        "posting",
    }
    assert files - parts == {entry.name.split()[0] for entry in ENTRIES}


def test_version_and_schema(project: Project) -> None:
    assert project.orch("version").out.startswith("orch 0.1.0 (Python 3.")
    assert project.orch("schema", "--check", code=2).err
    project.orch("schema")
    assert (project.root / "live" / ".schema" / "stacks" / "first.json").is_file()
    project.orch("schema", "--check")


def test_the_committed_schemas_are_those_of_the_modules() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "schema", "--check"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        (("plan",), "orch plan [OPTIONS] [TARGET...]"),
        (("issue",), "orch issue [OPTIONS] RUN..."),
        (("pr", "number"), "orch pr number [OPTIONS] SHA"),
        (("waive",), "orch waive [OPTIONS] {FINDING|RUN}"),
        (("init",), "orch init [OPTIONS] [DIR]"),
    ],
)
def test_help_names_an_argument_once_and_no_type_of_python(
    project: Project, command: tuple[str, ...], usage: str
) -> None:
    shown = project.orch(*command, "--help").out
    assert shown.splitlines()[0] == f"Usage: {usage}"
    assert "<" not in shown
