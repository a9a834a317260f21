"""What orch uses of checkov: little, and with the same result as checkov's own runner for plans.

A new version of checkov that imports more, or judges otherwise, fails here. Each test runs in an interpreter of its own,
because imports stay.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.checks import ROOT
from tests.support.plans import USERS, change, delete, forget, plan, replace, saved, update

HEAD = """
import json, sys
from pathlib import Path
from orchestrator.guard.checkov.engine import PolicyEngine
from orchestrator.guard.checkov.postponed import POSTPONED
"""


def run(code: str, *arguments: str, tmp: Path) -> Any:
    """What the code prints as JSON."""
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "TMPDIR": str(tmp)}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_import_takes_what_the_checks_need_and_no_more(tmp_path: Path) -> None:
    """checkov itself imports 3,000 modules, of which 1,300 are its built-in checks."""
    code = f"{HEAD}import orchestrator.guard.checkov.annotate\nprint(json.dumps(sorted(sys.modules)))"
    loaded = run(code, tmp=tmp_path)
    heavy = {"aiohttp", "asteval", "boto3", "botocore", "docker", "git", "lark", "networkx", "numpy", "requests"}
    heavy |= {"pydantic", "ruamel"}
    assert heavy.isdisjoint(loaded)
    own = [each for each in loaded if each.startswith("checkov.")]
    assert len(own) < 80, own
    assert not [each for each in own if each.startswith("checkov.terraform.checks.resource.aws")]
    assert not list(tmp_path.iterdir()), "no cache of a grammar"


def test_no_postponed_package_has_run(tmp_path: Path) -> None:
    waiting = run(
        HEAD + "print(json.dumps([each for each in POSTPONED if hasattr(sys.modules[each], '__getattr__')]))",
        tmp=tmp_path,
    )
    assert waiting == run(HEAD + "print(json.dumps(list(POSTPONED)))", tmp=tmp_path)


def test_the_names_that_a_postponed_package_has_are_right(tmp_path: Path) -> None:
    code = """
import hcl2
assert hcl2.loads('a = "b"') == {"a": ["b"]}  # the whole package now
print(json.dumps([[getattr(hcl2, name), value] for name, value in POSTPONED["hcl2"].items()]))
"""
    assert all(real == preset for real, preset in run(HEAD + code, tmp=tmp_path))


@pytest.mark.full
def test_what_is_postponed_is_there_when_it_is_asked_for(tmp_path: Path) -> None:
    code = """
from checkov.terraform import get_abs_path
from checkov.terraform.checks.resource import aws
from checkov.cloudformation.parser import parse
from checkov.terraform.plan_runner import Runner
from checkov.terraform.checks.resource.registry import resource_registry
print(json.dumps([len(resource_registry.checks) > 300, Runner().check_type, get_abs_path.__name__]))
"""
    assert run(HEAD + code, tmp=tmp_path) == [True, "terraform_plan", "get_abs_path"]


BUILT_IN = {
    "a base class with more in it": """
from checkov.common.models.enums import CheckCategories
from checkov.terraform.checks.resource.base_resource_value_check import BaseResourceValueCheck
class Extra(BaseResourceValueCheck):
    def __init__(self):
        super().__init__(name="n", id="X", categories=[CheckCategories.LOGGING], supported_resources=["aws_*"])
    def get_inspected_key(self):
        return "bucket"
check = Extra()
""",
    "a subclass of a built-in check": """
from checkov.terraform.checks.resource.aws.S3BlockPublicACLs import S3BlockPublicACLs
class Extra(S3BlockPublicACLs):
    def __init__(self):
        super().__init__()
        self.id = "X"
check = Extra()
""",
    "a built-in check": """
from checkov.terraform.checks.resource.aws.S3BlockPublicACLs import S3BlockPublicACLs
check = S3BlockPublicACLs()
check.id = "X"
""",
    "a name of the package itself": """
from checkov.terraform import get_abs_path
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
class Extra(BaseResourceCheck):
    def __init__(self):
        super().__init__(name="n", id="X", categories=[CheckCategories.LOGGING], supported_resources=["aws_*"])
    def scan_resource_conf(self, conf):
        return CheckResult.PASSED
check = Extra()
""",
}


@pytest.mark.parametrize("source", BUILT_IN.values(), ids=BUILT_IN)
def test_a_policy_registers_its_own_checks_and_no_built_in_ones(tmp_path: Path, source: str) -> None:
    code = """
engine = PolicyEngine("extra", "check.py", sys.argv[1].encode())
type_ = "aws_s3_bucket_public_access_block"
values = {"bucket": "b", "block_public_acls": True}
entry = {"address": f"{type_}.b", "mode": "managed", "type": type_, "name": "b", "values": values}
print(json.dumps([[each.id for each in engine.checks], [each.check for each in engine.answer(1, [entry]).given]]))
"""
    assert run(HEAD + code, source, tmp=tmp_path) == [["X"], ["X"]]


OURS = """
import orchestrator.guard.checkov.engine as engine
engines = [engine.PolicyEngine(each.name, "check.py", each.source) for each in policies.policies]
answers = [
    [answer.check, resources[answer.resource]["address"], answer.passed, list(answer.details)]
    for each in engines for answer in each.answer(1, resources).given
]
blocks = [engine._prepare_resource_block(each, None, {})[0] for each in resources]
print(json.dumps([sorted(answers), blocks]))
"""
THEIRS = """
from checkov.runner_filter import RunnerFilter
from checkov.terraform.checks.resource.registry import resource_registry
from checkov.terraform.plan_parser import parse_tf_plan
from checkov.terraform.plan_runner import Runner
resource_registry.checks.clear()
resource_registry.wildcard_checks.clear()
for each in policies.policies:
    exec(compile(each.source, "check.py", "exec"), {"__name__": each.name})
whole = {"format_version": "1.2", "terraform_version": "1.11.4", "planned_values": {"root_module": {"resources": resources}}}
file = Path(sys.argv[2])
file.write_text(json.dumps(whole))
ids = [check.id for _, check in resource_registry.all_checks()]
report = Runner().run(files=[str(file)], runner_filter=RunnerFilter(framework=["terraform_plan"], checks=ids))
answers = [
    [record.check_id, record.resource_address, passed, list(record.details)]
    for passed, records in ((True, report.passed_checks), (False, report.failed_checks)) for record in records
]
definitions, _ = parse_tf_plan(str(file), {})
print(json.dumps([sorted(answers), definitions["resource"]]))
"""
PREPARED = """
import json, sys
from pathlib import Path
from orchestrator.guard.checkov.annotate import annotated_resources
from orchestrator.guard.plan.reader import read_document
from orchestrator.guard.policies.load import Policies
policies = Policies.load(Path.cwd())
resources = list(annotated_resources(read_document(Path(sys.argv[1])), policies.protected))
"""
RICH = {**USERS, "schema": [{"name": "a"}, {"name": "b"}], "tags": {"owner": "platform"}, "empty": [], "n": 1}
LINES = {"start_line", "end_line", "__startline__", "__endline__", "__file__"}
"""Keys that checkov sets only when it reads a file."""


def without_lines(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key not in LINES}
        return {key: without_lines(each) for key, each in kept.items()}
    return [without_lines(each) for each in value] if isinstance(value, list) else value


ENTRIES = (
    update(RICH, name="x", deletion_protection="INACTIVE"),
    forget(deposed="1a2b"),
    delete(address="module.this.aws_cognito_user_pool.gone"),
    replace(address="module.this.aws_cognito_user_pool.new"),
    change(["create"], after={"bucket": "b", "acl": "public-read"}, address="module.this.aws_s3_bucket.b"),
)


def test_the_answers_are_those_of_checkovs_own_runner(tmp_path: Path) -> None:
    """Also what a check gets is the same: what checkov's parser makes of a file with the prepared plan."""
    file = saved(tmp_path, plan(*ENTRIES)).json_file
    files = (str(file), str(tmp_path / "enriched.json"))
    ours, blocks = run(PREPARED + OURS, *files, tmp=tmp_path)
    theirs, definitions = run(PREPARED + THEIRS, *files, tmp=tmp_path)
    assert ours == theirs
    assert {passed for _, _, passed, _ in ours} == {True, False}
    assert without_lines(blocks) == without_lines(definitions)
