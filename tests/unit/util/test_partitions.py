"""Partitions of AWS, and that nothing assumes that there is only one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore.session import Session

from orchestrator.config.load import load
from orchestrator.render.write import RootRenderer
from orchestrator.util.partitions import partition_of
from tests.support.catalogue import write
from tests.support.project import REPOSITORY


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("mx-central-1", "aws"),
        ("cn-northwest-1", "aws-cn"),
        ("us-gov-east-1", "aws-us-gov"),
        ("us-iso-west-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
        ("moon-base-east-1", "aws"),
    ],
)
def test_a_region_is_in_one_partition(region: str, partition: str) -> None:
    assert partition_of(region) == partition


def test_every_region_of_botocore_is_where_botocore_says() -> None:
    session = Session()
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("ec2", partition):
            assert partition_of(region) == partition, region


CATALOGUE = """\
== orch
format: 1
name: ams
orch: "~=0.1"
region: {region}
providers: {{aws: "5.100.0"}}
management: "999999999999"
state:
  bucket: ${{{{ name }}}}-${{{{ account_id }}}}-tfstate
== accounts/main
id: "111111111111"
regions: [{region}]
== stages/prod
account: main
stacks: {{mailer: }}
== stacks/mailer
module: mailer
secrets: {{key: ssm:/mail/key}}
== modules/mailer
variable "key" {{
  ephemeral = true
}}
"""


@pytest.mark.parametrize(("region", "partition"), [("eusc-de-east-1", "aws-eusc"), ("cn-north-1", "aws-cn")])
def test_regions_of_other_partitions_work_and_their_arns_have_the_partition(
    tmp_path: Path, region: str, partition: str
) -> None:
    catalogue = load(write(tmp_path / "repo", CATALOGUE.format(region=region)))
    root = RootRenderer(catalogue).render(catalogue.units["prod/mailer"], {}, tmp_path / "root").folder
    assert f'"arn:{partition}:ssm:{region}:111111111111:parameter/mail/key"' in (root / "main.tf").read_text()


def test_no_code_writes_the_partition_of_most_people() -> None:
    """Comments, tests of the modules and recorded plans aside; the emulator is in the partition ``aws``."""
    found = []
    for folder, pattern in (("orchestrator", "*.py"), ("orchestrator", "*.j2"), ("modules", "*.tf"), ("policies", "*")):
        for path in (REPOSITORY / folder).rglob(pattern):
            parts = path.relative_to(REPOSITORY).parts
            if not path.is_file() or path.suffix in {".json", ".pyc"} or "emulator" in parts or "tests" in parts:
                continue
            code = re.sub(r'#.*|"""(?s:.*?)"""', "", path.read_text())
            found += [f"{'/'.join(parts)}: {line}" for line in code.splitlines() if re.search(r"arn:aws:", line)]
    assert found == []
