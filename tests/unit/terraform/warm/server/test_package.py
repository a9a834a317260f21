"""The comparison of a package with the lock file."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from orchestrator.terraform.warm.messages import LockedPackage
from orchestrator.terraform.warm.server.digests import DigestCache
from orchestrator.terraform.warm.server.package import PackageError, VerifiedPackage, Verifier, verify_package
from tests.support.fake_package import checksum

# find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | xxd -r -p | base64
TINY = "h1:pbCMsCBTZFWa/EHbs+7W7xeV+y0Tbz52AfzNJkjJoUQ="


def verify(folder: Path, checksums: tuple[str, ...]) -> VerifiedPackage:
    """Nothing is remembered of files as small as these."""
    return verify_package(folder, checksums, DigestCache(Path("missing")).sha256)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "docs").mkdir(parents=True)
    (folder / "terraform-provider-tiny_v1.0.0").write_bytes(b"binary")
    (folder / "LICENSE.txt").write_bytes(b"license\n")
    (folder / "docs" / "a.md").write_bytes(b"")
    return folder


def test_the_checksum_is_the_one_of_the_tools_of_the_system(package: Path) -> None:
    verified = verify(package, ("h1:other", TINY))
    assert verified.checksum == TINY == checksum(package)
    assert verified.binary == package / "terraform-provider-tiny_v1.0.0"


def test_a_linked_folder_is_the_folder(package: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(package)
    assert verify(tmp_path / "link", (TINY,)).binary.parent == package


@pytest.mark.parametrize("change", ["content", "name", "more", "less", "empty"])
def test_any_change_is_found(package: Path, change: str) -> None:
    license_ = package / "LICENSE.txt"
    match change:
        case "content":
            license_.write_bytes(b"License\n")
        case "name":
            license_.rename(package / "LICENSE")
        case "more":
            (package / "docs" / "b.md").touch()
        case "less":
            license_.unlink()
        case "empty":
            for file in [path for path in package.rglob("*") if path.is_file()]:
                file.unlink()
    with pytest.raises(PackageError, match="the lock file has no checksum h1:"):
        verify(package, (TINY,))


@pytest.mark.parametrize("checksums", [(), ("",), (TINY.removeprefix("h1:"),), (TINY.lower(),), ("zh:" + TINY,)])
def test_no_other_text_is_its_checksum(package: Path, checksums: tuple[str, ...]) -> None:
    with pytest.raises(PackageError, match="no checksum"):
        verify(package, checksums)


def test_exactly_one_binary_is_asked_for(package: Path) -> None:
    (package / "docs" / "terraform-provider-in-a-folder").touch()
    verify(package, (checksum(package),))
    (package / "terraform-provider-tiny_v1.0.1").touch()
    with pytest.raises(PackageError, match="contains 2 provider binaries"):
        verify(package, (checksum(package),))
    for file in package.glob("terraform-provider-*"):
        file.unlink()
    with pytest.raises(PackageError, match="contains 0 provider binaries"):
        verify(package, (checksum(package),))


@pytest.mark.parametrize("name", ["link", "docs/link"])
@pytest.mark.parametrize("to", ["LICENSE.txt", "docs", "/", "nowhere"])
def test_a_link_is_refused(package: Path, name: str, to: str) -> None:
    (package / name).symlink_to(to)
    with pytest.raises(PackageError, match="contains a link: link"):
        verify(package, (TINY, checksum(package)))


def test_a_missing_package_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        verify(tmp_path / "missing", (TINY,))


def test_a_package_is_read_once_whoever_asks(package: Path, tmp_path: Path) -> None:
    verifier = Verifier(DigestCache(tmp_path / "digests"))
    asked = LockedPackage("registry.example.com/acme/tiny", str(package), (TINY,))
    found = [verifier.verify(asked)]
    (package / "LICENSE.txt").unlink()
    threads = [threading.Thread(target=lambda: found.append(verifier.verify(asked))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert len(set(map(id, found))) == 1
    with pytest.raises(PackageError):
        verifier.verify(LockedPackage(asked.address, asked.folder, ("h1:other",)))
