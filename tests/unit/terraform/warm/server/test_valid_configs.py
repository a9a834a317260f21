"""When a provider is asked about its configuration again, and when its earlier answer counts."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.terraform.warm.messages import LockedPackage
from orchestrator.terraform.warm.server.digests import DigestCache
from orchestrator.terraform.warm.server.package import Verifier
from orchestrator.terraform.warm.server.process import Launch
from orchestrator.terraform.warm.server.valid_configs import ValidConfigs
from orchestrator.util.file_cache import FileCache
from tests.support.fake_package import fake_package, launch_of
from tests.support.protobuf import field

UNKNOWN = msgpack.ExtType(0, b"\0")
ENVIRONMENT = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_CONFIG_FILE": "/run-1/config", "PATH": "/bin"}


def request_of(config: Mapping[str, Any]) -> bytes:
    return field(1, field(1, msgpack.packb(config)))


def tagged(tags: object, **others: Any) -> bytes:
    return request_of(
        {"default_tags": [{"tags": tags}], "region": "eu-west-1", "endpoints": [], "token": None, **others}
    )


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> LockedPackage:
    return fake_package(tmp_path_factory.mktemp("package") / "p")


class Asked:
    """A provider that finds every configuration valid, and counts the questions of one run."""

    def __init__(self, package: LockedPackage, cache: Path) -> None:
        verifier = Verifier(DigestCache(cache / "digests"))
        self.valid = ValidConfigs(verifier, FileCache(cache / "valid", settled=-1))
        self.launch = launch_of(package, environment=ENVIRONMENT)
        self.questions = 0

    def about(self, request: bytes, *, launch: Launch | None = None, answer: bytes | None = None) -> bytes:
        def ask() -> bytes:
            self.questions += 1
            return request if answer is None else answer

        return self.valid.answer(launch or self.launch, request, ask)

    def with_key(self, **values: Any) -> Launch:
        return replace(self.launch, key=replace(self.launch.key, **values))

    def with_environment(self, **values: str) -> Launch:
        return replace(self.launch, environment={**ENVIRONMENT, **values})


@pytest.fixture
def provider(package: LockedPackage, tmp_path: Path) -> Asked:
    return Asked(package, tmp_path)


@pytest.fixture
def later(package: LockedPackage, tmp_path: Path) -> Asked:
    """The same provider in another run."""
    return Asked(package, tmp_path)


def test_units_that_differ_in_default_tags_ask_once(provider: Asked) -> None:
    one, two = tagged({"stack": "one"}), tagged({"stack": "two", "more": ""})
    assert provider.about(one) == one
    assert provider.about(two) == two
    assert provider.about(one) == one
    assert provider.questions == 1


@pytest.mark.parametrize(
    "other",
    [
        tagged({"stack": "one"}, region="us-east-1"),
        tagged({"stack": None}),
        tagged({"stack": UNKNOWN}),
        tagged(UNKNOWN),
        tagged(None),
        request_of({"default_tags": [], "region": "eu-west-1"}),
        request_of({"default_tags": [{"tags": {}}, {"tags": {}}], "region": "eu-west-1"}),
        request_of({"default_tags": [{"tags": {}, "new": 1}], "region": "eu-west-1"}),
    ],
)
def test_any_other_difference_is_asked_about(provider: Asked, other: bytes) -> None:
    provider.about(tagged({"stack": "one"}))
    assert provider.about(other) == other
    assert provider.questions == 2


def test_other_processes_are_asked_on_their_own_about_what_is_not_remembered_between_runs(provider: Asked) -> None:
    request = tagged({}, max_retries=1)
    provider.about(request)
    provider.about(request, launch=provider.with_key(identity="222222222222 plan"))
    provider.about(request, launch=provider.with_key(environment="x"))
    assert provider.questions == 3


@pytest.mark.parametrize(
    "values", [{}, {"AWS_CONFIG_FILE": "/run-2/config"}, {"TF_CLI_CONFIG_FILE": "/run-2/rc"}, {"PATH": "/usr/bin"}]
)
def test_another_run_does_not_ask_again(provider: Asked, later: Asked, values: dict[str, str]) -> None:
    provider.about(tagged({"stack": "one"}))
    other = tagged({"stack": "two"})
    for _ in range(2):
        assert later.about(other, launch=later.with_environment(**values)) == other
    assert later.questions == 0


@pytest.mark.parametrize("values", [{"AWS_ENDPOINT_URL": "http://127.0.0.1:2"}, {"AWS_REGION": "x"}, {"TF_NEW": ""}])
def test_another_run_with_another_environment_asks(provider: Asked, later: Asked, values: dict[str, str]) -> None:
    provider.about(tagged({}))
    later.about(tagged({}), launch=later.with_environment(**values))
    assert later.questions == 1


@pytest.mark.parametrize(
    ("request_", "values"),
    [
        (tagged({}, secret_key="s3cret"), {}),
        (tagged({}, token="s3cret"), {}),
        (tagged({}, new_argument=1), {}),
        (request_of({"default_tags": []}), {"AWS_SECRET_ACCESS_KEY": "s3cret"}),
        (request_of({"default_tags": []}), {"AWS_SESSION_TOKEN": "s3cret"}),
        (field(1, field(1, msgpack.packb([1]))), {}),
    ],
)
def test_what_can_be_secret_is_not_kept(
    provider: Asked, later: Asked, tmp_path: Path, request_: bytes, values: dict[str, str]
) -> None:
    for each in (provider, later):
        each.about(request_, launch=each.with_environment(**values))
    assert (provider.questions, later.questions) == (1, 1)
    assert not (tmp_path / "valid").exists()


def test_another_binary_is_asked(provider: Asked, package: LockedPackage, tmp_path: Path) -> None:
    provider.about(tagged({}))
    other = Asked(fake_package(tmp_path / "other"), tmp_path)
    other.about(tagged({}))
    assert other.questions == 1


def test_a_package_that_cannot_be_used_is_left_to_whoever_starts_it(provider: Asked, later: Asked) -> None:
    provider.about(tagged({}))
    wrong = replace(later.launch, package=replace(later.launch.package, checksums=("h1:wrong",)))
    later.about(tagged({}), launch=wrong)
    assert later.questions == 1


def test_no_more_than_a_thousand_are_kept(provider: Asked, later: Asked) -> None:
    for number in range(1002):
        provider.about(tagged({}, profile=str(number)))
    for number in (1001, 2, 0, 1):
        later.about(tagged({}, profile=str(number)))
    assert later.questions == 2


@pytest.mark.parametrize(
    "answer",
    [
        tagged({}) + field(2, b"a warning or an error"),
        tagged({}, region="changed"),
        field(2, b"an error"),
        b"",
        b"\xff",
        field(1, field(2, b"{}")),
        field(1, field(1, b"\xc1")),
    ],
)
def test_an_answer_with_diagnostics_or_another_configuration_is_asked_for_each_time(
    provider: Asked, answer: bytes
) -> None:
    assert provider.about(tagged({}), answer=answer) == answer
    assert provider.about(tagged({}), answer=answer) == answer
    assert provider.questions == 2


@pytest.mark.parametrize("strange", [b"", b"\xff\xff", field(9, b"new") + tagged({}), field(1, field(2, b"{}"))])
def test_a_request_that_is_not_understood_is_always_passed_on(provider: Asked, strange: bytes) -> None:
    for _ in range(2):
        assert provider.about(strange) == strange
    assert provider.questions == 2


def test_units_that_start_together_wait_for_one_answer_and_an_error_of_the_first_is_only_its_own(
    provider: Asked,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def fails() -> bytes:
        begun.set()
        go_on.wait(10)
        message = "its Terraform was stopped"
        raise RuntimeError(message)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(provider.valid.answer, provider.launch, tagged({}), fails)
        begun.wait(10)
        second = threads.submit(provider.about, tagged({"a": "b"}))
        go_on.set()
        with pytest.raises(RuntimeError, match="stopped"):
            first.result(10)
        assert second.result(10) == tagged({"a": "b"})
    assert provider.questions == 1


@given(first=st.dictionaries(st.text(), st.text()), second=st.dictionaries(st.text(), st.text()))
def test_the_answer_is_always_about_the_configuration_that_was_asked_for(
    package: LockedPackage, first: dict[str, str], second: dict[str, str]
) -> None:
    with TemporaryDirectory() as folder:
        provider = Asked(package, Path(folder))
        for each in (first, second, first):
            assert provider.about(tagged(each)) == tagged(each)
        assert provider.questions == 1
