from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.terraform.setup.binary import Binary, find_binary, search_binary, user_cache
from orchestrator.terraform.setup.install import Pin, install, load_pins, this_platform
from orchestrator.terraform.setup.versions import Version
from tests.support.terraform import make_settings

VERSION = "1.11.4"
PATH_IN_MIRROR = "terraform/{version}/terraform_{version}_{platform}.zip"


def program(version: str) -> str:
    return f"#!/bin/sh\necho '{json.dumps({'terraform_version': version})}'\n"


def zipped(name: str, text: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(name, text)
        archive.writestr("LICENSE.txt", "licence")
    return data.getvalue()


def pin_for(data: bytes, **more: str) -> Pin:
    return Pin(
        VERSION,
        more.get("base", "http://127.0.0.1:9"),
        PATH_IN_MIRROR,
        {this_platform(): hashlib.sha256(data).hexdigest()},
    )


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[str, list[str], Path]]:
    """A local HTTP server: its address, the paths that were asked for, and its folder."""
    folder = tmp_path / "served"
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            asked.append(self.path)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked, folder
    server.shutdown()
    thread.join()
    server.server_close()


def serve(folder: Path, data: bytes) -> str:
    path = folder / PATH_IN_MIRROR.format(version=VERSION, platform=this_platform())
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path.name


def find(
    cache: Path, pin: Pin | None, *, path: str = "/nowhere", base: str | None = None, terraform: str = ">=1.11"
) -> Binary:
    env = {"PATH": path} | ({"ORCH_TERRAFORM_MIRROR": base} if base else {})
    pins = {"terraform": pin} if pin else {}
    return find_binary(make_settings(terraform=terraform), env=env, cache=cache, pins=pins)


def test_installs_the_pinned_version_once(tmp_path: Path, mirror: tuple[str, list[str], Path]) -> None:
    base, asked, folder = mirror
    data = zipped("terraform", program(VERSION))
    name = serve(folder, data)
    cache = tmp_path / "cache"

    first = find(cache, pin_for(data), base=base)
    assert first == Binary(cache / "terraform" / VERSION / "terraform", VERSION, "terraform")
    assert first.path.stat().st_mode & 0o777 == 0o755
    assert find(cache, pin_for(data), base=base) == first
    assert asked == [f"/terraform/{VERSION}/{name}"]
    assert not [path for path in cache.rglob(".*") if path.is_file()], "no part files stay"


def test_several_at_once_download_once(tmp_path: Path, mirror: tuple[str, list[str], Path]) -> None:
    base, asked, folder = mirror
    data = zipped("terraform", program(VERSION))
    serve(folder, data)
    found: list[Binary] = []
    threads = [
        threading.Thread(target=lambda: found.append(find(tmp_path / "c", pin_for(data), base=base))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    assert len(asked) == 1


def test_refuses_a_wrong_checksum_and_leaves_nothing(tmp_path: Path, mirror: tuple[str, list[str], Path]) -> None:
    base, _, folder = mirror
    serve(folder, zipped("terraform", program("6.6.6")))
    cache = tmp_path / "cache"
    with pytest.raises(SetupError, match="has SHA-256"):
        find(cache, pin_for(b"another file"), base=base)
    assert not [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_without_network_says_what_to_put_where_and_takes_it(tmp_path: Path) -> None:
    data = zipped("terraform", program(VERSION))
    cache = tmp_path / "cache"
    with pytest.raises(SetupError) as caught:
        find(cache, pin_for(data), base="http://127.0.0.1:9/down")
    put = cache / "downloads" / f"terraform_{VERSION}_{this_platform()}.zip"
    assert f"http://127.0.0.1:9/down/terraform/{VERSION}/{put.name}" in caught.value.what
    assert str(put) in str(caught.value.hint)
    assert hashlib.sha256(data).hexdigest() in str(caught.value.hint)

    put.parent.mkdir(parents=True, exist_ok=True)
    put.write_bytes(data)
    assert find(cache, pin_for(data)).version == VERSION


def test_a_file_put_there_by_hand_is_checked_too(tmp_path: Path) -> None:
    put = tmp_path / "downloads" / f"terraform_{VERSION}_{this_platform()}.zip"
    put.parent.mkdir()
    put.write_bytes(zipped("terraform", program("6.6.6")))
    with pytest.raises(SetupError, match="has SHA-256"):
        find(tmp_path, pin_for(b"another file"))


def test_a_zip_without_the_program_is_an_error(tmp_path: Path) -> None:
    data = zipped("readme", "no program")
    put = tmp_path / "downloads" / f"terraform_{VERSION}_{this_platform()}.zip"
    put.parent.mkdir()
    put.write_bytes(data)
    with pytest.raises(SetupError, match="has no terraform in it"):
        find(tmp_path, pin_for(data))
    assert not list((tmp_path / "terraform").rglob("*terraform*/*"))


def test_a_platform_without_a_checksum_is_not_offered(tmp_path: Path) -> None:
    pin = Pin(VERSION, "http://127.0.0.1:9", PATH_IN_MIRROR, {"plan9_mips": "0" * 64})
    with pytest.raises(SetupError, match=f"no checksum of terraform {VERSION} for {this_platform()}"):
        install("terraform", pin, env={}, cache=tmp_path, because="nothing on PATH")


def test_a_cache_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SetupError, match=r"cannot install terraform .* into"):
        find(tmp_path / "file" / "cache", pin_for(b""))


def put_on_path(folder: Path, version: str, name: str = "terraform") -> str:
    folder.mkdir()
    (folder / name).write_text(program(version))
    (folder / name).chmod(0o755)
    return f"{folder}:/bin:/usr/bin"


def test_a_search_starts_each_binary_once_and_installs_nothing(tmp_path: Path) -> None:
    path = put_on_path(tmp_path / "bin", VERSION)
    started = tmp_path / "started"
    (tmp_path / "bin" / "terraform").write_text(f"{program(VERSION)}echo x >> {started}\n")
    search = search_binary(make_settings(), env={"PATH": path}, cache=tmp_path / "cache")
    assert search.found == Binary(tmp_path / "bin" / "terraform", VERSION, "terraform")
    assert find_binary(make_settings(), env={"PATH": path}, cache=tmp_path / "cache", search=search) == search.found
    assert started.read_text() == "x\n"
    old = put_on_path(tmp_path / "old", "1.5.7")
    search = search_binary(make_settings(), env={"PATH": old}, cache=tmp_path / "cache")
    assert search.found is None
    assert "is 1.5.7, orch needs at least 1.11" in search.rejected[0]
    assert not (tmp_path / "cache").exists()


def test_path_comes_first(tmp_path: Path) -> None:
    path = put_on_path(tmp_path / "bin", "1.12.1")
    assert find(tmp_path / "cache", None, path=path) == Binary(tmp_path / "bin" / "terraform", "1.12.1", "terraform")


def test_a_version_that_does_not_suit_is_passed_over(tmp_path: Path, mirror: tuple[str, list[str], Path]) -> None:
    base, _, folder = mirror
    data = zipped("terraform", program(VERSION))
    serve(folder, data)
    path = put_on_path(tmp_path / "bin", "1.13.0")
    assert find(tmp_path / "cache", pin_for(data), path=path, base=base, terraform="~> 1.11.0").version == VERSION


@pytest.mark.parametrize(
    ("version", "constraint", "why"),
    [("1.10.5", ">=1.0", "orch needs at least 1.11.0"), ("1.13.0", "~> 1.12.0", "live/orch.yaml requires ~> 1.12.0")],
)
def test_says_why_what_is_there_does_not_suit(tmp_path: Path, version: str, constraint: str, why: str) -> None:
    path = put_on_path(tmp_path / "bin", version)
    with pytest.raises(SetupError) as caught:
        find(tmp_path / "cache", None, path=path, terraform=constraint)
    assert f"is {version}, {why}" in str(caught.value)


def test_a_pin_outside_the_constraint_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=rf"orch would install {VERSION}, live/orch\.yaml requires >=1\.12"):
        find(tmp_path, pin_for(b""), terraform=">=1.12")


def test_a_constraint_that_cannot_be_read_names_its_key(tmp_path: Path) -> None:
    path = put_on_path(tmp_path / "bin", "1.12.0")
    with pytest.raises(SetupError, match=r"`terraform` in live/orch\.yaml: 'newest' is not a version"):
        find(tmp_path / "cache", None, path=path, terraform="newest")


def test_a_program_that_does_not_answer_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "terraform").write_text("#!/bin/sh\nexit 1\n")
    (folder / "terraform").chmod(0o755)
    with pytest.raises(SetupError, match="terraform does not run"):
        find(tmp_path / "cache", None, path=f"{folder}:/bin")


def test_opentofu_is_taken_from_path_and_never_installed(tmp_path: Path) -> None:
    settings = make_settings(binary="tofu", terraform=">=1.11")  # the constraint speaks of Terraform's versions
    path = put_on_path(tmp_path / "bin", "1.10.2", "tofu")
    assert find_binary(settings, env={"PATH": path}, cache=tmp_path).kind == "tofu"
    with pytest.raises(SetupError, match=r"put tofu 1\.10\.0 or newer on PATH"):
        find_binary(settings, env={"PATH": "/nowhere"}, cache=tmp_path)


def test_the_package_pins_a_usable_version() -> None:
    pin = load_pins()["terraform"]
    assert Version.parse(pin.version) >= Version((1, 11, 0))
    assert {"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"} == set(pin.sha256)
    assert all(len(bytes.fromhex(checksum)) == 32 for checksum in pin.sha256.values())
    assert len(set(pin.sha256.values())) == len(pin.sha256)


def test_the_cache_is_the_users(tmp_path: Path) -> None:
    assert user_cache({"ORCH_CACHE": "/x"}) == Path("/x")
    assert user_cache({"HOME": str(tmp_path)}).is_relative_to(tmp_path)
