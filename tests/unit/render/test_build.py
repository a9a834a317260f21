"""A folder is built in a copy of its inputs, once for each content, without credentials and without a network."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest

from orchestrator.config.catalogue import Catalogue
from orchestrator.errors import BlockedError, SetupError
from orchestrator.render.build import Builder, BuildError
from orchestrator.terraform.process.supervisor import Processes
from orchestrator.util.ci import is_protected
from tests.support.catalogue import loaded, problems

TEXT = """\
== stages/prod
account: main
stacks: {{code: }}
== stacks/code
module: code
archives:
  zip:
    folder: services/code
    build: {build}
== modules/code
variable "zip" {{
  type = string
}}
== services/code/main.py
print(1)
== services/code/src/deep/x.py
print(2)
== services/code/notes.md
text
"""
SCRIPT = "import os; open('count', 'a').write('x'); print(sorted(os.environ)); open('env', 'w').write(repr(dict(os.environ)))"
ENV = {"PATH": "/usr/bin:/bin", "AWS_SECRET_ACCESS_KEY": "secret", "GITHUB_TOKEN": "secret", "HTTPS_PROXY": "http://p"}


def catalogue(folder: Path, script: str = SCRIPT, more: str = "inputs: ['*.py', 'src/**']") -> Catalogue:
    build = f'{{run: ["{sys.executable}", -c, "{script}"], {more}}}'
    return loaded(folder, TEXT.format(build=build))


def built(catalogue: Catalogue, *, env: dict[str, str] | None = None, refused: tuple[str, ...] = ()) -> dict[str, str]:
    unit = catalogue.units["prod/code"]
    (archive,) = unit.archives
    assert archive.build is not None
    builder = Builder(catalogue.root, Processes(), env or ENV, refused=refused)
    with zipfile.ZipFile(io.BytesIO(builder.zip_of(unit, archive, archive.build))) as found:
        return {name: found.read(name).decode() for name in found.namelist()}


def test_the_program_gets_its_inputs_and_no_credentials(tmp_path: Path) -> None:
    files = built(catalogue(tmp_path))
    assert files.keys() == {"main.py", "src/deep/x.py", "count", "env"}
    assert "secret" not in files["env"]
    assert "HTTPS_PROXY" not in files["env"]
    assert not (tmp_path / "services/code/count").exists()


def test_unchanged_inputs_are_built_once(tmp_path: Path) -> None:
    first = built(catalogue(tmp_path, "import time; open('at', 'w').write(repr(time.time_ns()))"))
    again = catalogue(tmp_path, "import time; open('at', 'w').write(repr(time.time_ns()))")
    (tmp_path / "services/code/notes.md").write_text("no input")
    assert built(again) == first
    (tmp_path / "services/code/src/deep/x.py").write_text("print(3)\n")
    assert built(again)["at"] != first["at"]


def test_another_command_another_output_and_another_set_of_inputs_are_built_anew(tmp_path: Path) -> None:
    script = "import os, time; os.mkdir('dist'); open('dist/at', 'w').write(repr(time.time_ns()))"

    def at(script: str, more: str) -> str:
        files = built(catalogue(tmp_path, script, more))
        return next(text for name, text in files.items() if name.endswith("at"))

    first = at(script, "output: dist")
    assert at(script, "output: dist") == first
    assert at(f"{script}; print(1)", "output: dist") != first
    assert at(script, "network: false") != first
    assert at(script, "output: dist, inputs: ['*.py']") != first
    assert at(script, "output: dist") == first, "what was built before is still there"


def test_a_folder_of_the_result_is_zipped(tmp_path: Path) -> None:
    script = "import os; os.mkdir('dist'); open('dist/a.js', 'w').write('1')"
    assert built(catalogue(tmp_path, script, "output: dist")) == {"a.js": "1"}
    with pytest.raises(SetupError, match="made no folder 'dist'"):
        built(catalogue(tmp_path, "pass", "output: dist"))


def test_a_failure_shows_the_last_output(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        built(catalogue(tmp_path, "import sys; print('the reason'); sys.exit(3)"))
    assert "failed with exit code 3" in caught.value.what
    assert "the reason" in caught.value.block
    assert (tmp_path / str(caught.value.hint).removeprefix("full output: ")).is_file()
    assert [path.suffix for path in (tmp_path / ".orch/builds").iterdir() if path.is_dir()] == []


def test_a_program_that_is_missing_is_said(tmp_path: Path) -> None:
    text = TEXT.format(build="{run: [no-such-program], network: true}")
    with pytest.raises(Exception, match="cannot start no-such-program"):
        built(loaded(tmp_path, text))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can take the network away")
def test_without_permission_there_is_no_network(tmp_path: Path) -> None:
    script = "import os; open('net', 'w').write(open('/proc/net/dev').read())"
    own = [line.partition(":")[0].strip() for line in built(catalogue(tmp_path, script))["net"].splitlines()[2:]]
    assert own in ([], ["lo"])
    allowed = built(catalogue(tmp_path, script, "network: true"))["net"]
    assert allowed == Path("/proc/net/dev").read_text().splitlines(keepends=True)[0] + allowed.split("\n", 1)[1]


def test_with_a_network_it_gets_proxies(tmp_path: Path) -> None:
    assert "HTTPS_PROXY" in built(catalogue(tmp_path, more="network: true"))["env"]


def test_a_unit_that_is_not_planned_is_not_built(tmp_path: Path) -> None:
    with pytest.raises(BlockedError, match="is not merged"):
        built(catalogue(tmp_path), refused=("prod/code",))
    assert not (tmp_path / ".orch").exists()
    assert is_protected({"CI": "true"})


def test_inputs_that_match_nothing_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no file of code is an input of its build"):
        built(catalogue(tmp_path, more="inputs: ['*.rs']"))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        ("{run: npm ci}", "archives.zip.build.run must be a list"),
        ("{run: []}", "archives.zip.build.run must be"),
        ("{inputs: ['*']}", "missing key 'archives.zip.build.run'"),
        ("{run: [a], inputs: ['../x']}", "'../x' leads out of the folder"),
        ("{run: [a], inputs: ['/etc/*']}", "archives.zip.build.inputs[0] must be a relative path or glob"),
        ("{run: [a], shell: true}", "the key 'archives.zip.build.shell' is unknown"),
    ],
)
def test_what_is_wrong_is_an_error_with_its_place(tmp_path: Path, build: str, message: str) -> None:
    found = problems(tmp_path, TEXT.format(build=build))
    assert len(found) == 1
    assert message.replace("archives.zip.", "") in found[0].replace("archives.zip.", "")
    assert found[0].startswith("live/stacks/code.yaml:")
