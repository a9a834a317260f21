from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.terraform.setup.cliconfig import (
    find_mirror,
    has_own_installation,
    installation,
    plugin_cache,
    write_cli_config,
)
from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.mirrors import ProviderPackage, find_mirrors, provider_packages

AWS = "registry.terraform.io/hashicorp/aws"


def unpacked(mirror: Path, address: str = AWS, version: str = "5.100.0", platform: str = "") -> Path:
    folder = mirror / address / version / (platform or this_platform())
    folder.mkdir(parents=True)
    (folder / "terraform-provider-x").write_text("program")
    return mirror


def packed(mirror: Path, address: str, version: str, platform: str) -> Path:
    folder = mirror / address
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"terraform-provider-{address.rsplit('/', 1)[1]}_{version}_{platform}.zip").write_text("zip")
    return mirror


def env_of(home: Path, **more: str) -> dict[str, str]:
    """An environment in which nothing of this machine is found."""
    return {"HOME": str(home), "XDG_DATA_DIRS": str(home / "none"), "ORCH_PROVIDER_MIRROR": "none"} | more


def written(folder: Path, env: dict[str, str]) -> str:
    path = write_cli_config(folder / "run" / "terraform.rc", env=env, cache=folder / "cache")
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_text()


def test_without_mirror_and_file_it_says_nothing(tmp_path: Path) -> None:
    assert written(tmp_path, env_of(tmp_path)) == ""
    assert (tmp_path / "cache" / "plugins").is_dir()


@pytest.mark.parametrize("name", ["TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"])
def test_a_named_file_that_is_missing_is_no_error(tmp_path: Path, name: str) -> None:
    assert written(tmp_path, env_of(tmp_path, **{name: str(tmp_path / "gone")})) == ""


def test_the_users_text_is_kept_and_the_mirror_added(tmp_path: Path) -> None:
    mirror = unpacked(tmp_path / "mirror")
    (tmp_path / ".terraformrc").write_text('credentials "x" {\n  token = "t"\n}')
    text = written(tmp_path, env_of(tmp_path, ORCH_PROVIDER_MIRROR=str(mirror)))
    assert text.startswith('credentials "x" {\n  token = "t"\n}\n')
    assert f'path    = "{mirror}"' in text
    assert f'exclude = ["{AWS}"]' in text


def test_a_named_file_goes_before_the_one_at_home(tmp_path: Path) -> None:
    (tmp_path / ".terraformrc").write_text("# home\n")
    (tmp_path / "named").write_text("# named\n")
    assert written(tmp_path, env_of(tmp_path, TF_CLI_CONFIG_FILE=str(tmp_path / "named"))) == "# named\n"


def test_files_of_the_config_folder_are_joined(tmp_path: Path) -> None:
    (tmp_path / ".terraform.d").mkdir()
    (tmp_path / ".terraform.d" / "b.tfrc").write_text("# b\n")
    (tmp_path / ".terraform.d" / "a.tfrc").write_text("# a")
    assert written(tmp_path, env_of(tmp_path)) == "# a\n# b\n"


def test_the_users_own_provider_installation_is_left_alone(tmp_path: Path) -> None:
    own = 'provider_installation {\n  network_mirror { url = "https://x/" }\n}\n'
    (tmp_path / ".terraformrc").write_text(own)
    env = env_of(tmp_path, ORCH_PROVIDER_MIRROR=str(unpacked(tmp_path / "mirror")))
    assert written(tmp_path, env) == own
    assert has_own_installation(env)


def test_json_cannot_be_added_to(tmp_path: Path) -> None:
    (tmp_path / ".terraformrc").write_text('{"disable_checkpoint": true}')
    assert written(tmp_path, env_of(tmp_path)).startswith("{")
    with pytest.raises(SetupError, match="is JSON"):
        written(tmp_path, env_of(tmp_path, ORCH_PROVIDER_MIRROR=str(unpacked(tmp_path / "mirror"))))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SetupError, match=r"cannot read the Terraform CLI configuration .*binary"):
        written(tmp_path, env_of(tmp_path, TF_CLI_CONFIG_FILE=str(tmp_path / "binary")))


def test_mirrors_are_found_where_terraform_and_images_put_them(tmp_path: Path) -> None:
    implied = unpacked(tmp_path / ".terraform.d" / "plugins")
    shared = unpacked(tmp_path / "share" / "terraform" / "plugins")
    placed = unpacked(tmp_path / "opt" / "providers")
    (tmp_path / "opt" / "other").mkdir()
    env = {"HOME": str(tmp_path), "XDG_DATA_DIRS": f"{tmp_path / 'share'}:{tmp_path / 'gone'}"}
    parents = [tmp_path / "opt", tmp_path / "gone"]
    assert find_mirrors(env, parents=parents) == (implied, shared, placed)
    assert find_mirrors(env | {"ORCH_PROVIDER_MIRROR": str(placed)}, parents=parents) == (placed,)
    assert find_mirrors(env | {"ORCH_PROVIDER_MIRROR": "none"}, parents=parents) == ()


def test_a_mirror_that_is_named_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="ORCH_PROVIDER_MIRROR names"):
        find_mirror({"HOME": str(tmp_path), "ORCH_PROVIDER_MIRROR": str(tmp_path)})


def test_offers_are_packed_and_unpacked(tmp_path: Path) -> None:
    unpacked(tmp_path, platform="linux_amd64")
    packed(tmp_path, AWS, "5.99.0", "darwin_arm64")
    packed(tmp_path, "example.com/acme/my_tool", "1.0.0-beta1", "linux_arm64")
    (tmp_path / AWS / "index.json").write_text("{}")
    (tmp_path / AWS / "notes" / "old_files").mkdir(parents=True)
    assert provider_packages(tmp_path) == (
        ProviderPackage("example.com/acme/my_tool", "1.0.0-beta1", "linux_arm64"),
        ProviderPackage(AWS, "5.100.0", "linux_amd64"),
        ProviderPackage(AWS, "5.99.0", "darwin_arm64"),
    )


def test_what_a_mirror_has_only_for_others_comes_from_the_registry(tmp_path: Path) -> None:
    mirrors: Sequence[Path] = [unpacked(tmp_path / "m", platform="plan9_mips")]
    assert installation(mirrors) == ""


def test_hostile_paths_stay_text(tmp_path: Path) -> None:
    text = installation([unpacked(tmp_path / 'a"b${c}')])
    assert f'path    = "{tmp_path}/a\\"b$${{c}}"' in text


@pytest.mark.parametrize(
    ("env", "text", "expected"),
    [
        ({}, "", "CACHE/plugins"),
        ({}, 'plugin_cache_dir = "$HOME/mine"\n', "HOME/mine"),
        ({"TF_PLUGIN_CACHE_DIR": "/given"}, 'plugin_cache_dir = "$HOME/mine"\n', "/given"),
        ({}, '# plugin_cache_dir = "/no"\n', "CACHE/plugins"),
    ],
)
def test_the_plugin_cache_is_the_users_if_there_is_one(
    tmp_path: Path, env: dict[str, str], text: str, expected: str
) -> None:
    (tmp_path / ".terraformrc").write_text(text)
    found = plugin_cache({"HOME": str(tmp_path), **env}, tmp_path / "c")
    assert str(found) == expected.replace("HOME", str(tmp_path)).replace("CACHE", str(tmp_path / "c"))
