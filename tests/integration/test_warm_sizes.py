"""Whole modules, many types and many plans: warm and cold are the same, and a process does not grow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import Account
from tests.support.many_types import many_resources
from tests.support.platform import BASELINE, STAGE, place
from tests.support.warm import PROVIDER, Pair, actions, aws_root

pytestmark = pytest.mark.integration

HEAD = PROVIDER + 'provider "aws" {\n  region = "eu-west-1"\n}\n'
MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    ("text", "values"),
    [(BASELINE, {}), (STAGE, {"attributes": {"company": {"max": 64}}, "memory": 256})],
    ids=["baseline", "stage"],
)
def test_every_module(account: Account, tmp_path: Path, text: str, values: dict[str, Any]) -> None:
    placed = place(account, tmp_path, text)
    placed.set(**values)
    assert set(actions(Pair.make(tmp_path).same_plan(placed.root)).values()) == {"create"}


def test_three_hundred_resources_of_sixty_types(account: Account, tmp_path: Path) -> None:
    pair = Pair.make(tmp_path)
    root = aws_root(tmp_path / "root", {"main.tf": HEAD + many_resources(5)}, account)
    pair.warm.init(root, timeout=120)
    planned = actions(pair.same_plan(root))
    assert len(planned) == 300
    assert len({address.partition(".")[0] for address in planned}) == 60


@pytest.mark.full
def test_sixty_plans_do_not_let_a_process_grow(account: Account, tmp_path: Path) -> None:
    """Go keeps what it freed for a while, so the memory of the last plans is compared with that of plans in between."""
    pair = Pair.make(tmp_path)
    parameters = 'resource "aws_ssm_parameter" "this" {\n  count = 20\n  name  = "/this/${count.index}"\n'
    parameters += '  type  = "String"\n  value = "1"\n}\n'
    root = aws_root(tmp_path / "root", {"main.tf": HEAD + parameters}, account)
    pair.warm.init(root, timeout=120)
    pair.plan(pair.warm, root, "warm")
    pair.apply(root)
    used: list[int] = []
    seen: set[int] = set()
    for _ in range(60):
        pair.plan(pair.warm, root, "warm")
        memory = dict(provider_memory(root.env["AWS_ACCESS_KEY_ID"]))
        seen.update(memory)
        used.append(max(memory.values()))
    assert len(seen) <= 2, "the plans share their processes"
    assert max(used[50:]) < max(used[10:20]) + 100 * MEGABYTE, [each // MEGABYTE for each in used]


def provider_memory(key: str) -> Iterator[tuple[int, int]]:
    """Process id and bytes of its own memory (RssAnon) of each provider with an access key."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            name = os.readlink(folder / "exe")  # noqa: PTH115
            status = (folder / "status").read_text()
        except OSError:
            continue
        if key.encode() in environment and "terraform-provider-" in name:
            (kilobytes,) = re.findall(r"RssAnon:\s*(\d+) kB", status)
            yield int(folder.name), int(kilobytes) * 1024
