"""A unit whose provider cannot be configured yet is planned after its upstreams, and nothing is rendered or started."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orchestrator.config.catalogue import Unit
from orchestrator.render.values import UNKNOWN
from orchestrator.report.model import Status
from orchestrator.run.context import RunContext
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.unit.planner import plan_unit
from orchestrator.run.unit.upstreams import UpstreamValues
from tests.support.catalogue import loaded

LIVE = """\
== orch
format: 1
name: ams
orch: "~=0.1"
region: eu-west-1
providers: {aws: "5.100.0", probe: {source: test/probe, version: "1.0.0"}}
management: "999999999999"
state: {bucket: "ams-${{ account_id }}"}
== stages/prod
account: main
stacks: {box: , watch: }
== stacks/box
module: any
== stacks/watch
module: watch
inputs: {a: "${{ box.y }}"}
providers:
  probe: {arguments: {endpoint: "https://${{ box.x }}", labels: {team: core}}}
== modules/watch
terraform {
  required_providers {
    probe = {
      source = "test/probe"
    }
  }
}
variable "a" {
  type = any
}
"""


class RenderedError(Exception):
    """The planner went on to render the unit."""


def context_of(folder: Path) -> RunContext:
    """A context that refuses to render."""

    def refuse(*_: Any, **__: Any) -> None:
        raise RenderedError

    run = SimpleNamespace(
        folders=RunPaths(root=folder, run="20260101-000000-aaaa"),
        options=SimpleNamespace(refresh=True),
        stop=SimpleNamespace(is_set=refuse),
    )
    return cast("RunContext", SimpleNamespace(run=run, root=lambda *_, **__: None))


def unit_of(folder: Path) -> Unit:
    return loaded(folder, LIVE).units["prod/watch"]


def test_an_argument_that_is_not_known_yet_waits_for_its_upstream(tmp_path: Path) -> None:
    values = UpstreamValues({"prod/box": {"x": UNKNOWN, "y": 1}}, pending=("prod/box",))
    planned = plan_unit(context_of(tmp_path), unit_of(tmp_path), values)
    assert planned.report.status is Status.AFTER_UPSTREAMS
    assert planned.report.cause == "provider probe is configured with prod/box.x, which is known after its apply"
    assert planned.plan is None


@pytest.mark.parametrize("pending", [("prod/box",), ()])
def test_an_input_that_is_not_known_yet_is_no_reason_to_wait(tmp_path: Path, pending: tuple[str, ...]) -> None:
    values = UpstreamValues({"prod/box": {"x": "known", "y": UNKNOWN}}, pending=pending)
    with pytest.raises(RenderedError):
        plan_unit(context_of(tmp_path), unit_of(tmp_path), values)
