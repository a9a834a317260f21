"""Partitions of AWS, and that nothing assumes that there is only one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore.session import Session

from orchestrator.aws.import_ids import import_id
from orchestrator.config.catalogue import Account, Roles
from orchestrator.config.load import load
from orchestrator.errors import Location
from orchestrator.render.write import RootRenderer
from orchestrator.util.partitions import dns_suffix_of, partition_of
from tests.support.catalogue import write
from tests.support.project import REPOSITORY

AT = Location("live/accounts/main.yaml")
_ONE_PARTITION = re.compile(
    r"arn:aws:|[\"']amazonaws\.com|\.(?:\w+-\w+-\d|\{\w+\})\.amazonaws|[\"']aws-(?:cn|us-gov|iso|eusc)"
)
"""What is right in one partition only: its ARNs, its hosts, and a name of another to compare with.

Names of services, such as ``lambda.amazonaws.com``, are the same in all of them.
"""


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


@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("eu-west-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("us-iso-east-1", "c2s.ic.gov"),
        ("eusc-de-east-1", "amazonaws.eu"),
        ("moon-base-east-1", "amazonaws.com"),
    ],
)
def test_hosts_of_a_region_end_with_what_its_partition_has(region: str, suffix: str) -> None:
    assert dns_suffix_of(region) == suffix
    account = Account("main", "1" * 12, region, (), restricted=False, state_bucket="b", roles=Roles(), tags={}, at=AT)
    assert import_id("aws_sqs_queue", {"name": "q"}, account, region) == f"https://sqs.{region}.{suffix}/{'1' * 12}/q"


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
            found += [f"{'/'.join(parts)}: {line}" for line in code.splitlines() if _ONE_PARTITION.search(line)]
    assert [each for each in found if not each.startswith("orchestrator/util/partitions.py: ")] == []
