"""Identities, buckets, states and credential files on the emulator, which enforces roles, trust and policies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.preflight import needs_of, preflight
from orchestrator.aws.state.bucket import BucketChange, ensure_bucket, plan_bucket
from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.catalogue import Catalogue
from orchestrator.emulator.control import ensure_accounts
from orchestrator.emulator.info import EmulatorInfo, read_info
from orchestrator.errors import DeniedError, SetupError
from tests.support.aws import catalogue, make_roles
from tests.support.emulator import new_account_id

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def live(emulator: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    ids = {"production": new_account_id(), "bpm": new_account_id()}
    ensure_accounts(emulator, ids)
    return catalogue(tmp_path_factory.mktemp("live"), **ids)


@pytest.fixture(scope="module")
def running(emulator: Path) -> EmulatorInfo:
    info = read_info(emulator)
    assert info is not None
    return info


@pytest.fixture(scope="module")
def ready(live: Catalogue, running: EmulatorInfo) -> Identities:
    """Both accounts with a bucket and roles that are as restricted as those of `account_baseline`."""
    identities = Identities(live, running)
    for account in live.accounts.values():
        ensure_bucket(account, identities)
        make_roles(identities, account)
    return identities


def test_before_bootstrap_only_the_bootstrap_role_can_be_assumed(live: Catalogue, running: EmulatorInfo) -> None:
    elsewhere = replace(live.accounts["production"], name="elsewhere", id="222222222222")
    given = replace(live, accounts={"elsewhere": replace(elsewhere, roles=replace(elsewhere.roles, plan="nobody"))})
    with pytest.raises(SetupError) as caught:
        Identities(given, running).confirm("elsewhere", Role.PLAN)
    assert "arn:aws:iam::222222222222:role/nobody" in caught.value.what
    assert "orch bootstrap elsewhere" in (caught.value.hint or "")
    caller = Identities(live, running).confirm("production", Role.BOOTSTRAP)
    assert caller.account == live.accounts["production"].id
    assert caller.is_role(caller.account, "OrganizationAccountAccessRole")


def test_a_bucket_is_made_in_steps_that_can_be_cut_off(live: Catalogue, running: EmulatorInfo) -> None:
    identities = Identities(live, running)
    account = replace(live.accounts["production"], state_bucket=f"cut-off-{live.accounts['production'].id}-tfstate")
    assert not any(step.done for step in plan_bucket(account, identities))

    def cut(step: BucketChange) -> None:
        if step.name == "versioning":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_bucket(account, identities, on_step=cut)
    went_on = ensure_bucket(account, identities)
    assert [s.name for s in went_on if s.done] == ["bucket", "public access block", "ownership", "versioning"]
    assert [s.name for s in went_on if not s.done] == ["encryption", "tags", "TLS only", "old versions"]
    assert all(step.done for step in plan_bucket(account, identities))
    assert all(step.done for step in ensure_bucket(account, identities)), "a second time there is nothing to do"


def test_what_someone_added_to_the_bucket_stays(live: Catalogue, running: EmulatorInfo) -> None:
    identities = Identities(live, running)
    account = replace(live.accounts["bpm"], state_bucket=f"added-{live.accounts['bpm'].id}-tfstate")
    s3 = identities.client("s3", account, Role.BOOTSTRAP)
    s3.create_bucket(Bucket=account.state_bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    theirs = {
        "Sid": "Theirs",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteBucket",
        "Resource": f"arn:aws:s3:::{account.state_bucket}",
    }
    s3.put_bucket_policy(Bucket=account.state_bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": theirs}))
    rule = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=account.state_bucket, LifecycleConfiguration={"Rules": [rule]})
    ensure_bucket(account, identities)
    policy = json.loads(s3.get_bucket_policy(Bucket=account.state_bucket)["Policy"])
    assert {s["Sid"] for s in policy["Statement"]} == {"Theirs", "OrchTlsOnly"}
    rules = s3.get_bucket_lifecycle_configuration(Bucket=account.state_bucket)["Rules"]
    ours = {"orch-expire-old-versions", "orch-expire-work", "orch-expire-claims", "orch-expire-plans"}
    assert {r["ID"] for r in rules} == {"theirs", *ours}


def test_two_platforms_share_a_bucket_and_expire_only_what_is_below_their_prefix(
    live: Catalogue, running: EmulatorInfo
) -> None:
    identities = Identities(live, running)
    plain = replace(live.accounts["bpm"], state_bucket=f"shared-{live.accounts['bpm'].id}-tfstate")
    accounts = [replace(plain, state_prefix=prefix) for prefix in ("team/t/", "team-t/")]
    s3 = identities.client("s3", plain, Role.BOOTSTRAP)
    for account in accounts:
        ensure_bucket(account, identities)
    below = [
        each["Filter"]["Prefix"] for each in s3.get_bucket_lifecycle_configuration(Bucket=plain.state_bucket)["Rules"]
    ]
    parts = ("", "work/", "claims/", "plans/")
    assert sorted(below) == sorted(f"{account.state_prefix}{part}" for account in accounts for part in parts)
    for account in accounts:
        assert all(step.done for step in plan_bucket(account, identities)), "neither undoes what the other did"


def test_the_bucket_is_what_a_state_needs(live: Catalogue, ready: Identities) -> None:
    account = live.accounts["production"]
    s3, bucket = ready.client("s3", account, Role.BOOTSTRAP), account.state_bucket
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    assert rules["orch-expire-old-versions"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 365
    for prefix, days in (("work", 2), ("claims", 2), ("plans", 8)):
        rule = rules[f"orch-expire-{prefix}"]
        assert (rule["Filter"], rule["Expiration"]["Days"]) == ({"Prefix": f"{prefix}/"}, days)
        assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 1
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-west-1"


def test_someone_elses_bucket_is_refused(live: Catalogue, ready: Identities) -> None:
    taken = replace(live.accounts["bpm"], state_bucket=live.accounts["production"].state_bucket)
    with pytest.raises(SetupError, match="belongs to another AWS account"):
        ensure_bucket(taken, ready)


def test_preflight_passes_where_all_is_there_and_names_the_bucket_where_not(
    live: Catalogue, ready: Identities, running: EmulatorInfo
) -> None:
    units = [live.units["prod/api"]]
    preflight(live, ready, needs_of(live, units, write=True), free_bytes=1)
    nowhere = replace(live.accounts["bpm"], state_bucket="nowhere-tfstate")
    given = replace(live, accounts={**live.accounts, "bpm": nowhere})
    with pytest.raises(SetupError, match="account bpm has no state bucket nowhere-tfstate") as caught:
        preflight(given, Identities(given, running), needs_of(given, units, write=True), free_bytes=1)
    assert "orch bootstrap bpm" in (caught.value.hint or "")


def test_outputs_cross_accounts_through_what_is_published(live: Catalogue, ready: Identities) -> None:
    tasks, bpm = live.units["bpm-prod/tasks"], live.accounts["bpm"]
    state = {
        "version": 4,
        "serial": 4,
        "lineage": "line",
        "outputs": {"queue_arn": {"value": "arn:q"}, "token": {"value": "hush", "sensitive": True}},
        "resources": [],
    }
    ready.client("s3", bpm, Role.APPLY).put_object(
        Bucket=bpm.state_bucket, Key=tasks.state_key, Body=json.dumps(state).encode()
    )
    StateStore(live, ready).publish(tasks)
    store = StateStore(live, ready)
    assert dict(store.published(tasks) or {}) == {"queue_arn": "arn:q"}
    record = store.read(tasks)
    assert record is not None
    assert record.outputs["token"].sensitive
    assert store.read(live.units["prod/data"]) is None, "not applied"


def test_denied_and_no_bucket_are_not_not_applied(live: Catalogue, ready: Identities, running: EmulatorInfo) -> None:
    data, account = live.units["prod/data"], live.accounts["production"]
    blind = replace(
        live, accounts={**live.accounts, "production": replace(account, roles=replace(account.roles, plan="blind"))}
    )
    make_roles(ready, blind.accounts["production"], names=["blind"])
    with pytest.raises(DeniedError, match="cannot read the state of prod/data"):
        StateStore(blind, Identities(blind, running)).read(data)
    gone = replace(live, accounts={**live.accounts, "production": replace(account, state_bucket="gone-tfstate")})
    with pytest.raises(SetupError, match="orch bootstrap production"):
        StateStore(gone, Identities(gone, running)).read(data)


def test_the_users_own_aws_settings_do_not_reach_the_emulators_accounts(
    live: Catalogue, running: EmulatorInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_PROFILE": "not-there",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    caller = Identities(live, running).confirm("production", Role.BOOTSTRAP)
    assert caller.account == live.accounts["production"].id


def test_an_emulator_that_is_gone_is_said(
    live: Catalogue, running: EmulatorInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    gone = replace(running, url="http://127.0.0.1:9")
    with pytest.raises(SetupError, match=r"http://127\.0\.0\.1:9 does not answer") as caught:
        Identities(live, gone).confirm("production", Role.BOOTSTRAP)
    assert "orch emulator start" in (caught.value.hint or "")
