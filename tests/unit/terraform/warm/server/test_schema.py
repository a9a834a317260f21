"""Laws of cutting a schema, on messages that hypothesis makes, and the cache of schemas."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.terraform.warm.server.schema import ProviderSchema, read_schema, write_schema
from tests.support.protobuf import entry, field, varint

BY_TYPE = (2, 3, 8)
OTHERS = (1, 4, 5, 6, 7, 9, 10, 100, 5000)

names = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=12)
described = st.builds(entry, st.sampled_from(BY_TYPE), names, st.binary(max_size=200))
other = st.builds(field, st.sampled_from(OTHERS), st.binary(max_size=200))
parts = st.lists(st.one_of(described, other), max_size=12)


def types_of(data: bytes) -> frozenset[str]:
    return ProviderSchema.of(5, data).types


def cut(data: bytes, types: frozenset[str]) -> bytes:
    return ProviderSchema.of(5, data).cut(types)


@given(parts)
def test_all_types_leave_every_byte(each: list[bytes]) -> None:
    data = b"".join(each)
    assert cut(data, types_of(data)) == data


@given(parts, parts, st.frozensets(names, max_size=4), st.data())
def test_a_cut_of_two_parts_is_the_two_cuts_joined(
    first: list[bytes], second: list[bytes], more: frozenset[str], data: st.DataObject
) -> None:
    a, b = b"".join(first), b"".join(second)
    known = sorted(types_of(a) | types_of(b))
    kept = more | (data.draw(st.frozensets(st.sampled_from(known))) if known else frozenset())
    assert cut(a + b, kept) == cut(a, kept) + cut(b, kept)
    assert types_of(a + b) == types_of(a) | types_of(b)


@given(parts, st.data())
def test_a_cut_keeps_what_is_asked_for_and_nothing_else(each: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(each)
    known = sorted(types_of(whole))
    choice = st.frozensets(st.sampled_from(known)) if known else st.just(frozenset[str]())
    a, b = data.draw(choice), data.draw(choice)
    assert types_of(cut(whole, a)) == a
    assert cut(cut(whole, a), b) == cut(whole, a & b)
    # What is not a type's is never touched, and the order stays.
    assert cut(whole, frozenset()) == b"".join(part for part in each if not types_of(part))


@given(st.lists(described, min_size=1, max_size=6), st.data())
def test_a_message_that_is_cut_off_is_refused(each: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(each)
    borders = {sum(map(len, each[:number])) for number in range(len(each) + 1)}
    at = data.draw(st.sampled_from(sorted(set(range(len(whole))) - borders)))
    with pytest.raises(ValueError, match=r"message"):
        ProviderSchema.of(5, whole[:at])


@given(st.one_of(st.binary(max_size=300), parts.map(b"".join)), st.binary(max_size=8), st.data())
def test_garbage_raises_nothing_but_a_value_error(start: bytes, more: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(start)))
    broken = start[:at] + more + start[at:]
    try:
        schema = ProviderSchema.of(5, broken)
    except ValueError:
        return
    assert schema.cut(schema.types) == broken


def test_an_endless_number_is_refused_quickly() -> None:
    with pytest.raises(ValueError, match="message"):
        ProviderSchema.of(5, b"\xff" * 1_000_000)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (varint(1 << 3 | 0) + varint(7), "field 1 of a message has no length"),
        (field(2, field(2, b"value") + field(1, b"name")), "does not begin with its name"),
        (field(2, b""), "cut off"),
        (field(2, b"\x0a\x64name"), "does not begin with its name"),
    ],
)
def test_what_protobuf_never_writes_there_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ProviderSchema.of(5, data)


def test_a_schema_in_the_cache_is_what_was_written(tmp_path: Path) -> None:
    schema = ProviderSchema.of(6, field(1, b"provider") + entry(2, "a_b", b"x") + entry(8, "a_e", b"y"))
    file = tmp_path / "schemas" / "x.schema"
    write_schema(file, schema)
    assert read_schema(file) == schema
    assert file.stat().st_mode & 0o777 == 0o600
    assert schema.types == {"a_b", "a_e"}


@given(at=st.integers(0), byte=st.integers(0, 255), length=st.integers(0))
def test_a_damaged_file_is_no_schema(tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, length: int) -> None:
    schema = ProviderSchema.of(5, entry(2, "a_b", b"x" * 40))
    file = tmp_path_factory.getbasetemp() / "damaged.schema"
    write_schema(file, schema)
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[at % len(whole)] = byte
    for damaged in (bytes(changed), whole[: length % len(whole)]):
        file.write_bytes(damaged)
        assert read_schema(file) == (schema if damaged == whole else None)


def test_a_missing_file_and_a_folder_are_no_schema(tmp_path: Path) -> None:
    assert read_schema(tmp_path / "missing") is None
    assert read_schema(tmp_path) is None
    (tmp_path / "empty").touch()
    assert read_schema(tmp_path / "empty") is None


def test_the_same_name_can_be_a_resource_a_data_source_and_an_ephemeral_one() -> None:
    three: Mapping[int, bytes] = {number: entry(number, "a_b", bytes([number])) for number in BY_TYPE}
    data = b"".join(three.values()) + entry(2, "a_c", b"")
    assert cut(data, frozenset({"a_b"})) == b"".join(three.values())
