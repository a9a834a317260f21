"""Accounts are created once: what orch asks Organizations, in which order, and where it stops.

The client is botocore's own, which checks every request and every answer against the description of the service.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import botocore.session
import pytest
from botocore.stub import Stubber

from orchestrator.aws.errors import CallContext
from orchestrator.aws.identity.base_session import CallerIdentity
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.organization.creation import NewMember, create_member
from orchestrator.aws.organization.organization import Organization
from orchestrator.config.catalogue import Membership, Roles
from orchestrator.errors import Location, SetupError
from tests.support.aws import MANAGEMENT, account

AT = Location("live/accounts/sandbox.yaml", 2)
EMAIL = "aws+sandbox@example.com"
NEW = NewMember("sandbox", "ams-sandbox", EMAIL, "OrganizationAccountAccessRole", AT)
ID = "444444444444"
CREATE = {"AccountName": NEW.name, "Email": EMAIL, "RoleName": NEW.role}
STATES = {"States": ["IN_PROGRESS", "SUCCEEDED"]}


class Base:
    """The session that orch starts from."""

    def __init__(self, client: Any, caller: str) -> None:
        self._client = client
        self._caller = caller

    def caller(self) -> CallerIdentity:
        return CallerIdentity(self._caller, f"arn:aws:iam::{self._caller}:user/me")

    def client(self, service: str, region: str) -> Any:
        assert (service, region) == ("organizations", "eu-west-1")
        return self._client


class Known:
    """Identities with one session."""

    def __init__(self, base: Base) -> None:
        self._base = base

    def base(self, _: Any) -> Base:
        return self._base

    def context(self, _: Any) -> CallContext:
        return CallContext("sandbox")


class Aws:
    """The organization and the answers that it gets."""

    def __init__(self, caller: str = MANAGEMENT) -> None:
        client = botocore.session.Session().create_client(
            "organizations", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.stub = Stubber(client)
        self.stub.activate()
        identities = cast("Identities", Known(Base(client, caller)))
        self.organization = Organization(identities, account("sandbox", ID), MANAGEMENT, "eu-west-1")
        self.waited: list[float] = []

    def members(self, *pairs: tuple[str, str], status: str = "ACTIVE") -> Aws:
        found = [{"Id": id_, "Name": "x", "Email": email, "Status": status} for id_, email in pairs]
        self.stub.add_response("list_accounts", {"Accounts": found})
        return self

    def creations(self, *statuses: dict[str, Any]) -> Aws:
        self.stub.add_response("list_create_account_status", {"CreateAccountStatuses": list(statuses)}, STATES)
        return self

    def created(self, status: dict[str, Any]) -> Aws:
        self.stub.add_response("create_account", {"CreateAccountStatus": status}, CREATE)
        return self

    def then(self, status: dict[str, Any]) -> Aws:
        wanted = {"CreateAccountRequestId": status["Id"]}
        self.stub.add_response("describe_create_account_status", {"CreateAccountStatus": status}, wanted)
        return self

    def email(self, id_: str, email: str) -> Aws:
        answer = {"Account": {"Id": id_, "Email": email, "Name": "x", "Status": "ACTIVE"}}
        self.stub.add_response("describe_account", answer, {"AccountId": id_})
        return self

    def create(self, *clock: float) -> str:
        times = iter(clock)
        id_ = create_member(self.organization, NEW, sleep=self.waited.append, clock=lambda: next(times, 0.0))
        self.stub.assert_no_pending_responses()
        return id_


def status(state: str, *, id_: str = "", reason: str = "", request: str = "car-00000001", name: str = NEW.name) -> Any:
    found = {
        "Id": request,
        "AccountName": name,
        "State": state,
        "RequestedTimestamp": datetime(2026, 11, 29, tzinfo=UTC),
    }
    return found | ({"AccountId": id_} if id_ else {}) | ({"FailureReason": reason} if reason else {})


def test_it_waits_until_aws_has_created_the_account() -> None:
    aws = Aws().members((MANAGEMENT, "root@example.com")).creations().created(status("IN_PROGRESS"))
    aws.then(status("IN_PROGRESS")).then(status("SUCCEEDED", id_=ID))
    assert aws.create() == ID
    assert aws.waited == [5.0, 5.0]


def test_an_address_that_an_account_has_is_that_account_whatever_its_case() -> None:
    assert Aws().members((ID, EMAIL.upper())).create() == ID


def test_a_creation_that_was_interrupted_is_not_begun_again() -> None:
    aws = Aws().members().creations(status("IN_PROGRESS"), status("SUCCEEDED", id_="5" * 12, name="another"))
    assert aws.then(status("SUCCEEDED", id_=ID)).email(ID, EMAIL).create() == ID


def test_an_account_that_is_created_but_not_listed_yet_is_found() -> None:
    assert Aws().members().creations(status("SUCCEEDED", id_=ID)).email(ID, EMAIL).create() == ID


def test_an_account_of_the_same_name_with_another_address_is_another_account() -> None:
    aws = Aws().members().creations(status("SUCCEEDED", id_="5" * 12)).email("5" * 12, "other@example.com")
    assert aws.created(status("SUCCEEDED", id_=ID, request="car-00000002")).create() == ID


def test_an_account_of_the_same_name_that_has_left_the_organization_is_passed_over() -> None:
    aws = Aws().members().creations(status("SUCCEEDED", id_="5" * 12))
    aws.stub.add_client_error("describe_account", "AccountNotFoundException")
    assert aws.created(status("SUCCEEDED", id_=ID)).create() == ID


def test_it_stops_if_no_id_comes_back() -> None:
    aws = Aws().members().creations().created(status("IN_PROGRESS")).then(status("SUCCEEDED"))
    with pytest.raises(SetupError, match="did not say its id") as caught:
        aws.create()
    assert caught.value.hint == "`orch bootstrap sandbox` looks for it by its e-mail address"


def test_it_stops_if_aws_takes_too_long() -> None:
    aws = Aws().members().creations().created(status("IN_PROGRESS")).then(status("IN_PROGRESS"))
    with pytest.raises(SetupError, match="within 15 minutes") as caught:
        aws.create(0.0, 1.0, 901.0)
    assert "car-00000001" in str(caught.value)


def test_a_request_that_was_sent_twice_gives_the_one_account() -> None:
    failed = status("FAILED", reason="EMAIL_ALREADY_EXISTS")
    assert Aws().members().creations().created(failed).members((ID, EMAIL)).create() == ID


@pytest.mark.parametrize(
    ("reason", "hint"),
    [("EMAIL_ALREADY_EXISTS", "outside of the organization"), ("ACCOUNT_LIMIT_EXCEEDED", "quota"), ("NEW_ONE", "")],
)
def test_a_refusal_is_told_in_words(reason: str, hint: str) -> None:
    aws = Aws().members().creations().created(status("FAILED", reason=reason))
    if reason == "EMAIL_ALREADY_EXISTS":
        aws.members()
    with pytest.raises(SetupError, match=f"AWS did not create the account ams-sandbox: {reason}") as caught:
        aws.create()
    assert hint in (caught.value.hint or "")
    assert caught.value.where == AT


def test_a_closed_account_is_no_account() -> None:
    with pytest.raises(SetupError, match="is closed or suspended"):
        Aws().members((ID, EMAIL), status="SUSPENDED").create()


def test_a_denied_call_names_the_page_with_the_permissions() -> None:
    aws = Aws()
    aws.stub.add_client_error("list_accounts", "AccessDeniedException", "not you")
    with pytest.raises(
        SetupError, match="cannot list the accounts of the organization: access denied: not you"
    ) as caught:
        aws.create()
    assert "docs/accounts.md" in (caught.value.hint or "")


def test_only_the_management_account_of_the_organization_will_do() -> None:
    with pytest.raises(SetupError, match="only the management account 999999999999 can create accounts"):
        Aws(caller=ID).organization.check()
    aws = Aws()
    aws.stub.add_client_error("describe_organization", "AWSOrganizationsNotInUseException")
    with pytest.raises(SetupError, match="has no organization"):
        aws.organization.check()
    aws.stub.add_response("describe_organization", {"Organization": {"MasterAccountId": ID}})
    with pytest.raises(SetupError, match=f"the management account of the organization is {ID}"):
        aws.organization.check()


def test_a_unit_is_found_by_its_path_and_a_missing_one_is_named_with_its_parent() -> None:
    aws = Aws()
    for units in ([("ou-root-workloads", "Workloads")], [("ou-root-prod00001", "Prod"), ("ou-root-test00001", "Test")]):
        aws.stub.add_response("list_roots", {"Roots": [{"Id": "r-root"}]}) if "Workloads" in units[0] else None
        answer = {"OrganizationalUnits": [{"Id": id_, "Name": name} for id_, name in units]}
        aws.stub.add_response("list_organizational_units_for_parent", answer)
    with pytest.raises(SetupError, match="there is no organizational unit 'Dev' in Workloads") as caught:
        aws.organization.place(Membership(EMAIL, "Workloads/Dev", AT))
    assert caught.value.hint == (
        "it has Prod, Test; or create it: "
        "aws organizations create-organizational-unit --parent-id ou-root-workloads --name Dev"
    )


def test_a_role_with_a_path_cannot_be_created() -> None:
    given = account("sandbox", ID)
    object.__setattr__(given, "roles", Roles(bootstrap="platform/admin"))
    with pytest.raises(SetupError, match="AWS cannot create the role platform/admin"):
        NewMember.of(given, Membership(EMAIL, None, AT), "ams")


def test_a_long_name_fits() -> None:
    given = account("a" * 31, ID)
    assert len(NewMember.of(given, Membership(EMAIL, None, AT), "b" * 31).name) == 50
