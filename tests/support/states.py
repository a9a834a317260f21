"""What is in a project's state bucket, seen past orch."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.config.load import load
from orchestrator.emulator.info import read_info
from orchestrator.terraform.state.reader import read_state
from tests.support.project import Project


class States:
    """The state bucket of one account of a project."""

    def __init__(self, project: Project, account: str = "main", region: str = "eu-west-1") -> None:
        catalogue = load(project.root)
        identities = Identities(catalogue, read_info(project.root / ".orch" / "emulator"))
        self.region = region
        self.bucket = catalogue.accounts[account].state_bucket
        self.s3: Any = identities.client("s3", account, Role.BOOTSTRAP)

    def keys(self) -> list[str]:
        """All keys."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [str(each["Key"]) for page in pages for each in page.get("Contents", ())]

    def get(self, key: str) -> bytes:
        """An object."""
        data: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return data

    def json(self, key: str) -> Any:
        """An object that is JSON."""
        return json.loads(self.get(key))

    def snapshot(self) -> dict[str, bytes]:
        """Everything that is there."""
        return {key: self.get(key) for key in self.keys()}

    def locks(self) -> list[str]:
        """Keys of locks."""
        return [key for key in self.keys() if key.endswith(".tflock")]

    def key(self, unit: str) -> str:
        """Key of a unit's state."""
        return f"{unit}/{self.region}/terraform.tfstate"

    def addresses(self, unit: str) -> list[str]:
        """Addresses of what a unit's state has; nothing when there is none."""
        key = self.key(unit)
        return list(read_state(self.get(key)).addresses) if key in self.keys() else []

    def resources(self, unit: str) -> int:
        """How many managed resources a unit's state has."""
        return len(self.addresses(unit))

    def assert_recorded(self, unit: str) -> None:
        """The ledger has a unit's state as it is: what is in it, and nothing when there is none."""
        keys, entry = self.keys(), f"ledger/{unit}/{self.region}.json"
        if self.key(unit) not in keys:
            assert entry not in keys or self.json(entry)["resources"] == 0
            return
        state, recorded = self.json(self.key(unit)), self.json(entry)
        assert (recorded["lineage"], recorded["serial"]) == (state["lineage"], state["serial"])
        assert recorded["resources"] == self.resources(unit)

    def id_of(self, unit: str, name: str) -> str:
        """The id of the resource with a name."""
        found = [each for each in self.json(self.key(unit))["resources"] if each["name"] == name]
        return str(found[0]["instances"][0]["attributes"]["id"])
