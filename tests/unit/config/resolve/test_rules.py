"""The rules of the catalogue's format, sentence by sentence, up to the fourth.

The others are in test_units.py, the errors that they speak of in golden/config/.
"""

from __future__ import annotations

from pathlib import Path

from orchestrator.config.nodes import Ref, Text
from tests.support.catalogue import inputs, loaded, problems

PROD = "== stages/prod\naccount: main\n"


# 1. File stems are names, unique across accounts and stages. Built-in names are reserved.


def test_1_a_stack_may_be_named_like_a_stage_or_an_account(tmp_path: Path) -> None:
    text = f"{PROD}stacks: {{main: , prod: }}\n== stacks/main\nmodule: any\n== stacks/prod\nmodule: any\n"
    assert set(loaded(tmp_path, text).units) == {"prod/main", "prod/prod"}


def test_1_a_name_has_at_most_31_characters(tmp_path: Path) -> None:
    name = "a" * 31
    text = f"== stages/{name}\naccount: main\nstacks: {{{name}: }}\n== stacks/{name}\nmodule: any\n"
    assert set(loaded(tmp_path, text).units) == {f"{name}/{name}"}


# 2. Without a dot a reference is a built-in. With a dot it is STACK.OUTPUT[.path].


def test_2_built_ins(tmp_path: Path) -> None:
    all_six = "${{ name }} ${{ account }} ${{ account_id }} ${{ stage }} ${{ stack }} ${{ region }}"
    text = f"{PROD}stacks: {{app: }}\n== stacks/app\nmodule: any\ninputs:\n  a: {all_six}\n  b: ${{{{ stage }}}}\n"
    assert inputs(loaded(tmp_path, text), "prod/app") == {
        "a": "ams main 111111111111 prod app eu-west-1",
        "b": "prod",
    }


def test_2_outputs_with_paths_keep_their_type_alone_and_stand_inside_of_text(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks: {{app: , data: }}\n== stacks/data\nmodule: any\n== stacks/app\nmodule: any\n"
        "inputs:\n"
        "  a: ${{ data.x.users.name }}\n"
        "  b:\n"
        "    list: ['${{ data.y[\"users\"][0].name }}', plain]\n"
        "    text: https://${{ data.x }}.${{ stage }}.example.com\n"
    )
    catalogue = loaded(tmp_path, text)
    assert inputs(catalogue, "prod/app") == {
        "a": "<prod/data.x.users.name>",
        "b": {"list": ["<prod/data.y.users[0].name>", "plain"], "text": "https://<prod/data.x>.prod.example.com"},
    }
    ref = catalogue.units["prod/app"].inputs["a"].value
    assert isinstance(ref, Ref)
    assert (ref.unit, ref.output, ref.path, ref.foreign) == ("prod/data", "x", ("users", "name"), False)
    assert str(ref.at) == "live/stacks/app.yaml:3:6"
    map_of_b = catalogue.units["prod/app"].inputs["b"].value
    assert isinstance(map_of_b, dict)
    text_value = map_of_b["text"].value
    assert isinstance(text_value, Text)
    assert text_value.parts[0] == "https://"
    assert text_value.parts[2] == ".prod.example.com", "built-ins are filled in, and texts joined"


# 3. A name resolves in the stage's stacks, then its uses, then the account's stacks.

THREE = (
    "== stages/prod\naccount: main\nstacks:\n  app:\n"
    "== stages/far\naccount: two\nstacks: {data: }\n"
    '== accounts/main\nid: "111111111111"\nstacks: {data: }\n'
    '== accounts/two\nid: "222222222222"\n'
    "== stacks/data\nmodule: any\n"
    "== stacks/app\nmodule: any\ninputs: {a: '${{ data.x }}'}\n"
)


def test_3_the_accounts_stacks_come_last(tmp_path: Path) -> None:
    assert inputs(loaded(tmp_path, THREE), "prod/app") == {"a": "<main/data.x>"}


def test_3_uses_come_before_them(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, THREE.replace("  app:\n", "  app:\nuses: {data: far/data}\n"))
    assert inputs(catalogue, "prod/app") == {"a": "<far/data.x>"}
    ref = catalogue.units["prod/app"].inputs["a"].value
    assert isinstance(ref, Ref)
    assert ref.foreign, "another account's outputs are read from its published file"


def test_3_the_stages_own_stacks_come_first(tmp_path: Path) -> None:
    assert inputs(loaded(tmp_path, THREE.replace("  app:\n", "  app:\n  data:\n")), "prod/app") == {
        "a": "<prod/data.x>"
    }


def test_3_two_names_may_mean_one_unit_and_uses_may_mean_an_accounts_stack(tmp_path: Path) -> None:
    text = THREE.replace("  app:\n", "  app:\nuses: {one: far/data, two: far/data, base: main/data}\n")
    text = text.replace("{a: '${{ data.x }}'}", "{a: '${{ one.x }} ${{ two.y }}', b: '${{ base.x }}'}")
    catalogue = loaded(tmp_path, text)
    assert inputs(catalogue, "prod/app") == {"a": "<far/data.x> <far/data.y>", "b": "<main/data.x>"}
    assert catalogue.units["prod/app"].upstreams == ("far/data", "main/data")


def test_3_a_stage_of_the_same_account_is_not_foreign(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks: {{app: }}\nuses: {{data: test/data}}\n== stages/test\naccount: main\nstacks: {{data: }}\n"
        "== stacks/data\nmodule: any\n== stacks/app\nmodule: any\ninputs: {a: '${{ data.x }}'}\n"
    )
    ref = loaded(tmp_path, text).units["prod/app"].inputs["a"].value
    assert isinstance(ref, Ref)
    assert not ref.foreign


# 4. Merging. How values merge is in test_catalogue_merge.py.

FOUR = (
    f"{PROD}stacks:\n  app:\n    inputs: {{b: {{y: prod}}}}\n  data:\nuses: {{far: away/data}}\n"
    "== stages/away\naccount: main\nstacks: {data: }\n"
    "== stacks/data\nmodule: any\n"
    "== stacks/app\nmodule: any\ninputs: {a: [1, 2], b: {x: file, y: file}}\n"
)


def test_4_a_stages_entry_is_merged_over_the_stack_file(tmp_path: Path) -> None:
    assert inputs(loaded(tmp_path, FOUR), "prod/app") == {"a": [1, 2], "b": {"x": "file", "y": "prod"}}


def test_4_any_key_of_the_stack_file_may_be_set(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks:\n  app: {{module: a/b/aws, version: '1.2', region: us-east-1, timeouts: {{plan: 1h30m}}, "
        "named: old, depends_on: []}\n== stacks/app\nmodule: any\ndepends_on: [nothing]\n"
    )
    unit = loaded(tmp_path, text).units["prod/app@us-east-1"]
    assert (unit.module.address, unit.module.version, unit.module.path) == ("a/b/aws", "1.2", None)
    assert (unit.region, unit.timeouts.plan, unit.timeouts.apply, unit.named) == ("us-east-1", 5400, 3600, "old")


def test_4_extends_merges_over_the_parent_and_a_false_drops(tmp_path: Path) -> None:
    text = FOUR + "== stages/test\nextends: prod\nstacks:\n  app: {inputs: {a: null, b: {z: test}}}\n  data: false\n"
    catalogue = loaded(tmp_path, text)
    assert inputs(catalogue, "test/app") == {"b": {"x": "file", "y": "prod", "z": "test"}}
    assert "test/data" not in catalogue.units
    assert catalogue.stages["test"].lineage == ("test", "prod")
    assert catalogue.stages["test"].account == "main"


def test_4_extends_goes_on_over_any_number_of_stages(tmp_path: Path) -> None:
    chain = "".join(
        f"== stages/s{n}\nextends: s{n - 1}\nstacks: {{app: {{inputs: {{b: {{s{n}: x}}}}}}}}\n" for n in range(1, 1100)
    )
    text = "== stages/s0\naccount: main\nstacks: {app: }\n== stacks/app\nmodule: any\n" + chain
    catalogue = loaded(tmp_path, text)
    b = inputs(catalogue, "s1099/app")["b"]
    assert isinstance(b, dict)
    assert len(b) == 1099
    assert len(catalogue.stages["s1099"].lineage) == 1100


def test_4_a_chain_with_a_false_in_it_starts_anew(tmp_path: Path) -> None:
    text = FOUR + (
        "== stages/test\nextends: prod\nstacks: {app: false}\n"
        "== stages/dev\nextends: test\nstacks: {app: }\n"
        "== stages/feat\nextends: test\n"
    )
    catalogue = loaded(tmp_path, text)
    assert inputs(catalogue, "dev/app") == {"a": [1, 2], "b": {"x": "file", "y": "file"}}
    assert {unit for unit in catalogue.units if unit.startswith(("test/", "feat/"))} == {"test/data", "feat/data"}


def test_4_uses_expires_and_imports_are_never_inherited(tmp_path: Path) -> None:
    text = (
        f"{PROD}expires: '2027-01-31'\nuses: {{far: away/data}}\n"
        "stacks: {app: {imports: {aws_x.y: id}, moved: {aws_x.a: aws_x.y}}}\n"
        "== stages/away\naccount: main\nstacks: {data: }\n== stages/test\nextends: prod\n"
        '== stacks/data\nmodule: any\n== stacks/app\nmodule: m\n== modules/m\nvariable "a" {\n  default = null\n}\n'
        'resource "aws_x" "y" {}\n'
    )
    catalogue = loaded(tmp_path, text)
    prod, test = catalogue.stages["prod"], catalogue.stages["test"]
    assert (prod.expires, test.expires) == ("2027-01-31", None)
    assert catalogue.units["prod/app"].imports == {"aws_x.y": "id"}
    assert catalogue.units["test/app"].imports == {}
    assert catalogue.units["test/app"].moved == {"aws_x.a": "aws_x.y"}
    reading = text.replace("module: m\n", "module: m\ninputs: {a: '${{ far.x }}'}\n", 1)
    (said,) = problems(tmp_path / "two", reading)
    assert said == (
        "live/stacks/app.yaml:2:13: far is used here, but test does not say which unit it is — `uses` of prod is not "
        "inherited: add `far: away/data` or `far: null` under `uses:` in live/stages/test.yaml"
    )


def test_4_a_dropped_stack_may_be_wired_instead(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks: {{app: , data: }}\n"
        "== stages/test\nextends: prod\nstacks: {data: false}\nuses: {data: prod/data}\n"
        "== stacks/data\nmodule: any\n== stacks/app\nmodule: any\ninputs: {a: '${{ data.x }}'}\n"
    )
    assert inputs(loaded(tmp_path, text), "test/app") == {"a": "<prod/data.x>"}


def test_4_null_in_uses_makes_every_reference_null(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks: {{app: }}\nuses: {{data: null}}\n"
        "== stacks/app\nmodule: any\ndepends_on: [data]\ninputs: {a: '${{ data.x.y }}', b: ['${{ data.y }}']}\n"
    )
    catalogue = loaded(tmp_path, text)
    assert inputs(catalogue, "prod/app") == {"a": None, "b": [None]}
    assert catalogue.units["prod/app"].upstreams == ()


def test_4_an_empty_stacks_key_changes_nothing(tmp_path: Path) -> None:
    assert "test/app" in loaded(tmp_path, FOUR + "== stages/test\nextends: prod\nstacks:\n").units


def test_4_what_a_stage_clears_may_be_any_map(tmp_path: Path) -> None:
    text = (
        f"{PROD}stacks:\n  app: {{archives: {{a: null}}, imports: {{aws_x.y: null}}, providers: {{aws.e: null}}, inputs: null}}\n"
        "== stacks/app\nmodule: any\narchives: {a: nowhere}\nimports: {aws_x.y: id}\nproviders: {aws.e: {}}\n"
        "inputs: {b: 1}\n"
    )
    unit = loaded(tmp_path, text).units["prod/app"]
    assert (unit.archives, unit.imports, unit.providers, unit.inputs) == ((), {}, (), {})


def test_a_stack_file_that_nobody_uses_is_fine(tmp_path: Path) -> None:
    text = f"{PROD}stacks: {{app: }}\n== stacks/app\nmodule: any\n== stacks/spare\nmodule: nowhere\ninputs: {{x: '${{{{ gone.y }}}}'}}\n"
    assert set(loaded(tmp_path, text).units) == {"prod/app"}
