"""References taken apart: built-ins, outputs with paths, and what is none."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.live.references import BuiltIn, OutputReference, ReferenceTextError, lookalikes, split


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ("",)),
        ("plain", ("plain",)),
        ("${{ stage }}", (BuiltIn("stage"),)),
        ("${{account_id}}", (BuiltIn("account_id"),)),
        ("https://${{ stage }}.example.com", ("https://", BuiltIn("stage"), ".example.com")),
        ("${{ name }}${{ stack }}", (BuiltIn("name"), BuiltIn("stack"))),
        ("${{ identity.user_pool_arn }}", (OutputReference("identity", None, "user_pool_arn", ()),)),
        ("${{ edge@us-east-1.cert_arn }}", (OutputReference("edge", "us-east-1", "cert_arn", ()),)),
        ("${{ data.tables.users.name }}", (OutputReference("data", None, "tables", ("users", "name")),)),
        ('${{ data.tables["users"].name }}', (OutputReference("data", None, "tables", ("users", "name")),)),
        ("${{ data.tables['a b'][0] }}", (OutputReference("data", None, "tables", ("a b", 0)),)),
        ("${{ data.list[12].x-y }}", (OutputReference("data", None, "list", (12, "x-y")),)),
        ('${{ data.tables["a.b]c"] }}', (OutputReference("data", None, "tables", ("a.b]c",)),)),
        ('${{ data.tables[""] }}', (OutputReference("data", None, "tables", ("",)),)),
        ("$${{ stage }}", ("$", BuiltIn("stage"))),
        ("a }} b", ("a }} b",)),
        ("${AWS::Region} ${aws:username} $(x)", ("${AWS::Region} ${aws:username} $(x)",)),
    ],
)
def test_what_a_text_is_made_of(text: str, parts: tuple[object, ...]) -> None:
    assert split(text) == parts


NO_WORD = "is not a reference: write STACK.OUTPUT or a built-in such as stage; functions are not supported"
NO_TARGET = "is not a reference: write STACK.OUTPUT or STACK@REGION.OUTPUT, followed by .key or [0]"
NO_PATH = 'is not a valid path: write .key, ["key"] or [0]; functions are not supported'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${{ }}", "the reference is empty"),
        ("${{}}", "the reference is empty"),
        ("${{ upper(stage) }}", f"'upper(stage)' {NO_WORD}"),
        ("${{ Stage }}", f"'Stage' {NO_WORD}"),
        ("${{ stage || x }}", f"'stage || x' {NO_WORD}"),
        ("${{ upper(data.x) }}", f"'upper(data.x)' {NO_TARGET}"),
        ("${{ .x }}", f"'.x' {NO_TARGET}"),
        ("${{ data. }}", f"'data.' {NO_TARGET}"),
        ("${{ Data.x }}", f"'Data.x' {NO_TARGET}"),
        ("${{ data[0] }}", f"'data[0]' {NO_TARGET}"),
        ("${{ prod/data.x }}", f"'prod/data.x' {NO_TARGET}"),
        ("${{ data.x.y() }}", f"'()' in 'data.x.y()' {NO_PATH}"),
        ("${{ data.x[-1] }}", f"'[-1]' in 'data.x[-1]' {NO_PATH}"),
        ("${{ data.x[*].y }}", f"'[*].y' in 'data.x[*].y' {NO_PATH}"),
        ("${{ data.x[٣] }}", f"'[٣]' in 'data.x[٣]' {NO_PATH}"),
        ("${{ data.x[\"a'] }}", f"""'["a\\']' in 'data.x["a\\']' {NO_PATH}"""),
        ("${{ data.x + 1 }}", f"' + 1' in 'data.x + 1' {NO_PATH}"),
        ("${{ data.x\n.y }}", f"'\\n.y' in 'data.x\\n.y' {NO_PATH}"),
        ("a ${{ stage", "'${{ stage' is not closed with }}"),
        ("${{ stage }", "'${{ stage }' is not closed with }}"),
        ("${{ a ${{ stage }}", "'${{ a ' is not closed with }}"),
        ("${{ toset({}) }}", "'${{ toset({}) }}' contains { or }, which is not allowed"),
    ],
)
def test_what_is_no_reference(text: str, message: str) -> None:
    with pytest.raises(ReferenceTextError) as caught:
        split(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${identity.user_pool_arn}", [("identity", "${identity.user_pool_arn}", "${{ identity.user_pool_arn }}")]),
        ("a ${ data.tables.x } b", [("data", "${ data.tables.x }", "${{ data.tables.x }}")]),
        ("${edge@us-east-1.arn}", [("edge", "${edge@us-east-1.arn}", "${{ edge@us-east-1.arn }}")]),
        ("$${identity.arn}", []),
        ("${{ identity.arn }}", []),
        ("${AWS::Region} ${aws:username} ${identity}", []),
    ],
)
def test_what_looks_like_a_reference(text: str, found: list[tuple[str, str, str]]) -> None:
    assert list(lookalikes(text)) == found


@pytest.mark.parametrize("piece", ["${{", "${{ a", "${{}", "${a.b", '${{ a["', "{{", "}}", "${{ a.b[0"])
def test_hostile_texts_take_no_time(piece: str) -> None:
    text = piece * (300_000 // len(piece))
    start = time.perf_counter()
    list(lookalikes(text))
    with contextlib.suppress(ReferenceTextError):
        split(text)
    assert time.perf_counter() - start < 1


def test_an_index_without_an_end_is_no_index() -> None:
    with pytest.raises(ReferenceTextError):
        split(f"${{{{ a.b[{'9' * 10_000}] }}}}")


def test_a_message_shows_no_more_than_a_person_reads() -> None:
    for text in ("${{ " + "x" * 9999, "${{ " + "x(" * 999 + " }}", "${{ a.b" + "!" * 9999 + " }}"):
        with pytest.raises(ReferenceTextError) as caught:
            split(text)
        assert len(str(caught.value)) < 300


STACKS = st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True)
OUTPUTS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True)
STEPS = st.integers(0, 999_999_999) | st.text(st.characters(exclude_characters="\"'\\{}"), max_size=10)
REFERENCES = st.builds(
    OutputReference, STACKS, st.none() | st.just("us-east-1"), OUTPUTS, st.lists(STEPS, max_size=3).map(tuple)
)
LITERALS = st.text(min_size=1, max_size=20).filter(lambda text: "${{" not in text and not text.endswith(("$", "${")))


def _written(part: str | OutputReference) -> str:
    if isinstance(part, str):
        return part
    region = f"@{part.region}" if part.region else ""
    path = "".join(f"[{step}]" if isinstance(step, int) else f'["{step}"]' for step in part.path)
    return f"${{{{ {part.stack}{region}.{part.output}{path} }}}}"


@given(st.lists(LITERALS | REFERENCES, min_size=1, max_size=6))
def test_what_is_written_is_read(parts: list[str | OutputReference]) -> None:
    wanted: list[str | OutputReference] = []
    for part in parts:
        if isinstance(part, str) and wanted and isinstance(wanted[-1], str):
            wanted[-1] += part
        else:
            wanted.append(part)
    if any(isinstance(part, str) and "${{" in part for part in wanted):
        return
    assert split("".join(map(_written, parts))) == tuple(wanted)
