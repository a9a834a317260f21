"""The versions of orch that a repository allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from orchestrator.guard.trust.pins import find_pin, is_loosened


@pytest.mark.parametrize(
    ("file", "text", "pin"),
    [
        ("constraints.txt", "a==1\nOrch>=0.1 # why\n", ">=0.1"),
        ("constraints.txt", "orch==0.1 --hash=sha256:00\n", "==0.1"),
        ("constraints.txt", "orchid==3\n", None),
        ("constraints.txt", "orch\n", None),
        ("pyproject.toml", '[project]\ndependencies = ["boto3", "orch~=0.1"]\n', "~=0.1"),
        ("pyproject.toml", '[dependency-groups]\ndev = ["orch==0.1.3"]\n', "==0.1.3"),
        ("pyproject.toml", '[project]\nname = "orch"\n', None),
        ("pyproject.toml", "[", None),
    ],
)
def test_the_pin_of_orch_is_found(file: str, text: str, pin: str | None) -> None:
    assert find_pin(file, text.encode())[0] == pin


@pytest.mark.parametrize(
    ("old", "new", "worse"),
    [
        ("~=0.1", "~=0.1", False),
        ("~=0.1", "~=0.2", False),
        ("~=0.2", "~=0.1", True),
        ("==0.1.3", "==0.1.2", True),
        ("==0.1.3", "==0.1.4", False),
        ("==0.1.3", ">=0.1.3", True),
        ("~=0.1", ">=0.1", True),
        (">=0.1", "~=0.1", False),
        ("~=0.1.0", "~=0.1", True),
        ("~=0.1", "", True),
        ("==0.1.*", "==0.1.3", False),
        ("==0.1.3", "==0.1.*", True),
        (">=0.1,<1", ">=0.1,<2", True),
        (">=0.1,!=0.1.5", ">=0.1", True),
        ("~=0.1", "whatever", True),
        ("~=0.1", "~=0.1,!=0.1.2", False),
    ],
)
def test_a_pin_is_lowered_or_widened(old: str, new: str, worse: bool) -> None:
    assert is_loosened(old, new) is worse


clauses = st.builds(
    "{}{}".format,
    st.sampled_from(["==", ">=", "<=", ">", "<", "~=", "!="]),
    st.sampled_from(["0.1", "0.2", "0.1.1", "0.1.2", "1.0", "1.5.2"]),
)
specifiers = st.lists(clauses, max_size=3).map(",".join)


VERSIONS = ("0.0.9", "0.1", "0.1.1", "0.1.2", "0.1.5", "0.2", "0.3", "1.0", "1.5.2", "2.0")


@given(specifiers, specifiers, st.sampled_from(VERSIONS))
def test_what_is_not_loosened_lets_nothing_older_in(old: str, new: str, version: str) -> None:
    if is_loosened(old, new) or version not in SpecifierSet(new):
        return
    older = [Version(each) for each in VERSIONS if each in SpecifierSet(old)]
    assert version in SpecifierSet(old) or not older or Version(version) > min(older)
