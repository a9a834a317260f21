"""Renders the text of a unit's Terraform root from its configuration and the upstream values.

Literals go to ``inputs.json`` and upstream values to ``upstream.json``; HCL only refers to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from orchestrator.aws.kms import key_for_backend
from orchestrator.config.catalogue import (
    DELETE_APIS,
    DISPOSABLE_STAGES,
    Account,
    Catalogue,
    ProviderConfig,
    Secret,
    Unit,
    declared_outputs,
    input_references,
)
from orchestrator.config.naming import aws_names
from orchestrator.config.nodes import Node
from orchestrator.errors import CatalogueError, Problem
from orchestrator.hcl.modules.sources import is_registry
from orchestrator.render.expressions import STORES, Literal, expression_of, node_data, secret_value
from orchestrator.render.hcl_text import hcl_identifier, hcl_literal, hcl_quote
from orchestrator.render.module_tree import ModuleTree
from orchestrator.render.provider_blocks import provider_files
from orchestrator.render.values import UNKNOWN, Upstream, check_texts, has_unknown, lookup, unit_references
from orchestrator.util.partitions import partition_of

PLACEHOLDER = "not_applied_yet"
"""Name of the preview's resource whose id stands for every value that is not yet known."""

PLACEHOLDER_ADDRESS = f"terraform_data.{PLACEHOLDER}"
_UNKNOWN = f"jsondecode({PLACEHOLDER_ADDRESS}.id)"


@dataclass(frozen=True, slots=True)
class RootText:
    """The files of a root as text, by name.

    Attributes:
        files: readable by others.
        private: written with mode 0600, because they can contain upstream values.
        unknown: names of module variables whose value is not yet known.
    """

    files: Mapping[str, str]
    private: Mapping[str, str]
    unknown: frozenset[str]


@cache
def template_environment() -> Environment:
    """Return the templates, each of which is compiled once in a process: that takes 15 ms."""
    templates = Environment(
        loader=PackageLoader("orchestrator.render"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - HCL, not HTML: every piece of data goes through the hcl filter
    )
    templates.filters["hcl"] = hcl_quote
    return templates


class TemplateRenderer:
    """Renders the text of roots; thread-safe.

    Args:
        catalogue: the loaded configuration.
        delete_apis: IAM actions that delete protected resources, for modules that deny them.
    """

    def __init__(self, catalogue: Catalogue, delete_apis: Iterable[str] = ()) -> None:
        self._catalogue = catalogue
        self._delete_apis = tuple(sorted(set(delete_apis)))
        self._templates = template_environment()

    def render(self, unit: Unit, tree: ModuleTree | None, upstream: Upstream) -> RootText:
        """Return the text of a unit's root.

        Args:
            unit: the unit.
            tree: its local module, None if Terraform downloads the module.
            upstream: outputs of every unit that this one reads.

        Raises:
            UnitError: a reference does not exist in a known value.
            CatalogueError: a name is not a valid HCL identifier.
        """
        values = _read_values(unit, upstream)
        check_texts(unit, upstream)
        unknown = frozenset(variable for variable, ref in input_references(unit) if has_unknown(lookup(ref, upstream)))
        literals = self.literals(unit, tree)
        files = {
            "main.tf": self._main(unit, tree, literals),
            "terraform.tf": self._terraform(unit, needed_providers(unit, tree)),
            "inputs.json": _json({name: node_data(node) for name, node in literals.items()}),
        }
        if unit.configured:
            files |= provider_files(unit)
        private: dict[str, str] = {}
        if values:
            known = not has_unknown(values)
            files["upstream.tf"] = self._templates.get_template("upstream.tf.j2").render(
                known=known, upstream=hcl_literal(values, _UNKNOWN), placeholder=PLACEHOLDER
            )
            if known:
                private["upstream.json"] = _json(values)
            else:  # this file contains known values, so it must be private too
                private["upstream.tf"] = files.pop("upstream.tf")
        return RootText(files=files, private=private, unknown=unknown)

    def literals(self, unit: Unit, tree: ModuleTree | None) -> dict[str, Literal]:
        """Return variable -> value, plus the inputs that orch adds: names in AWS, delete APIs, paths of archives."""
        result: dict[str, Literal] = dict(unit.inputs)
        if tree is not None:
            given = self._names(unit)
            given[DELETE_APIS] = self._delete_apis
            if unit.baseline:
                account = self._catalogue.account_of(unit)
                given["state_prefix"] = account.state_prefix
                given["state_kms_key"] = Node(account.state_kms_key, account.at)
            given[DISPOSABLE_STAGES] = not self._catalogue.account_of(unit).restricted
            for name, value in given.items():
                if name in tree.interface.variables:
                    result.setdefault(name, value)
        for archive in unit.archives:
            result[archive.variable] = f"archives/{archive.variable}.zip"
        return dict(sorted(result.items()))

    def _names(self, unit: Unit) -> dict[str, Literal]:
        names = aws_names(self._catalogue, unit)
        values: dict[str, Literal] = {"names": names, "name": names["name"]}
        return {each.variable: values[each.variable] for each in unit.name_variables}

    def _main(self, unit: Unit, tree: ModuleTree | None, literals: Mapping[str, Literal]) -> str:
        local = tree is not None
        return self._templates.get_template("main.tf.j2").render(
            unit=unit,
            module_shown=tree.folder if tree else unit.module.address,
            source=f"./{tree.folder}" if tree else unit.module.address,
            version=_registry_version(unit) if not local else None,
            passed=_passed(unit, needed_providers(unit, tree)),
            arguments=[
                *(
                    {"name": _name(name, unit), "expression": expression_of(node, "local.inputs", (name,))}
                    for name, node in literals.items()
                ),
                *({"name": _name(s.variable, unit), "expression": secret_value(s)} for s in unit.secrets if s.passed),
            ],
            outputs=list(_outputs(self._catalogue, unit, tree)),
            ephemerals=[_ephemeral(secret, unit, self._catalogue.account_of(unit)) for secret in unit.secrets],
            moved=[{"from_": old, "to": new} for old, new in sorted(unit.moved.items())],
            imports=[{"address": address, "id": id_} for address, id_ in sorted(unit.imports.items())],
        )

    def bare(self, unit: Unit, providers: frozenset[str]) -> RootText:
        """Return the text of a root without a module call: its plan destroys everything in the state.

        Args:
            unit: the former unit.
            providers: names of the state's providers.

        Raises:
            CatalogueError: a provider is not in ``live/orch.yaml``.
        """
        needed = providers | {config.name for config in unit.providers}
        missing = sorted(needed - set(self._catalogue.settings.providers))
        if missing:
            what = f"the state needs the provider {missing[0]!r}, which live/orch.yaml does not list"
            hint = f"add `{missing[0]}:` under `providers:` in live/orch.yaml"
            raise CatalogueError([Problem(unit.module.at, what, hint)])
        return RootText({"terraform.tf": self._terraform(unit, needed)}, {}, frozenset())

    def _terraform(self, unit: Unit, needed: frozenset[str]) -> str:
        settings = self._catalogue.settings
        return self._templates.get_template("terraform.tf.j2").render(
            unit=unit,
            account=self._catalogue.account_of(unit),
            required_version=settings.terraform,
            # a module can require others itself; the guard checks them
            providers=[settings.providers[name] for name in sorted(needed) if name in settings.providers],
            configs=list(self.aws_configs(unit)) if "aws" in needed else [],
            kms_key=key_for_backend(self._catalogue.account_of(unit)),
        )

    def aws_configs(self, unit: Unit) -> Iterator[dict[str, Any]]:
        """Yield the configurations of aws in a unit's root, its own first: alias, region, account and tags."""
        home = ProviderConfig(name="aws", alias=None, account=unit.account, region=unit.region, at=unit.at)
        for config in (home, *unit.providers):
            if config.name != "aws":
                continue
            account = self._catalogue.accounts[config.account]
            yield {
                "name": config.name,
                "alias": config.alias,
                "region": config.region,
                "account": account.name,
                "account_id": account.id,
                "tags": sorted({**self._catalogue.settings.tags, **_tags(unit, account)}.items()),
            }


def _registry_version(unit: Unit) -> str | None:
    """Return the version for a registry address; a git address has its own in ``?ref=``."""
    address = unit.module.address
    return unit.module.version if is_registry(address) else None


def needed_providers(unit: Unit, tree: ModuleTree | None) -> frozenset[str]:
    """Return the local names of the providers in a unit's root.

    Args:
        unit: the unit.
        tree: its local module, None if Terraform downloads the module.
    """
    configured = {config.name for config in unit.configured}
    if tree is None:  # not downloaded yet, so assume aws
        return frozenset({"aws"}) | configured
    secrets = {"aws"} if unit.secrets else set()
    return tree.providers | secrets | configured | {config.name for config in unit.providers}


def _tags(unit: Unit, account: Account) -> dict[str, str]:
    return {**account.tags, "account": unit.account, "stage": unit.stage, "stack": unit.stack}


def _read_values(unit: Unit, upstream: Upstream) -> dict[str, dict[str, Any]]:
    """Return only the outputs that the unit reads, by unit; if a unit's outputs are not known, each is ``UNKNOWN``."""
    values: dict[str, dict[str, Any]] = {}
    for _, ref in unit_references(unit):
        outputs = upstream.get(ref.unit)
        lookup(ref, upstream)  # reports an invalid path before Terraform does
        values.setdefault(ref.unit, {})[ref.output] = UNKNOWN if outputs is None else outputs[ref.output]
    return values


def _outputs(catalogue: Catalogue, unit: Unit, tree: ModuleTree | None) -> Iterator[dict[str, Any]]:
    """Yield every output of a local module; of a downloaded one, those that other units read."""
    if tree is not None:
        for output in sorted(tree.interface.outputs.values(), key=lambda each: each.name):
            if not output.ephemeral:  # a root cannot output ephemeral values
                yield {"name": _name(output.name, unit), "sensitive": output.sensitive}
        return
    for name in sorted(declared_outputs(catalogue, unit)):
        yield {"name": _name(name, unit), "sensitive": False}


def _passed(unit: Unit, needed: frozenset[str]) -> list[str]:
    """Return the configurations that the module call names: all, if one of them has an alias."""
    keys = [f"{p.name}.{p.alias}" if p.alias else p.name for p in unit.providers]
    keys += [config.key for config in unit.configured]
    if all("." not in key for key in keys):
        return []
    return list(dict.fromkeys([*(["aws"] if "aws" in needed else []), *sorted(keys)]))


def _ephemeral(secret: Secret, unit: Unit, account: Account) -> dict[str, str]:
    kind, argument, _ = STORES[secret.store]
    key = secret.key
    if secret.store == "ssm":
        key = f"arn:{partition_of(unit.region)}:ssm:{unit.region}:{account.id}:parameter/{secret.key.lstrip('/')}"
    return {"kind": kind, "name": _name(f"secret_{secret.variable}", unit), "argument": argument, "key": key}


def _name(name: str, unit: Unit) -> str:
    try:
        return hcl_identifier(name)
    except ValueError as error:
        raise CatalogueError([Problem(unit.at, str(error), "Terraform names have letters, digits, _ and -")]) from error


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
