"""Values of one run: declared under ``run``, given with ``--set``, read as ``${{ run.NAME }}``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.options import given_values
from orchestrator.config.live.run_values import values_missing
from orchestrator.config.load import load
from orchestrator.config.nodes import PlainValue, Unset
from orchestrator.errors import UsageError
from tests.support.catalogue import ORCH, inputs, problems, write

RUN = """\
run:
  image: {}
  replicas: {type: number, default: 2}
  debug: {type: bool, default: null}
"""
REPOSITORY = (
    f"== orch\n{ORCH}{RUN}== stages/prod\naccount: main\nstacks: {{app: , data: }}\n== stacks/data\nmodule: any\n"
    "== stacks/app\nmodule: any\ninputs:\n"
    "  a: ['${{ run.image }}', '${{ run.replicas }}', '${{ run.debug }}']\n"
    "  b: ${{ data.x }}/${{ run.image }}:${{ run.replicas }}\n"
)


def test_a_value_keeps_its_type_alone_and_is_part_of_a_text(tmp_path: Path) -> None:
    given: dict[str, PlainValue] = {"image": "v2", "replicas": "3", "debug": "true"}
    catalogue = load(write(tmp_path, REPOSITORY), given=given)
    assert inputs(catalogue, "prod/app") == {"a": ["v2", 3, True], "b": "<prod/data.x>/v2:3"}
    assert catalogue.run_values == {"image": "v2", "replicas": 3, "debug": True}
    assert catalogue.units["prod/app"].run_values == catalogue.run_values
    assert catalogue.units["prod/data"].run_values == {}
    assert catalogue.units["prod/app"].upstreams == ("prod/data",)


def test_without_a_value_the_default_counts_and_one_that_is_required_is_missing_where_it_is_read(
    tmp_path: Path,
) -> None:
    unit = load(write(tmp_path, REPOSITORY)).units["prod/app"]
    assert unit.run_values == {"replicas": 2, "debug": None}
    assert isinstance(unit.inputs["b"].value, Unset)
    assert unit.upstreams == ("prod/data",)
    found = [str(each) for each in values_missing(unit.unset).problems]
    assert [each.split(" ")[0] for each in found] == ["live/stacks/app.yaml:3:7:", "live/stacks/app.yaml:4:6:"]
    assert "run.image has no value in this run — give it with --set image=VALUE" in found[0]


def test_a_recorded_value_is_taken_as_it_is(tmp_path: Path) -> None:
    given: dict[str, PlainValue] = {"image": "3", "replicas": 3, "debug": None}
    assert load(write(tmp_path, REPOSITORY), given=given).run_values == given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("imag=v2", 'live/orch.yaml:10: --set imag: live/orch.yaml declares no such value — did you mean "image"?'),
        (
            "replicas=many",
            "live/orch.yaml:11:3: --set replicas: 'many' is not a number — write a number such as 3 or 0.5",
        ),
        ("debug=yes", "live/orch.yaml:12:3: --set debug: 'yes' is not a bool — write true or false"),
    ],
)
def test_what_is_not_declared_or_has_another_type_is_an_error(tmp_path: Path, given: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(write(tmp_path, REPOSITORY), given=given_values([given]))
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["image", "=v2"])
def test_an_option_is_key_and_value(text: str) -> None:
    with pytest.raises(UsageError, match="invalid value for --set"):
        given_values([text])


def test_an_option_is_given_once_and_its_value_may_contain_an_equals_sign() -> None:
    assert given_values(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    with pytest.raises(UsageError, match="given twice"):
        given_values(["a=1", "a=2"])


@pytest.mark.parametrize(
    ("run", "value", "message"),
    [
        ("{image: {}}", "${{ run.img }}", 'is not declared in live/orch.yaml — did you mean "image"?'),
        ("{}", "${{ run.image }}", "is not declared in live/orch.yaml — declare it"),
        ("{image: {}}", "${{ run.image.tag }}", "run.image is a single value — write ${{ run.image }}"),
        ("{image: {default: null}}", "x-${{ run.image }}", "run.image is null here, so it cannot be part of a text"),
        ("{image: {}}", "${run.image}", "looks like a reference to run"),
        ("{image: {default: 3}}", "a", "run.image.default must be a string without references"),
        ("{image: {default: '${{ stage }}'}}", "a", "run.image.default must be a string without references"),
        ("{image: {type: list}}", "a", "run.image.type must be"),
    ],
)
def test_what_is_wrong_in_live_is_an_error_with_its_place(tmp_path: Path, run: str, value: str, message: str) -> None:
    text = f"== orch\n{ORCH}run: {run}\n== stages/prod\naccount: main\nstacks: {{app: }}\n"
    (found,) = problems(tmp_path, f"{text}== stacks/app\nmodule: any\ninputs:\n  a: {value}\n")
    assert message in found
    assert found.startswith("live/")


def test_a_stack_may_not_be_named_run(tmp_path: Path) -> None:
    text = "== stages/prod\naccount: main\nstacks: {run: }\n== stacks/run\nmodule: any\n"
    assert any("'run' is reserved" in each for each in problems(tmp_path, text))
