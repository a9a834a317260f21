from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.terraform.setup.versions import Version, satisfies

numbers = st.tuples(*[st.integers(0, 30)] * 3)
versions = st.builds(Version, numbers, st.sampled_from(["", "alpha1", "beta1", "beta2", "rc.1", "rc.2", "rc.10"]))


@pytest.mark.parametrize(
    ("version", "constraint", "met"),
    [
        ("1.11.4", ">=1.11,<2.0", True),
        ("1.10.9", ">=1.11,<2.0", False),
        ("2.0.0", ">=1.11,<2.0", False),
        ("5.100.0", "5.100.0", True),
        ("5.100.0", "= 5.100", True),
        ("5.99.1", "~> 5.0", True),
        ("6.0.0", "~> 5.0", False),
        ("5.1.9", "~> 5.1.2", True),
        ("5.1.1", "~> 5.1.2", False),
        ("5.2.0", "~> 5.1.2", False),
        ("1.11.4", "!= 1.11.4", False),
        ("1.12.0-beta1", ">=1.11", False),
        ("1.12.0-beta1", "1.12.0-beta1", True),
        ("0.0.1", "", True),
    ],
)
def test_constraints_mean_what_they_mean_in_terraform(version: str, constraint: str, met: bool) -> None:
    assert satisfies(Version.parse(version), constraint) is met


@pytest.mark.parametrize("constraint", ["=>1.0", "latest", ">= 1.x", "1.2.3.4", ">=1.0 <2.0"])
def test_a_constraint_that_cannot_be_read_is_an_error(constraint: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        satisfies(Version.parse("1.0.0"), constraint)


@given(versions)
def test_a_version_reads_back(version: Version) -> None:
    assert Version.parse(str(version)) == version


@given(versions, versions, versions)
def test_the_order_is_total(a: Version, b: Version, c: Version) -> None:
    assert (a < b) + (a == b) + (a > b) == 1
    assert not (a <= b <= c) or a <= c


def test_pre_releases_come_before_their_release_in_number_order() -> None:
    texts = ["1.0.0-alpha1", "1.0.0-beta1", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.0.1"]
    assert sorted(map(Version.parse, reversed(texts))) == [Version.parse(text) for text in texts]
