"""No value can become code: hostile values go from YAML through the real Terraform and come back as they were."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestrator.config.load import load
from orchestrator.render.values import UNKNOWN
from orchestrator.render.write import RootRenderer
from orchestrator.terraform.process.supervisor import Processes
from tests.support.project import Project
from tests.support.terraform import clean_env, make_terraform

pytestmark = pytest.mark.integration

HOSTILE = [
    '${file("/etc/passwd")}',
    "%{ for x in [1] }x%{ endfor }",
    '"\n}\nresource "terraform_data" "evil" {}\n',
    "$${escaped} %%{escaped}",
    "\\",
    "\\${x}",
    '"; rm -rf / #',
    "$(touch /tmp/evil) `touch /tmp/evil`",
    "../../../etc",
    "</script>\u2028\u2029\ufeff",
    "<<EOT\nx\nEOT",
    "null",
    "true",
    "0123",
    "\x00\x01\x7f",
    "😀 ä ẍ",
]
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text(st.sampled_from("${}%\"\\\n'`~!#"), max_size=12),
)
values = st.recursive(
    st.one_of(texts, st.booleans(), st.integers(-(2**53), 2**53)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


def normal(value: Any) -> Any:
    """Terraform keeps all text in Unicode's form C (cty's documentation), so both sides are compared in it."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, dict):
        return {normal(key): normal(item) for key, item in value.items()}
    return value


def outputs_of(root: Path, scratch: Path) -> dict[str, Any]:
    """What Terraform makes of a root without its backend: the planned outputs, and how many resources there are."""
    (root / "terraform.tf").unlink()
    terraform = str(make_terraform(scratch).binary.path)
    env = clean_env(TF_CLI_CONFIG_FILE="/dev/null", CHECKPOINT_DISABLE="1")

    def run(*arguments: str) -> str:
        done = subprocess.run([terraform, *arguments], cwd=root, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("init", "-input=false", "-no-color")
    run("plan", "-input=false", "-no-color", "-out=p")
    document = json.loads(run("show", "-json", "p"))
    return dict(document)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(values, min_size=1, max_size=12))
@example(HOSTILE)
@example([{text: text} for text in HOSTILE])
def test_what_yaml_says_is_what_terraform_gets(given_values: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        project = Project(base / "repo", emulator=None, accounts={"main": "123456789012"})
        data = as_yaml({"list": [literal(value) for value in given_values]})
        project.write("live/stages/prod.yaml", "account: main\nstacks: {box: }\n")
        project.write("live/stacks/box.yaml", f"module: box\ninputs:\n  value: {data}\n")
        catalogue = load(project.root)
        root = RootRenderer(catalogue).render(catalogue.units["prod/box"], {}, base / "root").folder
        document = outputs_of(root, base / "scratch")
        got = document["planned_values"]["outputs"]["value"]["value"]["list"]
        assert normal(got) == normal([literal(value) for value in given_values])
        assert [r["address"] for r in document["resource_changes"]] == ["module.this.terraform_data.this"]


def as_yaml(value: Any) -> str:
    """A value as YAML in one line: JSON, but for characters beyond 16 bits, which YAML escapes in its own way."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if " " <= c <= "~" else f"\\U{ord(c):08X}" for c in text)


def literal(value: Any) -> Any:
    """A value without ``${{``, which is the catalogue's own reference and not the subject here."""
    if isinstance(value, str):
        return value.replace("${{", "${ {")
    if isinstance(value, list):
        return [literal(item) for item in value]
    if isinstance(value, dict):
        return {literal(key): literal(item) for key, item in value.items()}
    return value


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(texts, values, min_size=1, max_size=6))
@example({text: text for text in HOSTILE})
def test_what_an_upstream_says_is_what_terraform_gets_known_or_in_a_preview(given_values: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        project = Project(base / "repo", emulator=None, accounts={"main": "123456789012"})
        project.write("live/stages/prod.yaml", "account: main\nstacks: {box: , up: }\n")
        project.write("live/stacks/up.yaml", "module: box\n")
        project.write("live/stacks/box.yaml", "module: box\ninputs:\n  value: ${{ up.value }}\n")
        catalogue = load(project.root)
        unit = catalogue.units["prod/box"]
        for extra, folder in (({}, "known"), ({"unknown": UNKNOWN}, "preview")):
            upstream = {"prod/up": {"value": {**given_values, **extra}}}
            root = RootRenderer(catalogue).render(unit, upstream, base / folder).folder
            document = outputs_of(root, base / "scratch")
            changes = {r["address"]: r["change"] for r in document["resource_changes"]}
            wanted = {"module.this.terraform_data.this"} | ({"terraform_data.not_applied_yet"} if extra else set())
            assert set(changes) == wanted
            got = document["output_changes"]["value"]["after"]
            assert {k: v for k, v in normal(got).items() if k != "unknown"} == normal(given_values)


def test_a_hostile_tag_account_or_stage_never_gets_that_far(tmp_path: Path) -> None:
    project = Project(tmp_path / "repo", emulator=None, accounts={"main": "123456789012"})
    shutil.rmtree(project.root / "modules")
    for name in ("a..b", "x y", 'x"y', "X", "x\ny", "${x}"):
        stage = project.root / "live" / "stages" / f"{name}.yaml"
        project.write(f"live/stages/{name}.yaml", "account: main\n")
        assert "invalid name" in project.orch("list", code=2).err
        stage.unlink()
    assert Processes().in_flight() == {}
