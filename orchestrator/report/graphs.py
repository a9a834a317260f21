"""The graph of units as a tree, Mermaid, DOT or JSON.

Arrows point from a unit to the units that read it: the direction in which data flows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from orchestrator.report.tables import dump
from orchestrator.report.text import clean

GRAPH_FORMAT = 1

UpstreamMap = Mapping[str, Iterable[str]]
"""Unit -> its upstreams, in graph order. An upstream that is not a key is not drawn."""

Details = Mapping[str, Mapping[str, str]]
"""Unit -> its ``account``, ``region`` and ``reads``, upstreams outside of the selection; each is optional."""


def tree(upstreams: UpstreamMap, details: Details | None = None) -> str:
    """Return a tree with each unit below a unit that it reads. A unit with several upstreams is expanded once."""
    edges = _edges(upstreams)
    below: dict[str, list[str]] = {unit: [] for unit in edges}
    for unit, above in edges.items():
        for upstream in above:
            below[upstream].append(unit)
    lines: list[str] = []
    written: set[str] = set()
    # A stack instead of recursion, for chains that are longer than the recursion limit.
    stack = [(unit, "", "", ("", "")) for unit in reversed([u for u, above in edges.items() if not above])]
    while stack:
        unit, lead, branch, parent = stack.pop()
        place = _place(unit, details)
        again = unit in written and bool(below[unit])
        also = f"  (also after {clean(reads)})" if (reads := (details or {}).get(unit, {}).get("reads")) else ""
        lines.append(lead + branch + _label(unit, place, parent) + ("  (see above)" if again else also))
        if again:
            continue
        written.add(unit)
        inner = lead + {"": "", "├── ": "│   ", "└── ": "    "}[branch]
        last = len(below[unit]) - 1
        children = [(c, inner, "└── " if i == last else "├── ", place) for i, c in enumerate(below[unit])]
        stack.extend(reversed(children))
    return "\n".join(lines)


def mermaid(upstreams: UpstreamMap, details: Details | None = None) -> str:
    """Return a Mermaid flowchart, which GitHub draws in Markdown, with a box for each account.

    What lies outside of the selection is dashed.
    """
    edges = _edges(upstreams)
    ids = {unit: f"n{number}" for number, unit in enumerate(edges)}
    lines = ["flowchart LR"]
    for number, (account, units) in enumerate(_by_account(edges, details)):
        indent = "    "
        if account:
            lines.append(f'    subgraph a{number}["{_mermaid(account)}"]')
            indent = "        "
        lines += [f'{indent}{ids[unit]}["{_mermaid(unit)}"]' for unit in units]
        if account:
            lines.append("    end")
    lines += [f"    {ids[upstream]} --> {ids[unit]}" for unit, above in edges.items() for upstream in above]
    outside = _outside(edges, details)
    others = {unit: f"o{number}" for number, unit in enumerate(dict.fromkeys(each for each, _ in outside))}
    lines += [f'    {id_}["{_mermaid(unit)}"]:::outside' for unit, id_ in others.items()]
    lines += [f"    {others[upstream]} -.-> {ids[unit]}" for upstream, unit in outside]
    return "\n".join([*lines, "    classDef outside stroke-dasharray: 4"] if outside else lines)


def dot(upstreams: UpstreamMap, details: Details | None = None) -> str:
    """Return a graph for Graphviz, with a cluster for each account. What lies outside of the selection is dashed."""
    edges = _edges(upstreams)
    lines = ["digraph orch {", "    rankdir=LR;", '    node [shape=box, fontname="sans-serif"];']
    for number, (account, units) in enumerate(_by_account(edges, details)):
        indent = "    "
        if account:
            lines += [f"    subgraph cluster_{number} {{", f"        label={_dot(account)};"]
            indent = "        "
        lines += [f"{indent}{_dot(unit)};" for unit in units]
        if account:
            lines.append("    }")
    lines += [f"    {_dot(upstream)} -> {_dot(unit)};" for unit, above in edges.items() for upstream in above]
    outside = _outside(edges, details)
    lines += [f"    {_dot(each)} [style=dashed];" for each in dict.fromkeys(upstream for upstream, _ in outside)]
    lines += [f"    {_dot(upstream)} -> {_dot(unit)} [style=dashed];" for upstream, unit in outside]
    return "\n".join([*lines, "}"])


def json(upstreams: UpstreamMap, details: Details | None = None) -> str:
    """Return ``{"format": 1, "kind": "graph", "units": [{"unit", "account", "region", "upstreams", "outside"}]}``."""
    units = []
    for unit, above in _edges(upstreams).items():
        account, region = _place(unit, details)
        outside = _reads(unit, details)
        units.append({"unit": unit, "account": account, "region": region, "upstreams": above, "outside": outside})
    return dump({"format": GRAPH_FORMAT, "kind": "graph", "units": units})


def _edges(upstreams: UpstreamMap) -> dict[str, list[str]]:
    return {unit: [u for u in dict.fromkeys(above) if u in upstreams] for unit, above in upstreams.items()}


def _reads(unit: str, details: Details | None) -> list[str]:
    """Return the upstreams of a unit that are not drawn as units of their own."""
    reads = (details or {}).get(unit, {}).get("reads", "")
    return reads.split(", ") if reads else []


def _outside(units: Iterable[str], details: Details | None) -> list[tuple[str, str]]:
    """Return each upstream outside of the selection with the unit that reads it."""
    return [(upstream, unit) for unit in units for upstream in _reads(unit, details)]


def _place(unit: str, details: Details | None) -> tuple[str, str]:
    known = (details or {}).get(unit, {})
    return known.get("account", ""), known.get("region", "")


def _by_account(units: Iterable[str], details: Details | None) -> Iterator[tuple[str, list[str]]]:
    accounts: dict[str, list[str]] = {}
    for unit in units:
        accounts.setdefault(_place(unit, details)[0], []).append(unit)
    yield from accounts.items()


def _label(unit: str, place: tuple[str, str], parent: tuple[str, str]) -> str:
    """Return a unit, with account and region if they differ from those of the unit above."""
    facts = clean(" ".join(text for text in place if text)) if place != parent else ""
    return clean(unit) + (f"  ({facts})" if facts else "")


def _mermaid(text: str) -> str:
    """Return text for double quotes: Mermaid has no backslash escapes, only entities, which start with ``#``."""
    safe = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"}
    return "".join(safe.get(c, c) for c in clean(text))


def _dot(text: str) -> str:
    """Return a quoted DOT string. Backslashes are doubled, so they start no escape."""
    return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
