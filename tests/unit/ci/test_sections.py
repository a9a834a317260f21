"""Sections below the headline of a comment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.ci.sections import CommentSection, SectionName, quoted, sections_of, with_sections

BODY = "<!-- orch:v1 x -->\n<!-- orch:units y -->\n### headline\n\nthe rest\n<!-- orch:section stale -->\n<!-- orch:end -->\n"
TEXTS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30)
SECTIONS = st.dictionaries(
    st.sampled_from(SectionName), st.builds(CommentSection, TEXTS, st.just(("prod/a", "prod/b")))
)


def test_a_section_stands_below_the_headline_and_is_found_there_only() -> None:
    assert sections_of(BODY) == {}, "what stands further down is the plan's"
    marked = with_sections(BODY, {SectionName.STALE: CommentSection("> old", ("prod/data",))})
    lines = marked.splitlines()
    assert lines[2] == "### headline"
    assert lines[4] == "<!-- orch:section stale prod/data -->"
    assert sections_of(marked) == {SectionName.STALE: CommentSection("> old", ("prod/data",))}
    assert "the rest" in marked


@given(SECTIONS, SECTIONS)
def test_a_section_takes_the_place_of_one_with_its_name(
    first: dict[SectionName, CommentSection], second: dict[SectionName, CommentSection]
) -> None:
    both = with_sections(with_sections(BODY, first), second)
    assert sections_of(both) == first | second
    assert with_sections(both, second) == both
    gone = with_sections(both, dict.fromkeys(first | second))
    assert gone.split() == BODY.split()


def test_an_unfinished_section_is_none() -> None:
    assert sections_of("m\n### h\n\n<!-- orch:section stale -->\ntext") == {}


def test_a_long_list_is_counted() -> None:
    text = quoted("NOTE", [f"- unit {n} {'x' * 80}" for n in range(100)])
    assert len(text) < 1_600
    assert text.splitlines()[-1].endswith("more")
