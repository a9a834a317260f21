"""Configurations of providers other than aws: values, blocks, references and secrets, never a secret in a file."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.load import load
from orchestrator.render.write import RootRenderer
from tests.support.catalogue import ORCH, problems, write

PROVIDERS = "run: {token: {default: x}, later: {}}\n" + ORCH.replace(
    '{aws: "5.100.0"}', '{aws: "5.100.0", probe: {source: test/probe, version: "1.0.0"}}'
)
MODULE = """\
terraform {
  required_providers {
    probe = {
      source                = "test/probe"
      configuration_aliases = [probe.two]
    }
  }
}
resource "probe_thing" "this" {
  provider = probe.two
}
"""
HEAD = (
    f"== orch\n{PROVIDERS}== stages/prod\naccount: main\nstacks: {{first: , watch: }}\n== stacks/first\nmodule: any\n"
)
HEAD += f"== modules/watch\n{MODULE}"
STACK = """\
== stacks/watch
module: watch
secrets: {token: "ssm:/${{ stage }}/token"}
providers:
  probe:
    arguments: {host: "https://${{ stage }}.example.com/${x}", port: 8080, tls: true}
  probe.two:
    arguments:
      host: ${{ first.x.url }}
      token: Bearer ${{ secrets.token }}
      auth: {user: "${{ first.y }}", hooks: [{name: a}, {name: "${{ name }}"}]}
"""


def render(folder: Path, upstream: Any) -> Path:
    catalogue = load(write(folder / "repo", HEAD + STACK))
    return RootRenderer(catalogue).render(catalogue.units["prod/watch"], upstream, folder / "root").folder


def test_blocks_refer_to_values_upstreams_and_secrets(tmp_path: Path) -> None:
    root = render(tmp_path, {"prod/first": {"x": {"url": "https://up"}, "y": "me"}})
    one, two = json.loads((root / "providers.tf.json").read_text())["provider"]["probe"]
    assert one == {name: f'${{local.providers["probe"]["{name}"]}}' for name in ("host", "port", "tls")}
    secret = "ephemeral.aws_ssm_parameter.secret_token.value"
    assert two == {
        "alias": "two",
        "host": '${local.upstream["prod/first"]["x"]["url"]}',
        "token": f'${{join("", [local.providers["probe.two"]["token"][0], {secret}])}}',
        "auth": {
            "user": '${local.upstream["prod/first"]["y"]}',
            "hooks": [
                {"name": '${local.providers["probe.two"]["auth"]["hooks"][0]["name"]}'},
                {"name": '${local.providers["probe.two"]["auth"]["hooks"][1]["name"]}'},
            ],
        },
    }
    values = json.loads((root / "providers.json").read_text())
    assert values["probe"] == {"host": "https://prod.example.com/${x}", "port": 8080, "tls": True}
    assert values["probe.two"]["token"] == ["Bearer ", None]
    main = (root / "main.tf").read_text()
    assert "parameter/prod/token" in main
    assert "token = ephemeral" not in main, "the module has no such variable"
    assert "aws = aws\n    probe = probe\n    probe.two = probe.two" in main
    assert 'source  = "test/probe"' in (root / "terraform.tf").read_text()
    assert stat.S_IMODE((root / "upstream.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("providers", "message"),
    [
        ("probe: {region: eu-west-1}", "`region` is for aws, and probe is another provider"),
        (
            "probe.three: {arguments: {a: 1}}",
            "has no provider configuration 'probe.three' — did you mean \"probe.two\"?",
        ),
        ("probe: {arguments: {alias: x}}", "'alias' cannot be set here"),
        ("probe: {arguments: {api_key: abcdef}}", "'api_key' looks like a secret that is written out"),
        ("probe: {arguments: {auth: {password: abcdef}}}", "'password' looks like a secret that is written out"),
        ("probe: {arguments: {token: 'hunter2-${{ stage }}'}}", "'token' looks like a secret that is written out"),
        (
            "probe: {arguments: {hooks: [{password: '${{ name }}'}]}}",
            "'password' looks like a secret that is written out",
        ),
        ("probe: {arguments: {auth: {password: 123456}}}", "'password' looks like a secret that is written out"),
        ("probe: {arguments: {token: '${{ run.token }}'}}", "'token' looks like a secret that is written out"),
        ("probe: {arguments: {token: 'x-${{ run.later }}'}}", "'token' looks like a secret that is written out"),
        ("probe: {arguments: {auth: {'${x}': a}}}", "invalid key '${x}' in a provider configuration"),
        ("probe: {arguments: {token: '${{ secrets.tokn }}'}}", "the stack has no secret 'tokn' — did you mean"),
        ("other: {arguments: {a: 1}}", "invalid provider configuration 'other'"),
        ("aws: {arguments: {profile: x}}", "aws has no `arguments`"),
        ("probe: {arguments: {host: '${{ first.z }}'}}", "prod/first has no output 'z'"),
    ],
)
def test_what_is_wrong_is_an_error_with_its_place(tmp_path: Path, providers: str, message: str) -> None:
    text = (
        f"{HEAD}== stacks/watch\nmodule: watch\nsecrets: {{token: 'ssm:/t'}}\nproviders:\n  probe.two: {{arguments: {{"
    )
    text += f"token: '${{{{ secrets.token }}}}'}}}}\n  {providers}\n"
    (found,) = problems(tmp_path, text)
    assert message in found
    assert found.startswith("live/stacks/watch.yaml:")


def test_an_alias_of_the_module_must_be_configured(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, f"{HEAD}== stacks/watch\nmodule: watch\n")
    assert "add `probe.two: {arguments: {…}}` under `providers:`" in found


def test_an_input_reads_no_secret(tmp_path: Path) -> None:
    text = (
        "== stages/prod\naccount: main\nstacks: {app: }\n== stacks/app\nmodule: any\ninputs:\n  a: ${{ secrets.x }}\n"
    )
    (found,) = problems(tmp_path, text)
    assert "secrets can be read only in provider arguments" in found


def test_a_secret_that_nothing_reads_must_be_a_variable(tmp_path: Path) -> None:
    stack = "== stacks/watch\nmodule: watch\nsecrets: {token: 'ssm:/t'}\nproviders: {probe.two: {}}\n"
    (found,) = problems(tmp_path, HEAD + stack)
    assert "token" in found
