"""What this machine lacks for a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from dask import config

from orchestrator.run.executor.tls import cluster_problems

_TLS = "distributed.comm.tls"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    files = {"ca-file": tmp_path / "ca.pem", "client.cert": tmp_path / "cert.pem", "client.key": tmp_path / "key.pem"}
    for file in files.values():
        file.write_text("x")
        file.chmod(0o600)
    return {f"{_TLS}.{key}": str(file) for key, file in files.items()} | {"distributed.comm.require-encryption": True}


def test_complete(settings: dict[str, object]) -> None:
    with config.set(settings):
        assert cluster_problems("tls://scheduler.example.com:8786") == ()
        assert cluster_problems(None) == ()


def test_each_thing_that_is_missing(settings: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "cert.pem").unlink()
    (tmp_path / "key.pem").chmod(0o644)
    settings |= {f"{_TLS}.ca-file": None, "distributed.comm.require-encryption": None}
    with config.set(settings):
        assert cluster_problems("tls://scheduler.example.com:8786") == (
            f"{_TLS}.ca-file is not set: set it in Dask's configuration, or DASK_DISTRIBUTED__COMM__TLS__CA_FILE",
            f"{_TLS}.client.cert is {tmp_path}/cert.pem, which cannot be read: No such file or directory",
            f"{_TLS}.client.key is {tmp_path}/key.pem, which others can read: chmod 600 {tmp_path}/key.pem",
            "distributed.comm.require-encryption is not true: Dask then accepts connections without TLS",
        )


def test_a_scheduler_without_tls() -> None:
    (problem,) = cluster_problems("tcp://scheduler.example.com:8786")
    assert "does not use TLS, and is not on this machine" in problem
    assert cluster_problems("tcp://127.0.0.1:8786") == ()
    (problem,) = cluster_problems("scheduler")
    assert problem.startswith("invalid scheduler 'scheduler'")
