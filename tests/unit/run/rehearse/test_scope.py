"""Which units a rehearsal applies."""

from __future__ import annotations

from pathlib import Path

from orchestrator.run.rehearse.scope import RehearsalScope, rehearsal_scope, with_downstreams
from tests.support.catalogue import with_graph

FILES = """\
== accounts/main
id: "111111111111"
== accounts/new
organization: {email: new@example.com}
"""
BASE = """\
== stages/prod
account: main
stacks: {first: , second: , gone: , other: }
== stacks/first
module: any
== stacks/second
module: any
inputs: {a: '${{ first.x }}'}
== stacks/gone
module: any
== stacks/other
module: any
"""
HEAD = """\
== stages/prod
account: main
stacks: {first: , second: , third: , other: }
== stages/next
account: new
stacks: {first: , second: }
== stacks/first
module: any
== stacks/second
module: any
inputs: {a: '${{ first.x }}'}
== stacks/third
module: any
inputs: {a: '${{ second.x }}'}
== stacks/other
module: any
"""


def scope(tmp_path: Path, in_base: list[str], in_head: list[str]) -> RehearsalScope:
    base = with_graph(tmp_path / "base", FILES + BASE)
    head = with_graph(tmp_path / "head", FILES + HEAD)
    return rehearsal_scope(base, head, in_base=in_base, in_head=in_head)


def test_upstreams_are_applied_too_and_what_only_one_side_has(tmp_path: Path) -> None:
    found = scope(tmp_path, ["prod/gone"], ["prod/third"])
    assert found.base == ("prod/gone",), "base has no third, so none of its upstreams is needed there"
    assert found.head == ("prod/first", "prod/second", "prod/third")
    assert found.targets == {"prod/gone", "prod/third"}
    assert found.left_out == {}
    assert set(found.units()) == {"prod/first", "prod/second", "prod/third", "prod/gone"}


def test_a_target_of_head_is_applied_as_base_has_it_and_the_other_way_around(tmp_path: Path) -> None:
    sides: list[tuple[list[str], list[str]]] = [([], ["prod/second"]), (["prod/second"], [])]
    for in_base, in_head in sides:
        found = scope(tmp_path, in_base, in_head)
        assert found.base == found.head == ("prod/first", "prod/second")


def test_an_account_that_does_not_exist_yet_is_left_out_with_all_that_reads_from_it(tmp_path: Path) -> None:
    found = scope(tmp_path, [], ["next/second", "prod/other"])
    assert found.head == ("prod/other",)
    assert found.left_out["next/first"] == "the account new has no id yet"
    assert set(found.left_out) == {"next/first", "next/second"}


def test_what_reads_from_a_unit_that_failed_is_not_rehearsed(tmp_path: Path) -> None:
    _, graph = with_graph(tmp_path, FILES + HEAD)
    ids = [id_ for id_ in graph.order if id_.startswith("prod/")]
    found = with_downstreams(graph, ids, {"prod/first": "base is failed: no such module"})
    assert found == {
        "prod/first": "base is failed: no such module",
        "prod/second": "it reads from prod/first, which is not rehearsed",
        "prod/third": "it reads from prod/second, which is not rehearsed",
    }
