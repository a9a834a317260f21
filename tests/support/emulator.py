"""One emulator for all tests of a run, and accounts in it that no two tests share."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from orchestrator.emulator.control import ensure_accounts, start
from orchestrator.emulator.info import EmulatorInfo, read_info

MANAGEMENT = "999999999999"
REGION = "eu-west-1"
ENTRY_ROLE = "OrganizationAccountAccessRole"


def shared_emulator(tmp_root: Path) -> Path:
    """The folder of the emulator that all workers of this test run share; started by the first who asks.

    It ends with the test run, however that ends.

    Args:
        tmp_root: a folder of this test run alone, the same for all its workers.

    Returns:
        a folder with ``emulator.json``.
    """
    folder = tmp_root / "emulator"
    # A worker of xdist is a child of the process that the user started.
    run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    start(folder, accounts={}, management=MANAGEMENT, ttl_parent=run)
    return folder


def new_account_id() -> str:
    """An account id that no other test has: 12 digits, random, so that workers need not agree."""
    return str(10**11 + secrets.randbelow(9 * 10**11))


class Account:
    """An account of its own in the shared emulator, and clients in it.

    Args:
        folder: folder of the emulator.
    """

    def __init__(self, folder: Path) -> None:
        info = read_info(folder)
        assert info is not None, "the shared emulator has ended"
        self.info: EmulatorInfo = info
        self.id = new_account_id()
        ensure_accounts(folder, {"test": self.id})
        self._admin = self.assume(ENTRY_ROLE)

    def arn(self, role: str) -> str:
        """The ARN of a role."""
        return f"arn:aws:iam::{self.id}:role/{role}"

    def assume(self, role: str, **more: Any) -> dict[str, str]:
        """The entry user's way into a role: what a client takes as credentials."""
        return self.enter(
            entry_client(self.info, "sts").assume_role(RoleArn=self.arn(role), RoleSessionName="test", **more)
        )

    @staticmethod
    def enter(answer: Mapping[str, Any]) -> dict[str, str]:
        """An answer of AssumeRole as what a client takes."""
        given = answer["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    def client(self, service: str, keys: Mapping[str, str] | None = None, region: str = REGION) -> Any:
        """A client with the credentials of a role; by default of the one that may do everything."""
        return client(self.info, service, keys or self._admin, region)


def client(info: EmulatorInfo, service: str, keys: Mapping[str, str], region: str = REGION) -> Any:
    """A client of the emulator that does not try again: a test wants the first answer."""
    session = botocore.session.Session()
    make: Any = session.create_client
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=60)
    return make(service, endpoint_url=info.url, region_name=region, config=config, **keys)


def entry_client(info: EmulatorInfo, service: str, region: str = REGION) -> Any:
    """A client with the keys of ``orch-entry``."""
    return client(
        info, service, {"aws_access_key_id": info.access_key, "aws_secret_access_key": info.secret_key}, region
    )


def admin_client(folder: Path, account_id: str, service: str) -> Any:
    """A client that may do everything in an account of the emulator, which is made if it is not there yet.

    Args:
        folder: folder of the emulator.
        account_id: the account.
        service: as in botocore.
    """
    info = read_info(folder)
    assert info is not None, "the shared emulator has ended"
    ensure_accounts(folder, {"main": account_id})
    arn = f"arn:aws:iam::{account_id}:role/{ENTRY_ROLE}"
    keys = Account.enter(entry_client(info, "sts").assume_role(RoleArn=arn, RoleSessionName="test"))
    return client(info, service, keys)
