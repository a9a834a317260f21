"""``orch diff`` forgets nothing: what changes a rendered root is a difference, field by field of every record."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.catalogue import (
    Account,
    Archive,
    Build,
    Catalogue,
    Membership,
    ModuleSource,
    NameVariable,
    Provider,
    ProviderArguments,
    ProviderConfig,
    Roles,
    RunKey,
    Secret,
    Settings,
    Stage,
    Timeouts,
    Unit,
)
from orchestrator.config.load import load
from orchestrator.config.nodes import Node, Unset
from orchestrator.errors import Location
from orchestrator.render.compare import ComparedSide, compare_units
from orchestrator.render.module_tree import ModuleTrees
from orchestrator.render.root import TemplateRenderer
from tests.support.catalogue import ORCH, write

UNIT = "prod/all"
AT = Location("live/other.yaml", 9)
TEXT = (
    "== orch\n"
    + ORCH.replace('{aws: "5.100.0"}', '{aws: "5.100.0", probe: {source: test/probe, version: "1.0.0"}}')
    + """\
environment: [PROBE]
run: {image: {default: v1}}
== accounts/main
id: "111111111111"
== accounts/dns
id: "222222222222"
== stages/prod
account: main
stacks: {box: , all: }
== stacks/box
module: any
== stacks/all
module: all
names: true
inputs: {a: {b: ["${{ box.x }}", 1]}}
secrets: {token: "ssm:/token"}
archives: {code: {folder: services/code, build: {run: [make], inputs: ["*.c"], output: out}}}
providers:
  aws.dns: {account: dns}
  probe: {arguments: {host: "${{ run.image }}"}}
imports: {terraform_data.this: one}
moved: {terraform_data.old: terraform_data.this}
== services/code/main.c
int main() {}
== modules/all
terraform {
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      configuration_aliases = [aws.dns]
    }
    probe = {
      source = "test/probe"
    }
  }
}
variable "a" {}
variable "token" {
  ephemeral = true
}
variable "code" {}
variable "name" {}
variable "names" {
  type = map(string)
}
variable "protected_delete_apis" {}
variable "disposable_stages" {}
resource "terraform_data" "this" {}
output "id" { value = 1 }
"""
)
LOCK = 'provider "registry.terraform.io/hashicorp/aws" {\n  version = "5.100.0"\n  hashes = ["h1:a"]\n}\n'

NO_DIFFERENCE: Mapping[type, Mapping[str, str]] = {
    Unit: {
        "id": "it is what units are compared by",
        "stage": "it is in the id",
        "stack": "it is in the id",
        "of_account": "a unit with the id of a stage is never one of an account",
        "named": "it shows in the names that the module gets",
        "named_stage": "it shows in the names that the module gets",
        "outputs": "the module decides, whose files are compared",
        "run_values": "they show in what reads them",
        "unset": "it shows in what reads it",
        "timeouts": "they end Terraform, and it does not get them",
    },
    Account: {
        "regions": "it only limits the regions of units",
        "restricted": "it shows in what the baseline gets",
        "roles": "who runs Terraform; the roles themselves are inputs of the baseline",
        "profile": "where credentials come from on one machine",
        "organization": "orch bootstrap follows it, not Terraform",
    },
    Settings: {
        "name": "it shows in the names that the module gets",
        "region": "stages and accounts have it",
        "orch": "it limits the version of orch",
        "state_bucket": "accounts have it",
        "roles": "accounts have them",
        "timeouts": "they end Terraform, and it does not get them",
        "management": "who assumes the roles; the roles themselves are inputs of the baseline",
        "module_sources": "it only limits the sources of modules",
        "checks": "orch check reads it",
        "warm": "how providers are started",
        "retry": "when Terraform is tried again",
        "run": "the values show in what reads them",
    },
    Stage: {each.name: "units have it" for each in dataclasses.fields(Stage)},
    ModuleSource: {"path": "it is the address"},
    Provider: {"name": "modules name it, and their files are compared"},
    ProviderConfig: {},
    ProviderArguments: {},
    Secret: {"passed": "the module decides, whose files are compared"},
    Archive: {},
    Build: {},
    NameVariable: {},
}
"""Record -> its fields that need not be a difference of their own, and why. All others do; ``at`` never does.

A field that is listed must still be told if it changes the rendered root.
"""

NOT_ALONE = frozenset({"Unit.id", "Unit.account", "Provider.name"})
"""Fields that no configuration changes alone: they are the keys of a mapping, or name something else."""

OTHER: Mapping[type, Any] = {
    Roles: Roles("other-1", "other-2", "other-3", "other-4"),
    Timeouts: Timeouts(1.0, 2.0),
    Membership: Membership("other@example.com", None, AT),
    Unset: Unset("other", AT),
    RunKey: RunKey("other", "string", required=False, default="x", at=AT),
}


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    root = write(tmp_path / "repo", TEXT)
    (root / "live/providers.lock.hcl").write_text(LOCK)
    return load(root)


def different(value: Any, root: Path) -> Iterator[Any]:
    """Yield values of the same kind that differ in one place."""
    if type(value) in OTHER:
        yield OTHER[type(value)]
    elif isinstance(value, Mapping):
        yield from ({**value, key: other} for key, item in value.items() for other in different(item, root))
        yield dict(list(value.items())[:-1]) if value else {"other": "x"}
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from ((*value[:number], other, *value[number + 1 :]) for other in different(item, root))
        yield value[:-1] if value else ("other",)
    elif dataclasses.is_dataclass(value) and not isinstance(value, Node):
        yield from (other for _, other in mutations(value, root))
    else:
        yield scalar(value, root)


def scalar(value: Any, root: Path) -> Any:
    match value:
        case bool():
            return not value
        case str() | None:
            return f"{value}-other"
        case Node():
            return Node("other", value.at)
        case frozenset():
            return value | {"other"}
        case Path():
            return root / "modules" / "any"
    message = f"the test knows no other {value!r}"
    raise TypeError(message)


def mutations(record: Any, root: Path) -> Iterator[tuple[str, Any]]:
    """Yield a field, and the record with another value there; for a field with records, of each of their fields."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if field.name == "organization" and value is None:
            yield field.name, dataclasses.replace(record, organization=OTHER[Membership])
        elif f"{type(record).__name__}.{field.name}" not in NOT_ALONE and field.name != "at":
            for other in different(value, root):
                yield field.name, dataclasses.replace(record, **{field.name: other})


def variants(catalogue: Catalogue) -> Iterator[tuple[str, str, bool, Catalogue]]:
    """Yield record and field, whether it must be a difference of its own, and the catalogue with it changed."""
    root = catalogue.root
    for account in ("main", "dns"):
        for name, other in mutations(catalogue.accounts[account], root):
            accounts = {**catalogue.accounts, account: other}
            must = must_differ(Account, name) and account == "main"
            yield f"Account {account}", name, must, dataclasses.replace(catalogue, accounts=accounts)
    for name, settings in mutations(catalogue.settings, root):
        yield "Settings", name, must_differ(Settings, name), dataclasses.replace(catalogue, settings=settings)
    for name, stage in mutations(catalogue.stages["prod"], root):
        yield "Stage", name, False, dataclasses.replace(catalogue, stages={"prod": stage})
    for record, name, unit in units(catalogue.units[UNIT], root):
        changed = dataclasses.replace(catalogue, units={**catalogue.units, UNIT: unit})
        yield record.__name__, name, must_differ(record, name), changed


def units(unit: Unit, root: Path) -> Iterator[tuple[type, str, Unit]]:
    """Yield record and field, and the unit with it changed, in the unit itself or in a record of it."""
    yield Unit, "account", dataclasses.replace(unit, account="dns")
    for name, other in mutations(unit, root):
        yield Unit, name, other
    for name, module in mutations(unit.module, root):
        yield ModuleSource, name, dataclasses.replace(unit, module=module)
    for field in ("secrets", "archives", "providers", "configured", "name_variables"):
        first, *rest = getattr(unit, field)
        for name, other in mutations(first, root):
            changed: dict[str, Any] = {field: (other, *rest)}
            yield type(first), name, dataclasses.replace(unit, **changed)
    (archive,) = unit.archives
    assert archive.build is not None
    for name, build in mutations(archive.build, root):
        yield Build, name, dataclasses.replace(unit, archives=(dataclasses.replace(archive, build=build),))


def must_differ(record: type, field: str) -> bool:
    return field not in NO_DIFFERENCE[record]


def rendered(catalogue: Catalogue) -> object:
    """What Terraform gets, as far as it is text; or why it gets nothing."""
    unit = catalogue.units[UNIT]
    try:
        text = TemplateRenderer(catalogue).render(unit, ModuleTrees(catalogue.root).of(unit.module), {})
    except Exception as error:  # noqa: BLE001 - some of these records cannot be rendered, which is a difference, too
        return repr(error)
    return text.files, text.private


def differences(old: Catalogue, new: Catalogue) -> set[str]:
    try:
        return {each.key for each in compare_units(ComparedSide(old), ComparedSide(new), [UNIT], {})}
    except KeyError:
        return {"a stage or an account that is not there, which no loaded configuration has"}


def test_every_field_that_decides_what_terraform_gets_is_a_difference(catalogue: Catalogue) -> None:
    before = rendered(catalogue)
    assert differences(catalogue, catalogue) == set()
    forgotten, changing = set(), set()
    for record, field, must, changed in variants(catalogue):
        told = differences(catalogue, changed)
        differs = rendered(changed) != before
        changing |= {f"{record}.{field}"} if differs else set()
        if not told and (must or differs):
            forgotten.add(f"{record}.{field}{' (rendered)' if differs else ''}")
    assert forgotten == set()
    assert {"Unit.named", "Account dns.tags", "Settings.providers", "Secret.key"} <= changing, "this test sees little"


def test_the_exceptions_are_fields(catalogue: Catalogue) -> None:
    for record, fields in NO_DIFFERENCE.items():
        assert set(fields) <= {each.name for each in dataclasses.fields(record)}, record


def test_what_is_in_no_record_is_a_difference(catalogue: Catalogue) -> None:
    old, new = ComparedSide(catalogue, ("a:DeleteA",)), ComparedSide(catalogue, ("a:DeleteA", "b:DeleteB"))
    (found,) = compare_units(old, new, [UNIT], {})
    assert (found.key, found.before, found.after) == ("inputs.protected_delete_apis", "1 IAM action", "2 IAM actions")
    lock = catalogue.root / "live/providers.lock.hcl"
    for text, shown in ((LOCK.replace("5.100.0", "5.99.0"), "5.99.0"), (LOCK.replace("h1:a", "h1:b"), "5.100.0")):
        old = ComparedSide(catalogue)
        assert compare_units(old, old, [UNIT], {}) == ()
        lock.write_text(text)
        (found,) = compare_units(old, ComparedSide(catalogue), [UNIT], {})
        assert (found.key, found.before, found.after) == ("locked.aws", "5.100.0", shown)
        lock.write_text(LOCK)
    lock.write_text(LOCK + LOCK.replace("hashicorp/aws", "hashicorp/unused"))
    assert compare_units(old, ComparedSide(catalogue), [UNIT], {}) == (), "the unit does not use it"
