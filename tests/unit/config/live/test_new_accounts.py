"""Accounts that do not exist yet: what their files must say, and that nothing runs in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.cli.aws import account_ids
from orchestrator.config.catalogue import Membership
from orchestrator.errors import Location, SetupError
from tests.support.catalogue import loaded, problems

NEW = "== accounts/{0}\norganization:\n  email: {0}@example.com\n"


def test_two_accounts_that_do_not_exist_are_not_confused(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, NEW.format("one") + NEW.format("two") + "  organizational_unit: Work/Dev\n")
    one, two = catalogue.accounts["one"], catalogue.accounts["two"]
    assert not one.created
    assert not two.created
    assert two.organization == Membership("two@example.com", "Work/Dev", Location("live/accounts/two.yaml", 2, 3))
    assert account_ids(catalogue) == {}, "the emulator gets none of them"


def test_nothing_assumes_a_role_in_one(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, NEW.format("one"))
    with pytest.raises(SetupError, match="the AWS account one does not exist yet") as caught:
        Identities(catalogue, None).confirm("one", Role.PLAN)
    assert caught.value.hint == "`orch bootstrap one` creates it and writes the id"
    assert str(caught.value.where) == "live/accounts/one.yaml:1:1"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("access: open\n", "live/accounts/one.yaml:1:1: missing key 'id'"),
        ("id:\n", "live/accounts/one.yaml:1:1: missing key 'id'"),
        ("organization:\n", "live/accounts/one.yaml:1:1: missing key 'id'"),
        ('id: "000000000000"\n', "live/accounts/one.yaml:1:5: 000000000000 is not the id of an AWS account"),
        ("organization: {email: one}\n", "live/accounts/one.yaml:1:23: organization.email must be an e-mail address"),
        ("organization: {email: a@b.c, organizational_unit: /x}\n", "organizational_unit must be names of"),
        ("organization: {organizational_unit: x}\n", "missing key 'organization.email'"),
    ],
)
def test_a_file_says_which_account_or_how_to_create_it(tmp_path: Path, body: str, expected: str) -> None:
    (found,) = problems(tmp_path, f"== accounts/one\n{body}")
    assert expected in found


def test_two_accounts_have_two_addresses(tmp_path: Path) -> None:
    text = NEW.format("one") + "== accounts/two\nid: '222222222222'\norganization: {email: ONE@Example.com}\n"
    (found,) = problems(tmp_path, text)
    assert "live/accounts/two.yaml:2:23: ONE@Example.com is already the e-mail address of one" in found


def test_a_bucket_name_without_the_id_is_still_refused(tmp_path: Path) -> None:
    orch = (
        '== orch\nformat: 1\nname: ams\norch: "~=0.1"\nregion: eu-west-1\nstate: {bucket: shared}\n'
        'management: "999999999999"\n'
    )
    (found,) = problems(tmp_path, f'{orch}{NEW.format("one")}== accounts/two\nid: "222222222222"\n')
    assert "one and two would share the bucket shared" in found
