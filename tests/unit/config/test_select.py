"""What a person selects, and what is said when it means nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.catalogue import Catalogue
from orchestrator.config.graph import Graph
from orchestrator.config.select import select
from orchestrator.errors import UsageError
from tests.support.catalogue import with_graph

TEXT = """\
== accounts/production
id: "111111111111"
access: restricted
stacks:
  audit:
  baseline:
== accounts/development
id: "222222222222"
== accounts/empty
id: "333333333333"
== stages/prod
account: production
stacks:
  data:
  api:
  edge:
  far:
== stages/test
account: production
stacks:
  data:
  api:
== stages/dev
account: development
stacks:
  data:
== stages/later
account: development
== stacks/audit
module: any
== stacks/baseline
module: any
== stacks/data
module: table
== stacks/api
module: any
inputs:
  a: ${{ data.x }}
== stacks/edge
module: any
regions: [eu-west-1, us-east-1]
depends_on: [api]
== stacks/far
module: terraform-aws-modules/sns/aws
version: 6.1.0
region: us-east-1
== modules/table
output "x" { value = 1 }
"""
PROD = ("prod/api", "prod/data", "prod/edge", "prod/edge@us-east-1", "prod/far@us-east-1")
OWN = ("production/audit", "production/baseline")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalogue, Graph]:
    return with_graph(tmp_path_factory.mktemp("targets"), TEXT)


def chosen(made: tuple[Catalogue, Graph], *targets: str, exclude: Sequence[str] = ()) -> list[str]:
    return sorted(select(*made, targets, exclude=exclude))


@pytest.mark.parametrize(
    ("target", "units"),
    [
        ("prod", PROD),
        ("test", ("test/api", "test/data")),
        ("prod/api", ("prod/api",)),
        ("production/baseline", ("production/baseline",)),
        ("prod/edge", ("prod/edge",)),  # the stage's own region only
        ("prod/edge@eu-west-1", ("prod/edge",)),
        ("prod/edge@us-east-1", ("prod/edge@us-east-1",)),
        ("*/data", ("dev/data", "prod/data", "test/data")),
        ("prod/*@us-*", ("prod/edge@us-east-1", "prod/far@us-east-1")),
        ("?e[sv]*/data", ("dev/data", "test/data")),
        ("account:production", (*PROD, *OWN, "test/api", "test/data")),
        ("account:development", ("dev/data",)),
        ("module:table", ("dev/data", "prod/data", "test/data")),
        ("module:terraform-aws-modules/sns/aws", ("prod/far@us-east-1",)),
        ("+test/api", (*OWN, "test/api", "test/data")),
        ("prod/data+", ("prod/api", "prod/data", "prod/edge", "prod/edge@us-east-1")),
        ("+prod/api+", (*OWN, "prod/api", "prod/data", "prod/edge", "prod/edge@us-east-1")),
        ("module:table+", ("dev/data", *PROD[:-1], "test/api", "test/data")),
    ],
)
def test_what_a_target_means(made: tuple[Catalogue, Graph], target: str, units: tuple[str, ...]) -> None:
    assert chosen(made, target) == sorted(units)


def test_a_star_is_everything_and_in_graph_order(made: tuple[Catalogue, Graph]) -> None:
    assert select(*made, ["*"]) == made[1].order


def test_several_targets_add_up_and_exclude_takes_away_in_the_same_words(made: tuple[Catalogue, Graph]) -> None:
    assert chosen(made, "test", "dev") == ["dev/data", "test/api", "test/data"]
    assert chosen(made, "prod", exclude=["prod/api+", "module:table"]) == ["prod/far@us-east-1"]
    assert chosen(made, "*", exclude=["account:production"]) == ["dev/data"]


def test_changed_keeps_only_what_was_selected_and_has_changed(made: tuple[Catalogue, Graph]) -> None:
    changed = frozenset({"prod/api", "dev/data"})
    assert select(*made, ["prod"], changed=changed) == ("prod/api",)
    assert sorted(select(*made, [], changed=changed)) == ["dev/data", "prod/api"]
    assert select(*made, ["prod+"], exclude=["prod/data"], changed=frozenset({"prod/data", "prod/edge"})) == (
        "prod/edge",
    )


def refused(
    made: tuple[Catalogue, Graph],
    *targets: str,
    exclude: Sequence[str] = (),
    changed: frozenset[str] | None = None,
) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        select(*made, targets, exclude=exclude, changed=changed)
    assert caught.value.exit_code == 2
    return caught.value.what, caught.value.hint or ""


def test_no_target_lists_the_stages(made: tuple[Catalogue, Graph]) -> None:
    what, hint = refused(made)
    assert what == "no target given"
    assert "a stage (dev, later, prod, test)" in hint


def test_a_bare_account_offers_what_may_have_been_meant(made: tuple[Catalogue, Graph]) -> None:
    what, hint = refused(made, "production")
    assert what == "'production' is an account, not a stage"
    assert "account:production" in hint
    assert "production/baseline" in hint
    assert "production/audit" not in hint  # the baseline is what people mean


def test_a_bare_account_is_refused_with_a_plus_and_in_exclude_too(made: tuple[Catalogue, Graph]) -> None:
    assert "is an account" in refused(made, "+production")[0]
    assert "is an account" in refused(made, "*", exclude=["production"])[0]


def test_a_bare_account_without_units_of_its_own_offers_only_the_account(made: tuple[Catalogue, Graph]) -> None:
    assert refused(made, "development") == (
        "'development' is an account, not a stage",
        "write account:development for everything in it",
    )


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("prd", "prod"),
        ("prod/apu", "prod/api"),
        ("account:prodution", "account:production"),
        ("module:tabel", "module:table"),
        ("prod/edge@us-east-2", "prod/edge@us-east-1"),
        ("+prod/dta", "prod/data"),
    ],
)
def test_the_near_miss_is_told(made: tuple[Catalogue, Graph], target: str, meant: str) -> None:
    what, hint = refused(made, target)
    assert what == f"no unit matches {target.removeprefix('+')!r}"
    assert hint == f'did you mean "{meant}"?'


def test_without_a_near_miss_the_stages_are_told(made: tuple[Catalogue, Graph]) -> None:
    assert refused(made, "zzzzzz")[1] == "stages: dev, later, prod, test"


def test_a_glob_that_matches_nothing_is_refused_although_others_match(made: tuple[Catalogue, Graph]) -> None:
    assert refused(made, "prod", "qqq/*")[0] == "no unit matches 'qqq/*'"


def test_an_exclusion_that_means_nothing_is_refused(made: tuple[Catalogue, Graph]) -> None:
    """A slip of the pen there would act on what was to be left alone."""
    assert refused(made, "prod", exclude=["prod/dataa"])[1] == 'did you mean "prod/data"?'


def test_a_stack_that_is_in_other_regions_only_says_which(made: tuple[Catalogue, Graph]) -> None:
    assert refused(made, "prod/far") == ("prod/far is only in other regions", "write prod/far@us-east-1")


@pytest.mark.parametrize(
    ("target", "what", "file"),
    [
        ("later", "stage 'later' has no units", "live/stages/later.yaml"),
        ("account:empty", "account 'empty' has no units", "live/accounts/empty.yaml"),
    ],
)
def test_what_is_there_but_empty_says_where_to_add(
    made: tuple[Catalogue, Graph], target: str, what: str, file: str
) -> None:
    said, hint = refused(made, target)
    assert said == what
    assert file in hint


@pytest.mark.parametrize("target", ["", "+", "++", "account:", "module:", ":", "/", "@", "prod/edge@", "[", "prod@"])
def test_odd_targets_are_refused_and_not_taken_for_something(made: tuple[Catalogue, Graph], target: str) -> None:
    assert all(refused(made, target))


def test_an_empty_selection_says_what_emptied_it(made: tuple[Catalogue, Graph]) -> None:
    nothing: frozenset[str] = frozenset()
    assert refused(made, "dev", exclude=["*"])[0] == "--exclude removes every selected unit"
    assert select(*made, ["dev"], changed=nothing) == (), "nothing to do is no error"
    assert select(*made, [], changed=nothing) == ()
    assert refused(made, "nothere", changed=nothing)
    assert refused(made, "dev", exclude=["*"], changed=nothing)[0] == "--exclude removes every selected unit"


@given(
    st.lists(st.sampled_from(["prod", "+test", "prod/data+", "*/api", "module:any", "account:development"]), min_size=1)
)
def test_a_selection_is_the_union_of_its_targets_in_graph_order(
    made: tuple[Catalogue, Graph], targets: list[str]
) -> None:
    found = select(*made, targets)
    union = {unit for target in targets for unit in select(*made, [target])}
    assert found == tuple(unit for unit in made[1].order if unit in union)
