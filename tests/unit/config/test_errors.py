"""Everything that is an error in `live/`: the exact line that a person sees, and that nothing hostile is taken.

The cases are in `tests/golden/config/`: a title, a catalogue, and after `>>>>` what is said about it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.config.catalogue import Unit
from orchestrator.config.graph import Graph
from orchestrator.config.load import load
from orchestrator.errors import CatalogueError
from tests.support.catalogue import ORCH, problems, write

CASES = Path(__file__).parents[2] / "golden" / "config"
SHORT = {
    "@settings\n": f"== orch\n{ORCH}",
    "@prod\n": "== stages/prod\naccount: main\nstacks: {app: }\n",
    "@app\n": "== stages/prod\naccount: main\nstacks: {app: }\n== stacks/app\nmodule: any\n",
}


def cases() -> list[ParameterSet]:
    found = []
    for path in sorted(CASES.glob("*.txt")):
        for case in path.read_text(encoding="utf-8").split("#### ")[1:]:
            title, _, rest = case.partition("\n")
            text, _, said = rest.partition(">>>>\n")
            for short, meant in SHORT.items():
                text = text.replace(short, meant)
            found.append(pytest.param(text, said.strip().splitlines(), id=f"{path.stem}: {title}"))
    return found


@pytest.mark.parametrize(("text", "said"), cases())
def test_an_error_is_one_clear_line(tmp_path: Path, text: str, said: list[str]) -> None:
    assert said
    assert problems(tmp_path, text) == said


def test_there_are_no_two_cases_with_one_title() -> None:
    titles = re.findall(r"^#### (.*)$", "".join(path.read_text() for path in CASES.glob("*.txt")), re.MULTILINE)
    assert len(titles) == len(set(titles)) > 100


def test_a_catalogue_error_ends_with_exit_code_2(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as caught:
        load(write(tmp_path, "== stages/prod\naccount: mian\n"))
    assert caught.value.exit_code == 2
    assert str(caught.value) == "live/stages/prod.yaml:1:10: unknown account 'mian' — did you mean \"main\"?"


HOSTILE = st.text(
    st.sampled_from("ab-_./@:${}\"'\\\n\r\0\t `;|&<>()[]%#~é\u2028\x7f") | st.characters(exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
) | st.sampled_from(
    ["..", "../x", "a/../b", "/etc/passwd", "${path.module}", "%{ if true }", '"]', "a\nb", "main\n", "\0", "-rf", "~"]
)


def quoted(text: str) -> str:
    """Any text as a YAML scalar that is exactly it."""
    return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text) + '"'


PLACES: dict[str, Callable[[str], str]] = {
    "stage's account": lambda t: f"== stages/prod\naccount: {t}\nstacks: {{app: }}\n== stacks/app\nmodule: any\n",
    "stack": lambda t: f"== stages/prod\naccount: main\nstacks: {{{t}: }}\n== stacks/app\nmodule: any\n",
    "extends": lambda t: f"== stages/prod\nextends: {t}\nstacks: {{app: }}\n== stacks/app\nmodule: any\n",
    "uses": lambda t: (
        f"== stages/prod\naccount: main\nstacks: {{app: }}\nuses: {{x: {t}}}\n== stacks/app\nmodule: any\n"
    ),
    "used name": lambda t: (
        f"== stages/prod\naccount: main\nstacks: {{app: }}\nuses: {{{t}: null}}\n== stacks/app\nmodule: any\n"
    ),
    "module": lambda t: _stack(f"module: {t}"),
    "version": lambda t: _stack(f"module: a/b/aws\nversion: {t}"),
    "input": lambda t: _stack(f"module: a/b/aws\ninputs: {{{t}: 1}}"),
    "secret's name": lambda t: _stack(f"module: a/b/aws\nsecrets: {{{t}: 'ssm:/x'}}"),
    "secret": lambda t: _stack(f"module: a/b/aws\nsecrets: {{s: {t}}}"),
    "archive": lambda t: _stack(f"module: any\narchives: {{a: {t}}}"),
    "provider": lambda t: _stack(f"module: a/b/aws\nproviders: {{{t}: {{}}}}"),
    "provider's account": lambda t: _stack(f"module: a/b/aws\nproviders: {{aws.x: {{account: {t}}}}}"),
    "provider's region": lambda t: _stack(f"module: a/b/aws\nproviders: {{aws.x: {{region: {t}}}}}"),
    "region": lambda t: _stack(f"module: any\nregion: {t}"),
    "imported address": lambda t: _stack(f"module: any\nimports: {{{t}: id}}"),
    "moved from": lambda t: _stack(f"module: any\nmoved: {{{t}: a.b}}"),
    "moved to": lambda t: _stack(f"module: any\nmoved: {{a.b: {t}}}"),
    "named": lambda t: _stack(f"module: any\nnamed: {t}"),
    "depends_on": lambda t: _stack(f"module: any\ndepends_on: [{t}]"),
    "account's id": lambda t: f"== accounts/main\nid: {t}\n== stages/prod\naccount: main\n",
    "profile": lambda t: f"== accounts/main\nid: '111111111111'\nprofile: {t}\n== stages/prod\naccount: main\n",
    "role": lambda t: f"== accounts/main\nid: '111111111111'\nroles: {{plan: {t}}}\n== stages/prod\naccount: main\n",
    "tag": lambda t: f"== accounts/main\nid: '111111111111'\ntags: {{{t}: {t}}}\n== stages/prod\naccount: main\n",
    "settings' name": lambda t: "== orch\n" + ORCH.replace("name: ams", f"name: {t}"),
    "bucket": lambda t: "== orch\n" + re.sub("bucket: .*", lambda _: f"bucket: {t}", ORCH),
    "terraform": lambda t: f"== orch\n{ORCH}terraform: {t}\n",
    "provider's version": lambda t: "== orch\n" + ORCH.replace('"5.100.0"', t),
    "provider's name": lambda t: "== orch\n" + ORCH.replace("  aws:", f"  {t}:"),
    "provider's source": lambda t: "== orch\n" + ORCH.replace('"5.100.0"', f'{{source: {t}, version: "1.0"}}'),
}


def _stack(body: str) -> str:
    return f"== stages/prod\naccount: main\nstacks: {{app: }}\n== stacks/app\n{body}\n"


SAFE = re.compile(r'[A-Za-z0-9_ .:/=+@,~<>!?&%*\-\[\]"]*')
"""What may stand in names, paths, addresses and versions; the quote only in the index of an address."""


def names_of(unit: Unit) -> Iterator[str]:
    """Everything of a unit that ends up in a path, an address or HCL as it is."""
    yield from (unit.id, unit.stage, unit.stack, unit.account, unit.region, unit.module.address, unit.folder)
    yield from (unit.state_key, unit.outputs_key, unit.named or "", unit.module.version or "")
    yield from unit.inputs
    yield from (text for secret in unit.secrets for text in (secret.variable, secret.store, secret.key))
    yield from (archive.variable for archive in unit.archives)
    yield from (text for p in unit.providers for text in (p.name, p.alias or "", p.account, p.region))
    yield from unit.imports
    yield from (text for pair in unit.moved.items() for text in pair)


@pytest.mark.parametrize("place", sorted(PLACES))
@given(hostile=HOSTILE)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_nothing_hostile_gets_through_as_a_name_or_a_path(place: str, hostile: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder), PLACES[place](quoted(hostile)))
        try:
            catalogue = load(root)
        except CatalogueError as error:
            for problem in error.problems:
                assert str(problem).isprintable()
            return
        names = [text for unit in catalogue.units.values() for text in names_of(unit)]
        names += [catalogue.settings.name, *(each.source for each in catalogue.settings.providers.values())]
        assert all(".." not in text for text in names), names
        made = [text for each in catalogue.accounts.values() for text in (each.id, each.state_bucket, *each.tags)]
        made += [text for each in catalogue.accounts.values() for text in (*vars_of(each.roles), each.profile or "")]
        made += [text for each in catalogue.settings.providers.values() for text in vars_of(each)]
        made += [*names, catalogue.settings.terraform]
        assert all(SAFE.fullmatch(text) for text in made), made
        assert all(
            a.folder.resolve().is_relative_to(root.resolve()) for u in catalogue.units.values() for a in u.archives
        )
        assert len(Graph.of(catalogue.units).order) == len(catalogue.units)


def vars_of(record: object) -> list[str]:
    return [getattr(record, name) for name in record.__dataclass_fields__]  # type: ignore[attr-defined]
