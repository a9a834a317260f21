"""Every type of the AWS provider that looks like data or an identity is protected, or has a reason why it is not."""

from __future__ import annotations

from pathlib import Path

from orchestrator.guard.policies.protected import Protected
from tests.support.provider_types import NAME, provider_types, reasons

LISTED = Protected.read(Path(__file__).parents[4] / "policies/protected.yaml")


def test_what_looks_like_data_is_on_one_of_the_two_lists() -> None:
    not_protected = {each for types in reasons().values() for each in types}
    looks = {kind for kind, attributes in provider_types().items() if attributes or NAME.search(kind)}
    undecided = looks - LISTED.types.keys() - LISTED.companion_types - not_protected
    assert not undecided, "add them to policies/protected.yaml, or to tests/golden/aws/unprotected.yaml with the reason"


def test_the_second_list_names_each_type_once_and_no_other() -> None:
    named = [each for types in reasons().values() for each in types]
    assert len(named) == len(set(named)), sorted({each for each in named if named.count(each) > 1})
    assert set(named) <= provider_types().keys()
    assert not set(named) & (LISTED.types.keys() | LISTED.companion_types)
    assert all(len(reason) > 20 for reason in reasons())


def test_every_listed_type_is_one_of_the_provider() -> None:
    assert LISTED.types.keys() <= provider_types().keys()
    assert {each for each in LISTED.companion_types if "::" not in each} <= provider_types().keys()
