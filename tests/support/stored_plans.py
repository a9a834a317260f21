"""Stored plans as somebody with access to the bucket could change them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.run.approved.package import StoredPlan, packed, unpacked
from orchestrator.run.approved.record import StoredRecord
from orchestrator.util.files import write_atomic


@dataclass(frozen=True)
class StoredPlans:
    """The stored plans of one unit.

    Attributes:
        s3: a client that may read and write them.
        bucket: the state bucket.
        unit: the unit's id, in ``eu-west-1``.
        work: a folder for files.
    """

    s3: Any
    bucket: str
    unit: str
    work: Path

    @property
    def prefix(self) -> str:
        return f"plans/{self.unit}/eu-west-1/"

    def digests(self) -> list[str]:
        """The digests of its configurations, the newest plan first."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, Delimiter="/")["Contents"]
        keys = [each["Key"] for each in sorted(listed, key=lambda each: each["LastModified"], reverse=True)]
        return [key.removeprefix(self.prefix).removesuffix(".json") for key in keys]

    def index(self, digest: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._get(f"{self.prefix}{digest}.json"))
        return found

    def read(self, digest: str) -> StoredPlan:
        archive = self.work / "archive"
        write_atomic(archive, self._get(self.index(digest)["key"]))
        return unpacked(archive, self.work / "files", unit=self.unit, digest=digest)

    def write(self, digest: str, data: bytes, *, key: str | None = None) -> None:
        """Store an archive for a configuration, with an index that names it."""
        index = {**self.index(digest), "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        index["key"] = key or index["key"]
        self.s3.put_object(Bucket=self.bucket, Key=index["key"], Body=data)
        self.s3.put_object(Bucket=self.bucket, Key=f"{self.prefix}{digest}.json", Body=json.dumps(index).encode())

    def edit(self, digest: str, change: Callable[[StoredRecord], StoredRecord], *, plan: Path | None = None) -> None:
        """Store a plan again with another record, or another plan file."""
        stored = self.read(digest)
        receipt = stored.folder / "receipt.json"
        with packed(
            self.work / "again", change(stored.record), plan=plan or stored.plan, json=None, receipt=receipt
        ) as archive:
            data = archive.read_bytes()
        self.write(digest, data)

    def data(self, digest: str) -> bytes:
        """The archive of a configuration."""
        return self._get(self.index(digest)["key"])

    def _get(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
