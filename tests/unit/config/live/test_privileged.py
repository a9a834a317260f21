"""Each key of ``live/orch.yaml`` and of an account either needs the merge to count in CI, or there is a reason why not."""

from __future__ import annotations

import pytest

from orchestrator.config.live.privileged import privileged_changes, trusted_account, trusted_settings
from orchestrator.config.schema.models import AccountModel, OrchModel
from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.config.yaml.validation import to_plain

ORCH = "live/orch.yaml"
ACCOUNT = "live/accounts/main.yaml"
SETTINGS = {
    "providers": "{aws: '5.100.0', evil: {source: evil/evil, version: '1.0.0'}}",
    "module_sources": "['git::https://evil.example/x.git?ref=v1']",
    "environment": "[GITHUB_TOKEN]",
    "state": "{bucket: evil}",
    "roles": "{plan: admin}",
    "management": '"222222222222"',
}
"""Key -> another value."""
FREE_SETTINGS = {
    "format": "only one value is valid",
    "name": "names in AWS; the lock file of accounts has it, from the protected commit",
    "orch": "lowering it is found with the other pins of orch",
    "region": "where things are; the lock file of accounts has the region of each state bucket",
    "terraform": "versions of what the machine has, none older than orch allows",
    "binary": "two programs of the machine or of orch's own verified downloads",
    "tags": "values",
    "timeouts": "values",
    "checks": "checkov's own checks of `orch check`, which decide nothing about a plan",
    "warm": "how fast the same programs run",
}
ACCOUNTS = {"access": "open", "roles": "{apply: admin}", "profile": "root"}
FREE_ACCOUNTS = {
    "id": "the lock file of accounts has it, from the protected commit",
    "organization": "what a person at a terminal creates and moves; CI does neither",
    "region": "as in the settings",
    "regions": "where units may be; a plan there is judged like any other",
    "stacks": "units, which are judged; the baseline is compared on its own",
    "tags": "values",
}
OLD_ORCH = "providers: {aws: '5.100.0'}\nmodule_sources: []\nenvironment: []\nstate: {bucket: ours}\n"
OLD_ORCH += 'roles: {plan: reader}\nmanagement: "111111111111"\n'
OLD_ACCOUNT = "access: restricted\nroles: {apply: deployer}\nprofile: people\n"


def test_every_key_was_thought_about() -> None:
    assert SETTINGS.keys() | FREE_SETTINGS.keys() == OrchModel.model_fields.keys()
    assert ACCOUNTS.keys() | FREE_ACCOUNTS.keys() == AccountModel.model_fields.keys()


@pytest.mark.parametrize("key", SETTINGS)
def test_a_setting_counts_when_it_is_merged(key: str) -> None:
    own = parse_yaml(f"{key}: {SETTINGS[key]}\nname: acme\n".encode(), ORCH)
    before = {ORCH: OLD_ORCH.encode()}
    (found,) = privileged_changes(before, {ORCH: _replaced(key).encode()})
    assert found.where.file == ORCH
    assert found.what
    trusted = to_plain(trusted_settings(own, before))
    assert trusted["name"] == "acme"
    assert trusted[key] == to_plain(parse_yaml(OLD_ORCH.encode(), ORCH))[key]


def _replaced(key: str) -> str:
    lines = [line for line in OLD_ORCH.splitlines() if not line.startswith(f"{key}:")]
    return "\n".join([*lines, f"{key}: {SETTINGS[key]}"]) + "\n"


@pytest.mark.parametrize("key", ACCOUNTS)
@pytest.mark.parametrize("before", [{ACCOUNT: OLD_ACCOUNT.encode()}, {}], ids=["known", "new"])
def test_a_right_in_an_account_counts_when_it_is_merged(key: str, before: dict[str, bytes]) -> None:
    text = f"{key}: {ACCOUNTS[key]}\nid: '1'\n".encode()
    assert key in {each.subject for each in privileged_changes(before, {ACCOUNT: text})}
    trusted = to_plain(trusted_account(parse_yaml(text, ACCOUNT), "main", before))
    assert trusted["id"] == "1"
    assert trusted.get(key) != to_plain(parse_yaml(text, ACCOUNT))[key]


def test_a_file_that_is_no_yaml_grants_nothing() -> None:
    assert list(privileged_changes({ORCH: b"a: ["}, {ORCH: OLD_ORCH.encode()}))
    assert list(privileged_changes({}, {ORCH: b"a: ["})) == []
