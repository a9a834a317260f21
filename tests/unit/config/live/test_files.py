"""The files of `live/`: which are read, what may be in them, and that a name is a name."""

from __future__ import annotations

import contextlib
import gc
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from orchestrator.config.live.files import read_live_files
from orchestrator.config.load import find_root, load
from orchestrator.config.schema.models import AccountModel, OrchModel, StackModel, StageModel
from orchestrator.config.schema.validate import validate
from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.errors import CatalogueError, UsageError
from tests.support.catalogue import ORCH, loaded, problems, write

STAGE = "== stages/prod\naccount: main\nstacks:\n  app:\n== stacks/app\nmodule: any\n"


def test_every_kind_of_file_is_read(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, STAGE)
    assert set(catalogue.accounts) == {"main"}
    assert set(catalogue.stages) == {"prod"}
    assert set(catalogue.units) == {"prod/app"}


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("text", [STAGE, "== stages/prod\naccount: mian\n"])
def test_loading_leaves_the_garbage_collector_as_it_was(tmp_path: Path, text: str, on: bool) -> None:
    write(tmp_path, text)
    was_on = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        with contextlib.suppress(CatalogueError):
            load(tmp_path)
        assert gc.isenabled() is on
    finally:
        (gc.enable if was_on else gc.disable)()


def test_hidden_files_and_other_kinds_of_files_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, STAGE)
    for name in ("live/.schema/orch.json", "live/stages/.draft.yaml", "live/stages/README.md", "live/NOTES.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("not: [yaml")
    (tmp_path / "live/docs").mkdir()
    (tmp_path / "live/providers.lock.hcl").write_text("")
    assert set(load(tmp_path).units) == {"prod/app"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("live/stages/x.yml", "live/stages/x.yml: files in live/ must end in .yaml — rename it to x.yaml"),
        ("live/stages/x.YAML", "live/stages/x.YAML: files in live/ must end in .yaml — rename it to x.yaml"),
        (
            "live/stages/eu/x.yaml",
            "live/stages/eu: orch does not read subfolders — move its files into live/stages/, or out of live/",
        ),
        ("live/stage/x.yaml", 'live/stage: orch does not read this folder — did you mean "stages"?'),
        (
            "live/modules/x.yaml",
            "live/modules: orch does not read this folder — it reads live/orch.yaml, live/accounts/, live/stages/ and live/stacks/",
        ),
        (
            "live/prod.yaml",
            "live/prod.yaml: orch does not read this file — it reads live/orch.yaml, live/accounts/, live/stages/ and live/stacks/",
        ),
    ],
)
def test_a_file_that_somebody_wrote_to_be_read_is_not_passed_over(tmp_path: Path, name: str, said: str) -> None:
    assert problems(tmp_path, f"{STAGE}== {name}\naccount: main\n") == [said]


def test_a_link_to_nowhere_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, STAGE)
    (tmp_path / "live/stages/test.yaml").symlink_to("nowhere")
    with pytest.raises(CatalogueError, match=r"^live/stages/test\.yaml: cannot read the file: No such file"):
        load(tmp_path)


@pytest.mark.parametrize(
    "stem", ["Prod", "9lives", "-x", "a_b", "a.b", "a" * 32, "ünit", "a b", "a\nb", "a'b", 'a"b', "a${b}", "$(x)"]
)
@pytest.mark.parametrize("kind", ["accounts", "stages", "stacks"])
def test_a_file_without_a_name(tmp_path: Path, kind: str, stem: str) -> None:
    write(tmp_path, STAGE)
    (tmp_path / "live" / kind / f"{stem}.yaml").write_text("x: 1")
    with pytest.raises(CatalogueError) as caught:
        load(tmp_path)
    (problem,) = caught.value.problems
    assert problem.what == f"invalid name {stem!r}"
    assert problem.hint == "use lowercase letters, digits and -, starting with a letter, at most 31 characters"


@pytest.mark.parametrize("name", ["name", "account", "stage", "stack", "region"])
@pytest.mark.parametrize("kind", ["accounts", "stages", "stacks"])
def test_built_in_names_are_reserved(tmp_path: Path, kind: str, name: str) -> None:
    found = problems(tmp_path, f"{STAGE}== {kind}/{name}\nx: 1\n")
    assert found == [f"live/{kind}/{name}.yaml: the name {name!r} is reserved for a built-in reference"]


def test_a_file_that_cannot_be_used_is_told_once(tmp_path: Path) -> None:
    text = (
        "== stages/prod\naccount: main\nstacks: {app: , other: }\nuses: {far: away/app}\n"
        "== stages/test\nextends: away\nstacks: {app: }\n== stages/away\naccount: [\n"
        "== stacks/app\nmodule: any\ninputs: {a: '${{ other.x }}', b: '${{ far.x }}'}\n== stacks/other\n"
    )
    assert problems(tmp_path, text) == [
        "live/stacks/other.yaml: the file is empty — delete it, or add its content",
        "live/stages/away.yaml:2:1: invalid YAML: did not find expected node content",
    ]


def test_every_problem_is_told_at_once_sorted_by_place(tmp_path: Path) -> None:
    text = (
        "== stages/prod\naccount: man\nstacks: {app: }\n== stages/test\naccount: main\nstacks: {app: , apq: }\n"
        "== stacks/app\nmodule: any\ninputs: {c: 1}\n"
    )
    assert problems(tmp_path, text) == [
        "live/stacks/app.yaml:2:10: module any has no variable 'c' — variables: a, b",
        "live/stages/prod.yaml:1:10: unknown account 'man' — did you mean \"main\"?",
        "live/stages/test.yaml:2:17: unknown stack 'apq' — did you mean \"app\"?",
    ]


def test_without_settings_nothing_else_is_looked_at(tmp_path: Path) -> None:
    found = problems(tmp_path, f"{STAGE}== orch\nformat: 1\n")
    assert [each.split(" — ")[0] for each in found] == [
        "live/orch.yaml:1:1: missing key 'management'",
        "live/orch.yaml:1:1: missing key 'name'",
        "live/orch.yaml:1:1: missing key 'orch'",
        "live/orch.yaml:1:1: missing key 'region'",
        "live/orch.yaml:1:1: missing key 'state'",
    ]


def test_the_root_is_found_from_below(tmp_path: Path) -> None:
    write(tmp_path, STAGE)
    (tmp_path / "modules/any/deep").mkdir()
    assert find_root(tmp_path / "modules/any/deep") == tmp_path.resolve()
    with pytest.raises(UsageError, match=r"no live/orch\.yaml in .* or any parent folder") as caught:
        find_root(tmp_path.parent)
    assert caught.value.hint == "run orch in the repository, or pass its folder with -C DIR"


def test_each_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, f"{STAGE}== stages/test\nextends: prod\n== stages/dev\nextends: test\n")
    opened: list[str] = []
    really = Path.open

    def counted(path: Path, *arguments: Any, **named: Any) -> Any:
        opened.append(path.name)
        return really(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", counted)
    load(tmp_path)
    assert sorted(name for name in opened if name.endswith(".yaml")) == sorted(
        ["orch.yaml", "main.yaml", "prod.yaml", "test.yaml", "dev.yaml", "app.yaml"]
    )


MODELS: dict[str, type[BaseModel]] = {
    "orch": OrchModel,
    "account": AccountModel,
    "stage": StageModel,
    "stack": StackModel,
}
WORDS = st.sampled_from(
    ["id", "module", "inputs", "stacks", "uses", "providers", "state", "bucket", "roles", "plan", "timeouts", "aws",
     "regions", "imports", "tags", "source", "[key]", "a b", "x\x1b[0m", "", "depends_on", "name", "version"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)


@given(st.sampled_from(sorted(MODELS)), st.dictionaries(WORDS, ANYTHING, max_size=5))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_file_holds_is_taken_or_told_in_one_line(model: str, value: dict[str, object]) -> None:
    for problem in validate(parse_yaml(_yaml(value).encode(), "f.yaml"), MODELS[model]):
        assert str(problem).isprintable()
        assert problem.where.line >= 1


def _yaml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in value) + '"'
    if isinstance(value, float):
        return f"{value:.6f}"
    return json.dumps(value)


@pytest.mark.parametrize("key", ["name", "region", "orch", "state", "management"])
def test_settings_that_must_be_there(tmp_path: Path, key: str) -> None:
    lines = [line for line in ORCH.splitlines() if not line.startswith((f"{key}:", "state:", "  bucket"))]
    if key != "state":
        lines += ["state: {bucket: x}"]
    (tmp_path / "live").mkdir()
    (tmp_path / "live/orch.yaml").write_text("\n".join(lines))
    files = read_live_files(tmp_path)
    assert [problem.what for problem in files.problems] == [f"missing key '{key}'"]
    assert files.orch is None
