"""Encrypted plans: what was sealed comes back, and nothing else opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.data_keys import DataKey
from orchestrator.errors import BlockedError
from orchestrator.run.approved.envelope import PlanSubject, open_sealed, seal

NAMES = st.text(min_size=1, max_size=20)
SUBJECTS = st.builds(PlanSubject, unit=NAMES, digest=NAMES, account=NAMES)


class Kms:
    """A key that binds its data keys to their context, as KMS does."""

    def __init__(self) -> None:
        self.made: dict[bytes, tuple[bytes, Mapping[str, str]]] = {}

    def new(self, context: Mapping[str, str]) -> DataKey:
        encrypted = b"key %d" % len(self.made)
        plain = bytes([len(self.made) + 1]) * 32
        self.made[encrypted] = (plain, context)
        return DataKey(plain, encrypted)

    def open(self, encrypted: bytes, context: Mapping[str, str]) -> bytes:
        plain, bound = self.made.get(encrypted, (b"", {}))
        if bound != context:
            raise BlockedError("the KMS key did not encrypt it")
        return plain

    def careless(self, encrypted: bytes, _context: Mapping[str, str]) -> bytes:
        """Decrypt for any context: the cipher alone must notice."""
        return self.made[encrypted][0]


@given(SUBJECTS, st.binary(max_size=300))
def test_what_was_sealed_comes_back(subject: PlanSubject, plain: bytes) -> None:
    kms = Kms()
    assert open_sealed(subject, seal(subject, plain, kms.new), kms.open) == plain


@given(SUBJECTS, SUBJECTS, st.binary(max_size=50))
def test_it_opens_for_its_own_unit_configuration_and_account_only(
    one: PlanSubject, other: PlanSubject, plain: bytes
) -> None:
    kms = Kms()
    sealed = seal(one, plain, kms.new)
    for each in (other, replace(one, unit=other.unit), replace(one, digest=other.digest), replace(one, account="-")):
        if each != one:
            for opener in (kms.open, kms.careless):
                with pytest.raises(BlockedError):
                    open_sealed(each, sealed, opener)


@given(st.binary(min_size=1, max_size=60), st.data())
def test_any_change_of_a_byte_is_noticed(plain: bytes, data: st.DataObject) -> None:
    kms = Kms()
    subject = PlanSubject("prod/a", "d", "111111111111")
    sealed = bytearray(seal(subject, plain, kms.new))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BlockedError):
        open_sealed(subject, bytes(sealed), kms.open)


@given(st.binary(max_size=200))
def test_what_is_no_such_file_is_blocked(data: bytes) -> None:
    with pytest.raises(BlockedError):
        open_sealed(PlanSubject("prod/a", "d", "1"), data, Kms().open)


@given(SUBJECTS, st.binary(min_size=12, max_size=200))
def test_a_file_shows_nothing_of_the_plan(subject: PlanSubject, plain: bytes) -> None:
    kms = Kms()
    one, two = seal(subject, plain, kms.new), seal(subject, plain, kms.new)
    assert plain not in one.partition(b"\n")[2]
    assert one.partition(b"\n")[2] != two.partition(b"\n")[2], "a new key and nonce each time"
    assert all(key not in one for key, _ in kms.made.values())
