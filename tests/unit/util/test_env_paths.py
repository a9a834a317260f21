"""Files that cannot be used: the error names the environment variable that leads there, and is never a bug of orch."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from orchestrator.cli.app import report_bug
from orchestrator.errors import SetupError
from orchestrator.terraform.setup.binary import user_cache
from orchestrator.terraform.setup.cliconfig import plugin_cache
from orchestrator.terraform.setup.mirrors import find_mirrors
from orchestrator.util.env_paths import check_temporary_folder, file_error, home_folder, named_path
from orchestrator.util.files import write_atomic
from tests.support.project import REPOSITORY, Project


def failing(path: Path) -> OSError:
    """The error of the system when a file is written there."""
    with pytest.raises(OSError) as raised:  # noqa: PT011 - any
        write_atomic(path, b"x")
    return raised.value


@pytest.mark.parametrize(
    "variable",
    ["ORCH_CACHE", "XDG_CACHE_HOME", "TF_PLUGIN_CACHE_DIR", "TMPDIR", "AWS_CONFIG_FILE", "XDG_DATA_HOME"],
)
@pytest.mark.parametrize("value", ["/dev/null/x", "/proc/nothere", "/sys/orch"])
def test_the_variable_that_leads_to_an_unusable_path_is_named(variable: str, value: str) -> None:
    error = failing(Path(value) / "orch-1" / "plugins" / "file")
    told = file_error(error, {variable: value, "HOME": "/root", "PATH": "/usr/bin"})
    assert told is not None
    assert told.exit_code == 2
    assert f"the environment variable {variable} leads there" in (told.hint or "")


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nothere", "/dev/null/deep/er"])
def test_home_is_named_for_the_caches_in_it(home: str) -> None:
    told = file_error(failing(user_cache({"HOME": home}) / "plugins" / "x"), {"HOME": home})
    assert told is not None
    assert "HOME leads there" in (told.hint or "")


def test_the_most_specific_variable_wins_and_a_repository_below_home_is_not_homes_fault(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache"), "TMPDIR": "/tmp"}
    denied = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / ".cache" / "orch" / "x"))
    told = file_error(denied, env)
    assert told is not None
    assert "XDG_CACHE_HOME" in (told.hint or "")
    repository = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "repo" / ".orch"))
    told = file_error(repository, env)
    assert told is not None
    assert "HOME" not in (told.hint or "")
    assert "permission" in (told.hint or "")


def test_the_messages_of_libraries_without_a_file_name_are_understood() -> None:
    bundle = OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /nope/ca.pem")
    told = file_error(bundle, {"AWS_CA_BUNDLE": "/nope/ca.pem"})
    assert told is not None
    assert "AWS_CA_BUNDLE" in (told.hint or "")
    none = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/nope', '/tmp']")
    told = file_error(none, {"TMPDIR": "/nope"})
    assert told is not None
    assert "TMPDIR" in (told.hint or "")


_PATH_VARIABLE = re.compile(
    r"""["']([A-Z][A-Z0-9]*_?[A-Z0-9_]*(?:(?<!PRO)FILE|PATH|DIR|DIRECTORY|BUNDLE|NETRC|CONFIG))["']"""
)
_NO_PATHS = {"DASK_INTERNAL_INHERIT_CONFIG"}
"""Names that end like those of variables with paths, and are none."""


@pytest.mark.parametrize("library", ["botocore", "requests", "urllib3", "dask"])
def test_each_path_that_a_library_takes_from_the_environment_is_known(library: str) -> None:
    """Their errors name a file, or quote a path in a text, and nobody else tells the user where it comes from."""
    spec = importlib.util.find_spec(library)
    if spec is None or spec.origin is None:
        pytest.skip(f"{library} is not installed")
    files = [file for file in Path(spec.origin).parent.rglob("*.py") if "tests" not in file.parts]
    read = {name for file in files for name in _PATH_VARIABLE.findall(file.read_text())}
    assert read, library
    for name in sorted(read - _NO_PATHS):
        told = file_error(FileNotFoundError(errno.ENOENT, "No such file or directory", "/nope/x"), {name: "/nope/x"})
        assert told is not None, name
        assert name in (told.hint or "")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_that_requests_cannot_find_is_no_bug(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = pytest.importorskip("requests")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "/nope/ca.pem")
    with pytest.raises(OSError, match="CA certificate bundle") as raised:
        requests.get("https://host.invalid/", timeout=1, proxies={"https": "http://127.0.0.1:9"})
    assert raised.value.errno is None
    told = file_error(raised.value, os.environ)
    assert told is not None
    assert f"the environment variable {variable} leads there" in (told.hint or "")


def test_a_key_log_that_cannot_be_written_is_no_bug() -> None:
    context = ssl.create_default_context()
    with pytest.raises(OSError, match="No such file") as raised:
        context.keylog_filename = "/nope/keys"
    told = file_error(raised.value, {"SSLKEYLOGFILE": "/nope/keys"})
    assert told is not None
    assert "SSLKEYLOGFILE" in (told.hint or "")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO])  # fmt: skip
def test_what_the_disk_or_a_path_is_about_is_never_a_bug(code: int) -> None:
    told = file_error(OSError(code, os.strerror(code), "/somewhere/file"), {})
    assert told is not None
    assert told.what.endswith(os.strerror(code))
    assert told.hint


def test_a_missing_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)  # a container whose user has no entry in passwd
    for look in (home_folder, user_cache, find_mirrors):
        with pytest.raises(SetupError, match="HOME is not set"):
            look({})
    assert user_cache({"XDG_CACHE_HOME": "/c"}) == Path("/c/orch"), "it is not needed then"
    with pytest.raises(SetupError, match="TF_PLUGIN_CACHE_DIR names ~nobody-here"):
        plugin_cache({"TF_PLUGIN_CACHE_DIR": "~nobody-here/x"}, Path("/c"))
    assert named_path({"HOME": "/h", "X": "~/y"}, "X") == Path("/h/y")


def test_tmpdir_must_be_a_folder_because_terraform_takes_no_other(tmp_path: Path) -> None:
    check_temporary_folder({})
    check_temporary_folder({"TMPDIR": str(tmp_path)})
    for wrong in (tmp_path / "nothere", Path("/dev/full"), Path("/proc")):
        with pytest.raises(SetupError, match="cannot write temporary files") as raised:
            check_temporary_folder({"TMPDIR": str(wrong)})
        assert "TMPDIR names it" in (raised.value.hint or "")


def test_a_bug_is_told_even_if_its_details_cannot_be_saved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/x")
    assert report_bug("Traceback\nKeyError: 'x'\n", ["list"]) == 1
    told = capsys.readouterr().err
    assert "this is a bug in orch: KeyError: 'x'" in told
    assert "the details cannot be saved: Not a directory" in told


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"production": "111111111111"})
    made.write("live/stages/prod.yaml", "account: production\nstacks: {first: }\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    return made


@pytest.mark.parametrize("arguments", [["list", "--json"], ["list"], ["show", "prod/first", "--json"], ["list", "nothere", "--json"]])  # fmt: skip
def test_a_full_stdout_is_one_line_and_not_a_bug(project: Project, arguments: list[str]) -> None:
    done = _into_full(project, arguments, stdout=True)
    assert done.returncode == 2, done.stderr
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if "nothere" not in arguments:
        assert "cannot write the result to stdout: No space left on device" in done.stderr


def test_a_full_stderr_does_not_stop_the_work(project: Project) -> None:
    done = _into_full(project, ["list", "--json"], stdout=False)
    assert (done.returncode, "prod/first" in done.stdout) == (0, True)
    assert _into_full(project, ["list", "nothere"], stdout=False).returncode == 2


def _into_full(project: Project, arguments: list[str], *, stdout: bool) -> subprocess.CompletedProcess[str]:
    with Path("/dev/full").open("w") as full:
        return subprocess.run(
            [sys.executable, "-m", "orchestrator", "-C", str(project.root), *arguments],
            stdout=full if stdout else subprocess.PIPE,
            stderr=subprocess.PIPE if stdout else full,
            text=True,
            check=False,
            cwd=REPOSITORY,
            env=project.environment(),
        )
