"""Two copies of one stage in one account: no name in AWS, no state and no tag is the same."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from orchestrator.config.catalogue import Catalogue
from orchestrator.config.load import load
from orchestrator.config.naming import aws_names
from orchestrator.config.shared_names import shared_names
from orchestrator.render.write import RootRenderer
from orchestrator.scaffold.new_files import StageAnswers, stage_file
from orchestrator.scaffold.write import write_new
from tests.support.catalogue import loaded
from tests.support.project import REPOSITORY


def with_copy(root: Path, name: str = "feat-login") -> Catalogue:
    """The example platform of this repository with a copy of ``dev``, as `orch stage new` writes it."""
    for folder in ("live", "modules", "services"):
        shutil.copytree(REPOSITORY / folder, root / folder)
    answers = StageAnswers(name, "dev", account=None, expires=None, disposable=True, uses={"tasks": None})
    write_new(root, stage_file(answers))
    return load(root)


def test_the_example_platform_twice_in_one_account(tmp_path: Path) -> None:
    catalogue = with_copy(tmp_path / "repo")
    pairs = [
        (unit, catalogue.units[f"feat-login/{unit.stack}"]) for unit in catalogue.units.values() if unit.stage == "dev"
    ]
    assert len(pairs) == 4
    renderer = RootRenderer(catalogue)
    for one, other in pairs:
        assert one.account == other.account
        assert set(aws_names(catalogue, one).values()).isdisjoint(aws_names(catalogue, other).values())
        assert {one.state_key, one.outputs_key, one.folder}.isdisjoint(
            {other.state_key, other.outputs_key, other.folder}
        )
        roots = [renderer.render(unit, {}, tmp_path / unit.folder).folder for unit in (one, other)]
        texts = [(root / "terraform.tf").read_text() for root in roots]
        assert re.sub(r'(?<=["/])dev(?=["/])', "feat-login", texts[0]) == texts[1], "they differ in the stage alone"
        assert [re.findall(r'^ +"?stage"? += (".*")', text, re.M) for text in texts] == [['"dev"'], ['"feat-login"']]
        assert [re.findall(r"^ +key +=(.*)", text, re.M) for text in texts] == [
            [f' "{u.state_key}"'] for u in (one, other)
        ]
    assert list(shared_names(catalogue, "feat-login", "dev")) == []


def test_long_names_differ_where_they_are_cut(tmp_path: Path) -> None:
    one = "a-stage-with-a-very-long-name-1"
    catalogue = with_copy(tmp_path / "repo", one)
    names = [aws_names(catalogue, unit) for unit in catalogue.units.values() if unit.stage in {"dev", one}]
    values = [value for each in names for value in set(each.values())]
    assert len(values) == len(set(values))


def test_a_name_that_is_written_out_is_told(tmp_path: Path) -> None:
    text = (
        "== stacks/app\nmodule: any\ninputs:\n  a: [https://dev.example.com, device, {deep: x-dev}]\n"
        '  b: "${{ stage }}.example.com"\n'
        "== stacks/mine\nmodule: mine\ninputs: {name: fixed}\n"
        '== modules/mine\nvariable "name" {\n  type = string\n}\n'
        "== stages/dev\naccount: main\nstacks: {app: , mine: }\n== stages/copy\nextends: dev\n"
        "== stages/other\nextends: dev\nstacks:\n  app: {inputs: {a: [dev]}}\n  mine: {inputs: {name: own}}\n"
    )
    catalogue = loaded(tmp_path, text)
    found = [str(each) for each in shared_names(catalogue, "copy", "dev")]
    hint = " in copy/{0} and in dev/{0} — write ${{{{ stage }}}} in it if the two must differ"
    assert found == [
        "live/stacks/app.yaml:3:7: a[0] is 'https://dev.example.com'" + hint.format("app"),
        "live/stacks/app.yaml:3:47: a[2].deep is 'x-dev'" + hint.format("app"),
        f"live/stacks/mine.yaml:2:16: name is 'fixed'{hint.format('mine')}",
    ]
    assert list(shared_names(catalogue, "other", "dev")) == []
