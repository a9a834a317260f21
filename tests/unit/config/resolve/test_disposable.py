"""What a disposable stage must not be: in a restricted account, read by a lasting stage, or the owner of what exists."""

from __future__ import annotations

from pathlib import Path

from tests.support.catalogue import loaded, problems

OPEN = '== accounts/dev\nid: "222222222222"\naccess: open\n'
STACKS = "== stacks/data\nmodule: any\n== stacks/app\nmodule: any\n"
FEAT = f"{OPEN}== stages/feat\naccount: dev\ndisposable: true\nstacks: {{data: }}\n{STACKS}"


def test_in_an_open_account_it_is_disposable_and_its_heirs_are_not(tmp_path: Path) -> None:
    stages = loaded(tmp_path, f"{FEAT}== stages/heir\nextends: feat\n").stages
    assert (stages["feat"].disposable, stages["heir"].disposable) == (True, False)


def test_it_must_not_be_in_a_restricted_account(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, FEAT.replace("access: open\n", ""))
    assert said == (
        "live/stages/feat.yaml:2:13: feat is disposable, but the account dev is restricted"
        " — put the stage into an account with `access: open`, or remove `disposable`"
    )


def test_an_account_that_it_inherits_counts(tmp_path: Path) -> None:
    text = FEAT.replace("access: open\n", "").replace("account: dev\n", "extends: base\n")
    (said,) = problems(tmp_path, f"{text}== stages/base\naccount: dev\n")
    assert "the account dev is restricted" in said


def test_a_lasting_stage_must_not_use_it(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, f"{FEAT}== stages/dev2\naccount: dev\nstacks: {{app: }}\nuses: {{far: feat/data}}\n")
    assert said == (
        "live/stages/dev2.yaml:3:13: uses.far: feat is disposable, and dev2 is not, so it would lose feat/data"
        " — use a unit of a lasting stage, or make dev2 disposable before it is created"
    )


def test_another_disposable_stage_may_use_it(tmp_path: Path) -> None:
    text = (
        f"{FEAT}== stages/more\naccount: dev\ndisposable: true\nstacks: {{app: {{inputs: {{a: '${{{{ far.x }}}}'}}}}}}\n"
        "uses: {far: feat/data}\n"
    )
    assert loaded(tmp_path, text).units["more/app"].upstreams == ("feat/data",)


def test_it_may_use_a_lasting_stage(tmp_path: Path) -> None:
    text = FEAT.replace("stacks: {data: }", "stacks: {data: }\nuses: {far: base/data}")
    assert loaded(tmp_path, f"{text}== stages/base\naccount: dev\nstacks: {{data: }}\n").stages["feat"].disposable


def test_it_must_not_import_what_exists(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, FEAT.replace("{data: }", "{data: {imports: {aws_x.y: some-id}}}"))
    assert said == (
        "live/stages/feat.yaml:3:27: feat is disposable, so it must not import aws_x.y, which would be destroyed with it"
        " — import it into a lasting stage"
    )


def test_it_must_not_act_in_a_restricted_account(tmp_path: Path) -> None:
    text = (
        FEAT.replace("{data: }", "{data: {providers: {aws.far: {account: main}}}}").replace(
            "module: any\n== stacks/app", "module: far\n== stacks/app"
        )
        + '== accounts/main\nid: "111111111111"\n== modules/far\nterraform {\n  required_providers {\n    aws = {\n'
        '      source                = "hashicorp/aws"\n      configuration_aliases = [aws.far]\n    }\n  }\n}\n'
    )
    (said,) = problems(tmp_path, text)
    assert said == (
        "live/stages/feat.yaml:3:38: feat is disposable, but its provider configuration aws.far acts in the restricted"
        " account main — use an account with `access: open`, or remove `disposable`"
    )
