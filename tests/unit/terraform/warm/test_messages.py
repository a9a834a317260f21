"""What orch and its provider server say to each other survives the way."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.terraform.warm.messages import LeaseRequest, LockedPackage, encode, request_data, request_from

packages = st.builds(LockedPackage, st.text(), st.text(), st.lists(st.text()).map(tuple))
requests = st.builds(
    LeaseRequest,
    packages=st.lists(packages, max_size=3).map(tuple),
    identity=st.text(),
    environment=st.dictionaries(st.text(), st.text(), max_size=4),
    folder=st.text(),
    data_dir=st.text(),
    types=st.lists(st.text(), max_size=4).map(tuple),
    prepare=st.booleans(),
    whole=st.booleans(),
)


@given(requests)
def test_a_request_comes_back_from_its_line(request: LeaseRequest) -> None:
    line = encode({"id": 1, "do": "open", "request": request_data(request)})
    assert line.index(b"\n") == len(line) - 1
    assert request_from(json.loads(line)["request"]) == request


@given(st.text(st.characters(categories=["Cs", "Cc", "L", "Z"])))
def test_any_name_of_a_file_is_one_line(name: str) -> None:
    # A file whose name is not UTF-8 has surrogates in it.
    line = encode({"folder": name})
    assert line.count(b"\n") == 1
    assert json.loads(line)["folder"] == name


def test_the_environment_is_never_shown() -> None:
    request = LeaseRequest(packages=(), environment={"AWS_SECRET_ACCESS_KEY": "secret"})
    assert "secret" not in repr(request)
