"""What is said when a cluster cannot be used."""

from __future__ import annotations

import sys

import pytest

from orchestrator.errors import SetupError
from orchestrator.run.executor.cluster import Cluster


def test_without_the_extra_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SetupError) as raised, Cluster.connected("tls://127.0.0.1:1"):
        pass
    assert raised.value.hint == "pip install 'orch[dask]'"


def test_without_a_certificate_the_message_names_dasks_configuration() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(SetupError, match="needs a certificate") as raised, Cluster.connected("tls://127.0.0.1:1"):
        pass
    assert "DASK_DISTRIBUTED__COMM__TLS__CA_FILE" in str(raised.value.hint)


def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("orchestrator.run.executor.cluster._CONNECT_SECONDS", 1)
    with pytest.raises(SetupError, match="does not answer"), Cluster.connected("tcp://127.0.0.1:1"):
        pass
