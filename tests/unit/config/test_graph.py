"""The order of units: laws that hold for any graph, and what a person sees of a cycle."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.config.catalogue import ModuleSource, Unit
from orchestrator.config.graph import Graph
from orchestrator.config.nodes import Node, Ref
from orchestrator.errors import CatalogueError, Location

STAGE = Location("live/stages/prod.yaml", 3)


def unit(id_: str, upstreams: Sequence[str] = (), *, at: Location = STAGE, reads: Mapping[str, Location] = {}) -> Unit:
    stage, stack = id_.split("/")
    inputs = {name.split("/")[1]: Node(Ref(name, "x", (), where), where) for name, where in reads.items()}
    return Unit(
        id=id_,
        stage=stage,
        stack=stack,
        account="production",
        region="eu-west-1",
        module=ModuleSource("modules/any", None, Path("modules/any"), at),
        inputs=inputs,
        at=at,
        upstreams=tuple(upstreams),
    )


def graph(edges: Mapping[str, Sequence[str]]) -> Graph:
    """``{"b": "a"}``: b comes after a."""
    return Graph.of({f"p/{id_}": unit(f"p/{id_}", [f"p/{name}" for name in above]) for id_, above in edges.items()})


def ids(letters: str) -> frozenset[str]:
    return frozenset(f"p/{letter}" for letter in letters)


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, Unit]:
    """Units whose upstreams all come before them in an order that is hidden from the alphabet."""
    names = draw(st.lists(st.from_regex(r"[a-z]{1,3}", fullmatch=True), unique=True, max_size=12))
    hidden = draw(st.permutations([f"p/{name}" for name in names]))
    units = {}
    for place, id_ in enumerate(hidden):
        above = draw(st.lists(st.sampled_from(hidden[:place]), unique=True, max_size=4)) if place else []
        units[id_] = unit(id_, above)
    return units


def reachable(units: Mapping[str, Unit], below: str, above: str) -> bool:
    """Whether ``below`` comes after ``above``: said another way than the graph does."""
    return any(name == above or reachable(units, name, above) for name in units[below].upstreams)


@given(acyclic())
def test_every_unit_is_in_the_order_once_and_after_its_upstreams(units: dict[str, Unit]) -> None:
    order = Graph.of(units).order
    assert sorted(order) == sorted(units)
    place = {id_: n for n, id_ in enumerate(order)}
    assert all(place[above] < place[id_] for id_, one in units.items() for above in one.upstreams)


@given(acyclic(), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_files(units: dict[str, Unit], random: Random) -> None:
    shuffled = list(units)
    random.shuffle(shuffled)
    assert Graph.of({id_: units[id_] for id_ in shuffled}) == Graph.of(units)


@given(acyclic())
def test_the_order_is_the_first_in_the_alphabet_that_is_allowed(units: dict[str, Unit]) -> None:
    left = dict(units)
    for id_ in Graph.of(units).order:
        assert id_ == min(name for name, one in left.items() if not set(one.upstreams) & set(left))
        del left[id_]


@given(acyclic())
def test_above_and_below_are_all_that_can_be_reached_and_mirror_each_other(units: dict[str, Unit]) -> None:
    made = Graph.of(units)
    for id_ in units:
        assert made.above([id_]) == {name for name in units if reachable(units, id_, name)}
        assert made.below([id_]) == {name for name in units if id_ in made.above([name])}


@given(acyclic(), st.data())
def test_above_and_below_of_several_leave_these_out(units: dict[str, Unit], data: st.DataObject) -> None:
    made = Graph.of(units)
    some = data.draw(st.sets(st.sampled_from(sorted(units)))) if units else set()
    each_above: frozenset[str] = frozenset().union(*(made.above([id_]) for id_ in some))
    each_below: frozenset[str] = frozenset().union(*(made.below([id_]) for id_ in some))
    assert made.above(some) == each_above - some
    assert made.below(some) == each_below - some


@given(acyclic())
def test_height_is_one_more_than_the_highest_downstream(units: dict[str, Unit]) -> None:
    made = Graph.of(units)
    for id_ in units:
        heights = [made.height(name) for name in made.downstreams(id_)]
        assert made.height(id_) == (max(heights) + 1 if heights else 0)


@given(acyclic(), st.data())
def test_a_subgraph_keeps_who_comes_after_whom_and_nothing_else(units: dict[str, Unit], data: st.DataObject) -> None:
    made = Graph.of(units)
    some = data.draw(st.sets(st.sampled_from(sorted(units)))) if units else set()
    part = made.subgraph(some)
    assert part.order == tuple(id_ for id_ in made.order if id_ in some)
    for id_ in some:
        assert part.above([id_]) == made.above([id_]) & some
        assert part.below([id_]) == made.below([id_]) & some


@given(acyclic())
def test_a_subgraph_of_everything_is_the_graph(units: dict[str, Unit]) -> None:
    made = Graph.of(units)
    assert made.subgraph(units) == made


@given(acyclic())
def test_reversed_turns_every_edge_and_twice_is_the_same_order(units: dict[str, Unit]) -> None:
    made = Graph.of(units)
    turned = made.reversed()
    place = {id_: n for n, id_ in enumerate(turned.order)}
    for id_, one in units.items():
        assert set(turned.downstreams(id_)) == set(one.upstreams)
        assert set(turned.upstreams(id_)) == set(made.downstreams(id_))
        assert all(place[id_] < place[above] for above in one.upstreams)
    assert turned.reversed().order == made.order


def test_what_a_diamond_looks_like() -> None:
    made = graph({"d": "bc", "c": "a", "b": "a", "a": ""})
    assert made.order == ("p/a", "p/b", "p/c", "p/d")
    assert made.upstreams("p/d") == ("p/b", "p/c")
    assert made.downstreams("p/a") == ("p/b", "p/c")
    assert [made.height(id_) for id_ in made.order] == [2, 1, 1, 0]
    assert made.above(["p/d"]) == ids("abc")
    assert made.below(["p/a", "p/b"]) == ids("cd")


def test_after_through_what_was_not_selected_is_still_after() -> None:
    made = graph({"c": "", "b2": ["b"], "b": "c", "a": ["b2"]}).subgraph(["p/a", "p/c"])
    assert made.order == ("p/c", "p/a")
    assert made.upstreams("p/a") == ("p/c",)
    assert made.height("p/c") == 1


def test_upstreams_that_are_not_among_the_units_are_left_out() -> None:
    made = Graph.of({"p/a": unit("p/a", ["other/x"])})
    assert made.order == ("p/a",)
    assert made.upstreams("p/a") == ()


def test_a_cycle_is_shown_as_a_path_with_the_places_that_read() -> None:
    reads_b = Location("live/stacks/a.yaml", 3, 7)
    units = {
        "prod/z": unit("prod/z", ["prod/b"]),  # behind the cycle, no part of it
        "prod/b": unit("prod/b", ["prod/a", "prod/free"], at=Location("live/stages/prod.yaml", 9)),
        "prod/a": unit("prod/a", ["prod/b"], reads={"prod/b": reads_b}),
        "prod/free": unit("prod/free"),
    }
    with pytest.raises(CatalogueError) as caught:
        Graph.of(units)
    (problem,) = caught.value.problems
    path = "prod/a (live/stacks/a.yaml:3:7) -> prod/b (live/stages/prod.yaml:9) -> prod/a"
    assert problem.what == f"dependency cycle: {path}"
    assert problem.where == reads_b
    assert problem.hint


def test_a_unit_that_waits_for_itself_is_a_cycle() -> None:
    with pytest.raises(CatalogueError, match=r"p/a \(live/stages/prod.yaml:3\) -> p/a"):
        graph({"a": "a"})


@given(acyclic(), st.data())
def test_any_edge_back_makes_a_cycle_of_real_edges(units: dict[str, Unit], data: st.DataObject) -> None:
    made = Graph.of(units)
    backwards = [(id_, above) for id_ in sorted(units) for above in sorted(made.above([id_]))]
    assume(backwards)
    low, high = data.draw(st.sampled_from(backwards))
    turned = {**units, high: unit(high, [*units[high].upstreams, low])}
    with pytest.raises(CatalogueError) as caught:
        Graph.of(turned)
    shown = caught.value.problems[0].what.partition("cycle: ")[2]
    path = [step.partition(" (")[0] for step in shown.split(" -> ")]
    assert path[0] == path[-1]
    assert (high, low) in pairwise(path)
    assert all(above in turned[id_].upstreams for id_, above in pairwise(path))


def test_ten_thousand_units_are_quick() -> None:
    """It took 0.05 to 0.1 s when this was written; the rest is room for a busy machine."""
    units = {}
    for n in range(10_000):
        above = [f"p/u{n - step:05}" for step in (1, 7, 100) if n % 100 >= step]
        units[f"p/u{n:05}"] = unit(f"p/u{n:05}", above)
    best = min(_seconds(units) for _ in range(3))
    assert best < 0.3


def _seconds(units: Mapping[str, Unit]) -> float:
    start = time.process_time()
    made = Graph.of(units)
    made.subgraph(list(units)[::2])
    return time.process_time() - start


def test_a_cycle_of_ten_thousand_units_is_found_quickly() -> None:
    units = {f"p/u{n:05}": unit(f"p/u{n:05}", [f"p/u{(n + 1) % 10_000:05}"]) for n in range(10_000)}
    start = time.process_time()
    with pytest.raises(CatalogueError):
        Graph.of(units)
    assert time.process_time() - start < 0.5
