"""Which resources a check covers: orch's own count of what must be answered."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.guard.checkov.engine import _Registry
from orchestrator.guard.checkov.outcomes import Check

names = st.text("ab_*?[]!", max_size=4)


@given(st.lists(names, max_size=3), st.text("ab_", min_size=1, max_size=4))
def test_a_check_covers_what_checkovs_registry_gives_it(types: list[str], resource_type: str) -> None:
    registry = _Registry()
    registry.register(SimpleNamespace(id="A", supported_entities=types))
    covered = bool(registry.get_checks(resource_type))
    assert Check("A", "n", "g", "p", tuple(types)).covers(resource_type) == covered
