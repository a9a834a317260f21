"""Warm providers that serve many accounts: each resource is in the account that its provider configuration names."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.aws.identity.profiles import emulator_variables, profile_config, profile_name
from orchestrator.terraform.commands import Root
from tests.support.emulator import ENTRY_ROLE, Account
from tests.support.terraform import clean_env
from tests.support.warm import PROVIDER, Pair, actions, aws_root

pytestmark = pytest.mark.integration

PARAMETER = """
resource "aws_ssm_parameter" "{name}" {{
  provider = {provider}
  name     = "/{name}"
  type     = "String"
  value    = "{value}"
}}
"""


def parameters(account: Account) -> dict[str, str]:
    """Name and value of every parameter in an account."""
    pages = account.client("ssm").get_paginator("get_parameters_by_path").paginate(Path="/", Recursive=True)
    return {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]}


def with_profiles(folder: Path, accounts: Iterable[Account]) -> dict[str, str]:
    """An environment for all of the accounts: as in a run of orch, only the provider configuration says which."""
    files: dict[str, tuple[str, Path]] = {}
    url = ""
    for account in accounts:
        keys, url = account.assume(ENTRY_ROLE), account.info.url
        names = {
            "AccessKeyId": "access_key_id",
            "SecretAccessKey": "secret_access_key",
            "SessionToken": "session_token",
        }
        file = folder / f"{account.id}.json"
        pairs = ", ".join(f'"{name}": "{keys[f"aws_{key}"]}"' for name, key in names.items())
        file.write_text(f'{{"Version": 1, {pairs}}}')
        files[account.id] = ("eu-west-1", file)
    config = folder / "aws.config"
    config.write_text(profile_config(files))
    return clean_env(AWS_CONFIG_FILE=str(config), AWS_EC2_METADATA_DISABLED="true", **emulator_variables(url))


def with_aliases(accounts: Mapping[str, Account], names: Mapping[str, Iterable[str]]) -> str:
    """A root that assumes a role in each account and makes parameters there."""
    text = PROVIDER
    for alias, account in accounts.items():
        text += f'provider "aws" {{\n  alias  = "{alias}"\n  region = "eu-west-1"\n'
        text += f'  assume_role {{\n    role_arn = "{account.arn(ENTRY_ROLE)}"\n  }}\n}}\n'
        text += "".join(PARAMETER.format(name=n, provider=f"aws.{alias}", value=alias) for n in names[alias])
    return text


def test_two_aliases_in_two_accounts(emulator: Path, tmp_path: Path) -> None:
    pair = Pair.make(tmp_path)
    home, accounts = Account(emulator), {"one": Account(emulator), "two": Account(emulator)}
    root = aws_root(tmp_path / "root", {}, home)
    entry = {"AWS_ACCESS_KEY_ID": home.info.access_key, "AWS_SECRET_ACCESS_KEY": home.info.secret_key}
    root = replace(root, env=clean_env(**emulator_variables(home.info.url), **entry))
    names: dict[str, list[str]] = {"one": [], "two": []}
    for last in (False, False, False, True):
        for alias, given in names.items():
            given.append(f"{alias}-{len(given)}")
        (root.folder / "main.tf").write_text(with_aliases(accounts, names))
        pair.warm.init(root, timeout=120)
        if last:
            assert set(actions(pair.same_plan(root)).values()) == {"create"}
        else:
            pair.plan(pair.warm, root, "warm")
        pair.apply(root)
        for alias, account in accounts.items():
            assert parameters(account) == {f"/{name}": alias for name in names[alias]}
    assert parameters(home) == {}
    assert not actions(json.loads(pair.plan(pair.warm, root, "warm")))


@pytest.mark.parametrize("runs", [12, pytest.param(200, marks=pytest.mark.full)])
def test_many_runs_over_ten_accounts_in_random_order(emulator: Path, tmp_path: Path, runs: int) -> None:
    """Two at a time, on one pool whose processes go from account to account."""
    pair = Pair.make(tmp_path)
    accounts = [Account(emulator) for _ in range(10)]
    env = with_profiles(tmp_path, accounts)
    units = [f"unit-{number}" for number in range(20)]
    of = {unit: accounts[number % len(accounts)] for number, unit in enumerate(units)}
    turns = {unit: threading.Lock() for unit in units}
    expected: dict[str, str] = {}

    def root_of(unit: str, value: str) -> Root:
        profile = profile_name(of[unit].id)
        text = f'{PROVIDER}provider "aws" {{\n  region  = "eu-west-1"\n  profile = "{profile}"\n}}\n'
        text += PARAMETER.format(name=unit, provider="aws", value=value)
        root = aws_root(tmp_path / unit, {"main.tf": text}, of[unit], unit=unit)
        return replace(root, env=env, identity="all")

    def run(numbered: tuple[int, str]) -> None:
        number, unit = numbered
        with turns[unit]:
            root = root_of(unit, f"run {number}")
            pair.warm.init(root, timeout=120)
            pair.plan(pair.warm, root, "warm")
            pair.apply(root)
            assert parameters(of[unit])[f"/{unit}"] == f"run {number}"
            expected[unit] = f"run {number}"

    order = random.Random(runs).choices(units, k=runs)  # noqa: S311
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(run, enumerate(order)))
    for account in accounts:
        theirs = {f"/{unit}": value for unit, value in expected.items() if of[unit] is account}
        assert parameters(account) == theirs
    assert {pair.warm.providers_of(unit) for unit in expected} == {"warm"}
    assert pair.told == []
