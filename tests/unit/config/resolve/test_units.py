"""The rules of the catalogue's format from the fifth on: regions, text, places, imports, secrets, state keys, modules."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.config.catalogue import Catalogue, Secret
from orchestrator.config.graph import Graph
from orchestrator.config.nodes import Node
from tests.support.catalogue import inputs, loaded, plain, problems

PROD = "== stages/prod\naccount: main\n"


def at(catalogue: Catalogue, unit: str, name: str) -> str:
    return str(catalogue.units[unit].inputs[name].at)


# 5. Regions.

FIVE = (
    "== stages/prod\naccount: main\nstacks: {app: , edge: }\n"
    "== stacks/app\nmodule: any\ninputs: {a: '${{ edge.x }}'}\n"
    "== stacks/edge\nmodule: any\n"
)


def test_5_the_nearest_region_wins(tmp_path: Path) -> None:
    def regions(name: str, account: str = "", stage: str = "", stack: str = "", entry: str = "") -> set[str]:
        text = (
            f'== accounts/main\nid: "111111111111"\n{account}== stages/prod\naccount: main\n{stage}'
            f"stacks: {{app: {{{entry}}}}}\n== stacks/app\nmodule: any\n{stack}"
        )
        return set(loaded(tmp_path / name, text).units)

    assert regions("a") == {"prod/app"}
    assert regions("b", account="region: us-west-1\n") == {"prod/app"}
    assert regions("c", account="region: us-west-1\n", stage="region: us-west-2\n") == {"prod/app"}
    assert regions("d", stage="region: us-west-2\n", stack="region: eu-west-1\n") == {"prod/app@eu-west-1"}
    assert regions("e", stack="region: us-east-1\n", entry="region: us-east-2") == {"prod/app@us-east-2"}
    assert regions("f", stack="regions: [us-east-1, us-east-2]\n", entry="region: us-east-2") == {"prod/app@us-east-2"}


def test_5_the_region_of_a_unit_is_the_accounts_or_the_stages(tmp_path: Path) -> None:
    account = '== accounts/main\nid: "111111111111"\nregion: us-west-1\n'
    assert loaded(tmp_path / "a", account + FIVE).units["prod/app"].region == "us-west-1"
    stage = FIVE.replace("account: main\n", "account: main\nregion: us-west-2\n")
    assert loaded(tmp_path / "b", account + stage).units["prod/app"].region == "us-west-2"


def test_5_regions_give_a_unit_each(tmp_path: Path) -> None:
    units = loaded(tmp_path, FIVE + "regions: [eu-west-1, us-east-1]\n").units
    assert {unit: units[unit].region for unit in units if "edge" in unit} == {
        "prod/edge": "eu-west-1",
        "prod/edge@us-east-1": "us-east-1",
    }


def test_5_references_prefer_the_same_region_else_the_only_one_else_say_it(tmp_path: Path) -> None:
    same = loaded(tmp_path / "a", FIVE + "regions: [us-east-1, eu-west-1]\n")
    assert inputs(same, "prod/app") == {"a": "<prod/edge.x>"}
    only = loaded(tmp_path / "b", FIVE + "regions: [us-east-1]\n")
    assert inputs(only, "prod/app") == {"a": "<prod/edge@us-east-1.x>"}
    named = FIVE.replace("edge.x", "edge@us-east-1.x") + "regions: [us-east-1, eu-west-1]\n"
    assert inputs(loaded(tmp_path / "c", named), "prod/app") == {"a": "<prod/edge@us-east-1.x>"}


def test_5_two_regional_stacks_read_each_other_region_by_region(tmp_path: Path) -> None:
    two = "regions: [eu-west-1, us-east-1]\n"
    text = FIVE.replace("== stacks/edge", f"{two}== stacks/edge") + two
    catalogue = loaded(tmp_path, text)
    assert inputs(catalogue, "prod/app") == {"a": "<prod/edge.x>"}
    assert inputs(catalogue, "prod/app@us-east-1") == {"a": "<prod/edge@us-east-1.x>"}


def test_5_uses_and_depends_on_may_name_a_region(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks: {{app: }}\nuses: {{far: test/edge@us-east-1, near: test/edge}}\n"
        "== stages/test\naccount: main\nstacks: {edge: , app: false}\n"
        "== stacks/edge\nmodule: any\nregions: [eu-west-1, us-east-1]\n"
        "== stacks/app\nmodule: any\ninputs: {a: '${{ far.x }} ${{ near.x }} ${{ near@us-east-1.x }}'}\n"
    )
    catalogue = loaded(tmp_path / "a", text)
    assert inputs(catalogue, "prod/app") == {"a": "<test/edge@us-east-1.x> <test/edge.x> <test/edge@us-east-1.x>"}
    order = (
        FIVE.replace("inputs: {a: '${{ edge.x }}'}", "depends_on: [edge@us-east-1]")
        + "regions: [eu-west-1, us-east-1]\n"
    )
    assert loaded(tmp_path / "b", order).units["prod/app"].upstreams == ("prod/edge@us-east-1",)


# 6. What looks like a reference and is none is an error for known stacks only. Any other ${…} is data.


def test_6_other_dollars_are_data(tmp_path: Path) -> None:
    texts = [
        "${AWS::Region}",
        "${aws:username}",
        "${self:custom.x}",
        "${var.x}",
        "$(pwd)",
        "%{if x}",
        "$${app.x}",
        "${",
    ]
    lines = "".join(f"    - '{text}'\n" for text in texts)
    text = f"{PROD}stacks: {{app: }}\n== stacks/app\nmodule: any\ninputs:\n  a:\n{lines}"
    assert inputs(loaded(tmp_path, text), "prod/app") == {"a": texts}


# 7. Anchors and merge keys work within a file. What else is text is in test_catalogue_yaml.py.


def test_7_anchors_and_merge_keys(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks:\n  app:\n    inputs: &both\n      a: {{x: 1}}\n      b: ${{{{ stack }}}}\n"
        "  other:\n    inputs:\n      <<: *both\n      a: own\n"
        "== stacks/app\nmodule: any\n== stacks/other\nmodule: any\n"
    )
    catalogue = loaded(tmp_path, text)
    assert inputs(catalogue, "prod/app") == {"a": {"x": 1}, "b": "app"}
    assert inputs(catalogue, "prod/other") == {"a": "own", "b": "other"}
    assert at(catalogue, "prod/other", "b") == "live/stages/prod.yaml:6:10"


# 8 is tested in test_schema_files.py.
# 9. Every resolved value knows its file and line.


def test_9_every_value_knows_its_place(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks:\n  app:\n    inputs:\n      b: {{y: 2}}\n== stages/test\nextends: prod\n"
        "== stacks/app\nmodule: any\ninputs:\n  a: one\n  b:\n    x: [1, two]\n"
    )
    catalogue = loaded(tmp_path, text)
    for unit in ("prod/app", "test/app"):
        assert at(catalogue, unit, "a") == "live/stacks/app.yaml:3:6"
        b = catalogue.units[unit].inputs["b"].value
        assert isinstance(b, dict)
        items = b["x"].value
        assert isinstance(items, tuple)
        assert str(items[1].at) == "live/stacks/app.yaml:5:12"
        assert str(b["y"].at) == "live/stages/prod.yaml:5:14"
    assert str(catalogue.units["prod/app"].at) == "live/stages/prod.yaml:3:3"


def test_9_literals_are_shared_by_all_who_inherit_them(tmp_path: Path) -> None:
    stages = "".join(f"== stages/s{n}\nextends: prod\n" for n in range(3))
    text = f"{PROD}stacks: {{app: }}\n{stages}== stacks/app\nmodule: any\ninputs: {{a: {{x: [1, 2]}}}}\n"
    catalogue = loaded(tmp_path, text)
    assert len({id(unit.inputs["a"]) for unit in catalogue.units.values()}) == 1


# 10. imports and moved are keys of a stack or of a stage's entry.


RESOURCES = """\
== modules/m
resource "aws_s3_bucket" "this" {}
resource "aws_sqs_queue" "a" {}
resource "aws_sns_topic" "a" {}
resource "aws_iam_role" "a" {}
module "inner" { source = "../any" }
module "x" { source = "../any" }
"""


def test_10_imports_and_moved(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks:\n  app: {{imports: {{'aws_s3_bucket.this[\"a b\"]': '${{{{ name }}}}-logs'}}}}\n"
        f"{RESOURCES}== stacks/app\nmodule: m\n"
        "imports: {'module.inner.aws_x.y[0]': 'arn:aws:x:::\"${y}\"'}\n"
        "moved: {aws_x.old: aws_sqs_queue.a, module.a: 'module.x[\"x\"]'}\n"
    )
    unit = loaded(tmp_path, text).units["prod/app"]
    assert unit.imports == {'aws_s3_bucket.this["a b"]': "ams-logs", "module.inner.aws_x.y[0]": 'arn:aws:x:::"${y}"'}
    assert unit.moved == {"aws_x.old": "aws_sqs_queue.a", "module.a": 'module.x["x"]'}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("{aws_sqs_queue.a: q}", "{'module.x[\"a.b\"].aws_sqs_queue.b[0]': q}", True),
        ("{aws_sqs_queue.a: q}", "{aws_sqs_queue.a: r}", False),
        ("{aws_sqs_queue.a: q}", "{aws_sns_topic.a: q}", False),
        ("{aws_sqs_queue.a: '${{ stage }}-q'}", "{aws_sqs_queue.a: prod-q}", True),
    ],
)
def test_10_one_object_is_imported_by_one_unit(tmp_path: Path, one: str, other: str, same: bool) -> None:
    text = (
        f"{PROD}stacks: {{app: {{imports: {one}}}}}\n"
        f"== stages/test\naccount: main\nstacks:\n  app: {{imports: {other}}}\n{RESOURCES}== stacks/app\nmodule: m\n"
    )
    if not same:
        assert set(loaded(tmp_path, text).units) == {"prod/app", "test/app"}
        return
    (problem,) = problems(tmp_path, text)
    assert "test/app imports " in problem
    assert "which prod/app imports too" in problem
    assert problem.startswith("live/stages/test.yaml:3:")


def test_10_in_another_region_a_name_is_another_object(tmp_path: Path) -> None:
    def text(type_: str) -> str:
        stages = "".join(
            f"== stages/{name}\naccount: main\nregion: {region}\nstacks: {{app: }}\n"
            for name, region in (("one", "eu-west-1"), ("two", "us-east-1"))
        )
        return f"{stages}{RESOURCES}== stacks/app\nmodule: m\nimports: {{{type_}.a: name}}\n"

    assert len(loaded(tmp_path / "a", text("aws_sqs_queue")).units) == 2
    assert len(problems(tmp_path / "b", text("aws_iam_role"))) == 1


# 11. secrets feed ephemeral variables.


def test_11_secrets(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks: {{app: }}\n"
        '== modules/m\nvariable "k" {\n  type      = string\n  ephemeral = true\n}\n'
        "== stacks/app\nmodule: m\nsecrets: {k: 'ssm:/${{ name }}/${{ stage }}/key'}\n"
    )
    catalogue = loaded(tmp_path, text)
    (secret,) = catalogue.units["prod/app"].secrets
    assert isinstance(secret, Secret)
    assert (secret.variable, secret.store, secret.key) == ("k", "ssm", "/ams/prod/key")
    assert str(secret.at) == "live/stacks/app.yaml:2:14"


# 12. State keys, and the units that an account begins with.


def test_12_state_keys(tmp_path: Path) -> None:
    units = loaded(tmp_path, FIVE + "regions: [us-east-1]\n").units
    assert units["prod/app"].state_key == "prod/app/eu-west-1/terraform.tfstate"
    assert units["prod/edge@us-east-1"].state_key == "prod/edge/us-east-1/terraform.tfstate"
    assert len({unit.state_key for unit in units.values()}) == len(units)


def test_an_accounts_own_stacks_come_before_its_stages_and_the_baseline_before_them(tmp_path: Path) -> None:
    text = (
        '== accounts/main\nid: "111111111111"\nstacks: {baseline: , dns: , net: }\n'
        '== accounts/two\nid: "222222222222"\nstacks: {baseline: }\n'
        f"{PROD}stacks: {{app: }}\n"
        "== stacks/baseline\nmodule: any\n== stacks/net\nmodule: any\n"
        "== stacks/dns\nmodule: any\ninputs: {a: '${{ net.x }}'}\n== stacks/app\nmodule: any\n"
    )
    catalogue = loaded(tmp_path, text)
    assert catalogue.units["main/baseline"].upstreams == ()
    assert catalogue.units["main/net"].upstreams == ("main/baseline",)
    assert catalogue.units["main/dns"].upstreams == ("main/baseline", "main/net")
    assert catalogue.units["prod/app"].upstreams == ("main/baseline", "main/dns", "main/net")
    assert [unit.id for unit in catalogue.units.values() if unit.baseline] == ["main/baseline", "two/baseline"]
    assert Graph.of(catalogue.units).order == (
        "main/baseline", "main/net", "main/dns", "prod/app", "two/baseline",
    )  # fmt: skip


def test_modules_with_an_address(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks: {{reg: , git: , query: , bare: }}\n"
        "== stacks/reg\nmodule: terraform-aws-modules/vpc/aws//modules/x\nversion: ~> 5.1\n"
        "== stacks/git\nmodule: git::https://example.com/a.git//sub\nversion: v2.3.1\n"
        "== stacks/query\nmodule: git::ssh://git@example.com/a.git?depth=1\nversion: v1\n"
        "== stacks/bare\nmodule: git@github.com:acme/a.git\ninputs: {whatever: 1}\n"
    )
    catalogue = loaded(tmp_path, text)
    found = {unit.stack: (unit.module.address, unit.module.version) for unit in catalogue.units.values()}
    assert found == {
        "reg": ("terraform-aws-modules/vpc/aws//modules/x", "~> 5.1"),
        "git": ("git::https://example.com/a.git//sub?ref=v2.3.1", "v2.3.1"),
        "query": ("git::ssh://git@example.com/a.git?depth=1&ref=v1", "v1"),
        "bare": ("git@github.com:acme/a.git", None),
    }


def test_providers_and_archives(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks: {{app: }}\n"
        '== modules/m\nterraform {\n  required_providers {\n    aws = {\n      source                = "hashicorp/aws"\n'
        '      configuration_aliases = [aws.edge, aws.dns]\n    }\n  }\n}\nvariable "code" {\n  type = string\n}\n'
        '== accounts/two\nid: "222222222222"\n== functions/api/main.py\n\n'
        "== stacks/app\nmodule: m\narchives: {code: functions/api}\n"
        "providers:\n  aws.edge: {region: us-east-1}\n  aws.dns: {account: two}\n"
    )
    unit = loaded(tmp_path, text).units["prod/app"]
    assert [(p.name, p.alias, p.account, p.region) for p in unit.providers] == [
        ("aws", "edge", "main", "us-east-1"),
        ("aws", "dns", "two", "eu-west-1"),
    ]
    assert [(a.variable, a.folder) for a in unit.archives] == [("code", tmp_path / "functions/api")]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(lambda text: "${" not in text)
HOSTILE = TEXTS | st.sampled_from(
    ['"', "\\", "\n", "\r\n", "%{ for x in y }", "$${x}", "\0", "\u2028", "EOT\n", "${path.module}", "*/", "#", "{{ x }}",
     "{% raw %}", "`id`", "$(id)", "'; rm -rf /", "<script>", "\x1b[31m", "${{", "}}", "~", "null", "011", "yes"]
).filter(lambda text: "${{" not in text)  # fmt: skip
DATA = st.recursive(
    HOSTILE | st.booleans() | st.integers(-(10**30), 10**30) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HOSTILE, inner, max_size=3),
    max_leaves=8,
)


def _yaml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in value) + '"'
    return {"None": "null", "True": "true", "False": "false"}.get(str(value), str(value))


@given(DATA)
@settings(deadline=None, max_examples=60)
def test_whatever_a_value_holds_it_is_data_from_the_file_to_the_node(tmp_path_factory: object, value: object) -> None:
    """A module without a known interface takes everything: nothing is checked, so nothing may be changed."""
    root = tmp_path_factory.mktemp("hostile")  # type: ignore[attr-defined]
    text = f"{PROD}stacks: {{app: }}\n== stacks/app\nmodule: a/b/aws\ninputs:\n  v: {_yaml(value)}\n"
    node = loaded(root, text).units["prod/app"].inputs["v"]
    assert isinstance(node, Node)
    assert plain(node) == value
