"""The graph as tree, Mermaid, DOT and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report import graphs

UPSTREAMS = {
    "production/baseline": (),
    "bpm-prod/tasks": (),
    "prod/identity": ("production/baseline",),
    "prod/data": ("production/baseline",),
    "prod/api": ("prod/identity", "prod/data", "bpm-prod/tasks"),
    "prod/edge@us-east-1": ("prod/api",),
}
DETAILS = {
    unit: {
        "account": "bpm" if unit.startswith("bpm") else "production",
        "region": "us-east-1" if "@" in unit else "eu-west-1",
    }
    for unit in UPSTREAMS
}


@pytest.mark.parametrize(
    ("name", "make"),
    [("tree.txt", graphs.tree), ("graph.mmd", graphs.mermaid), ("graph.dot", graphs.dot), ("graph.json", graphs.json)],
)
def test_formats(golden: Callable[[str, str], None], name: str, make: Callable[..., str]) -> None:
    golden(f"report/{name}", make(UPSTREAMS, DETAILS) + "\n")


@given(
    st.lists(st.text(), unique=True, max_size=12).flatmap(
        lambda names: st.tuples(
            st.just(names), st.lists(st.integers(0, 2**12), min_size=len(names), max_size=len(names))
        )
    )
)
def test_any_graph_with_any_names(made: tuple[list[str], list[int]]) -> None:
    names, masks = made
    upstreams = {
        name: [names[j] for j in range(i) if mask >> j & 1]
        for i, (name, mask) in enumerate(zip(names, masks, strict=True))
    }
    edges = sum(len(above) for above in upstreams.values())
    details = {name: {"account": name, "region": name} for name in names}
    data = json.loads(graphs.json(upstreams, details))
    assert {u["unit"]: u["upstreams"] for u in data["units"]} == upstreams

    mermaid = graphs.mermaid(upstreams, details).split("\n")
    assert sum(1 for line in mermaid if re.fullmatch(r" {4}n\d+ --> n\d+", line)) == edges
    labels = [line for line in mermaid if not re.fullmatch(r" {4}n\d+ --> n\d+| {4}end|flowchart LR", line)]
    assert all(re.fullmatch(r' +(subgraph )?[an]\d+\["[^"`<>]*"\]', line) for line in labels)

    text = r'"(?:[^"\\\n]|\\\\|\\")*"'
    dot = graphs.dot(upstreams, details).split("\n")
    assert sum(1 for line in dot if re.fullmatch(rf" {{4}}{text} -> {text};", line)) == edges
    assert all(
        re.fullmatch(rf" +{text}( -> {text})?;| +(label={text};|subgraph cluster_\d+ {{|}})", ln) for ln in dot[3:-1]
    )

    roots = sum(1 for above in upstreams.values() if not above)
    tree = graphs.tree(upstreams, details)
    repeated = tree.count("  (see above)")
    assert len(tree.split("\n")) <= max(1, roots + edges)
    assert repeated <= edges


def test_a_unit_with_several_upstreams_is_written_out_once() -> None:
    tree = graphs.tree({"a": (), "b": (), "c": ("a", "b"), "d": ("c",)})
    assert tree.split("\n") == ["a", "└── c", "    └── d", "b", "└── c  (see above)"]


def test_a_long_chain_is_no_recursion() -> None:
    names = [f"u{n}" for n in range(2000)]
    upstreams = {name: names[max(0, n - 1) : n] for n, name in enumerate(names)}
    assert graphs.tree(upstreams).count("\n") == 1999


def test_upstreams_outside_the_selection_are_dashed() -> None:
    upstreams = {"prod/api": ("prod/data", "prod/edge"), "prod/edge": ("prod/data",)}
    details = {"prod/api": {"reads": "prod/data"}, "prod/edge": {"reads": "prod/data"}}
    mermaid = graphs.mermaid(upstreams, details).split("\n")
    assert mermaid[-4:] == [
        '    o0["prod/data"]:::outside',
        "    o0 -.-> n0",
        "    o0 -.-> n1",
        "    classDef outside stroke-dasharray: 4",
    ]
    assert graphs.dot(upstreams, details).split("\n")[-4:] == [
        '    "prod/data" [style=dashed];',
        '    "prod/data" -> "prod/api" [style=dashed];',
        '    "prod/data" -> "prod/edge" [style=dashed];',
        "}",
    ]
    assert "(also after prod/data)" in graphs.tree(upstreams, details)
    assert [each["outside"] for each in json.loads(graphs.json(upstreams, details))["units"]] == [["prod/data"]] * 2


def test_an_upstream_that_nobody_names_is_not_drawn() -> None:
    assert "other" not in graphs.dot({"a": ("other",)}) + graphs.mermaid({"a": ("other",)}) + graphs.tree(
        {"a": ("other",)}
    )
