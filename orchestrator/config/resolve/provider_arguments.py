"""Reads the configurations of providers other than aws: any arguments and blocks, with references and secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from orchestrator.config.catalogue import ProviderArguments
from orchestrator.config.live.scopes import UnitDraft
from orchestrator.config.nodes import Node
from orchestrator.config.resolve.context import ResolveContext
from orchestrator.config.resolve.values import AlreadyReportedError, Resolver
from orchestrator.config.sensitive import written_out
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import Location
from orchestrator.hcl.modules.interface import ModuleInterface
from orchestrator.util.suggest import near_miss

AWS = "aws"
"""The provider that orch configures itself."""
_KEY = re.compile(r"[a-z][a-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)?")
_RESERVED = frozenset({"alias", "count", "depends_on", "for_each", "lifecycle", "locals", "source", "version"})
"""What Terraform keeps for itself in a provider block (Terraform language, "Provider Configuration")."""


def provider_arguments(
    context: ResolveContext, draft: UnitDraft, resolver: Resolver, interface: ModuleInterface | None
) -> Iterator[ProviderArguments]:
    """Yield the configurations of a unit's providers other than aws. What is wrong is reported.

    Args:
        context: all units.
        draft: the unit.
        resolver: resolves its values.
        interface: the interface of its module; None if Terraform downloads it.
    """
    written, secrets = draft.body.get("providers"), draft.body.get("secrets")
    names = frozenset(name for name, _ in secrets.items()) if secrets is not None else frozenset()
    with_secrets = replace(resolver, secrets=names)
    for key, value in written.items() if written is not None else ():
        name, _, alias = key.partition(".")
        if name == AWS or name not in context.settings.providers:
            continue  # Extras.providers reads or reports it
        at = written.where(key) if written is not None else value.at
        if _is_known(context, key, at, interface) and not _is_of_aws(context, key, value):
            arguments = _arguments(context, value.get("arguments"), with_secrets)
            yield ProviderArguments(name, alias or None, arguments, at)


def _is_known(context: ResolveContext, key: str, at: Location, interface: ModuleInterface | None) -> bool:
    if not _KEY.fullmatch(key):
        context.report(at, f"invalid provider configuration {key!r}", "write PROVIDER or PROVIDER.ALIAS")
        return False
    if "." in key and interface is not None and key not in interface.aliases:
        has = ", ".join(interface.aliases) or "none"
        what = f"module {interface.path.name} has no provider configuration {key!r}"
        context.report(at, what, near_miss(key, interface.aliases) or f"its configuration_aliases: {has}")
        return False
    return True


def _is_of_aws(context: ResolveContext, key: str, value: YamlValue) -> bool:
    for wrong in ("region", "account"):
        if value.get(wrong) is not None:
            what = f"`{wrong}` is for {AWS}, and {key} is another provider"
            context.report(value.where(wrong), what, f"write the argument under `arguments:` of {key}")
            return True
    return False


def _arguments(context: ResolveContext, written: YamlValue | None, resolver: Resolver) -> dict[str, Node]:
    arguments: dict[str, Node] = {}
    for name, value in written.items() if written is not None else ():
        at = written.where(name) if written is not None else value.at
        if name in _RESERVED:
            context.report(at, f"{name!r} cannot be set here", "Terraform keeps this name for itself")
        elif _check(context, name, value, at):
            try:
                node = resolver.node(value)
            except AlreadyReportedError:
                continue
            if not _report_secrets(context, name, node):
                arguments[name] = node
    return arguments


def _report_secrets(context: ResolveContext, name: str, node: Node) -> bool:
    """Report secrets that are written out, or are values of the run, which its records have. Return whether any is."""
    secrets = list(written_out(name, node))
    for key, each in secrets:
        hint = f"add `{key}: ssm:/…` under `secrets:` and write ${{{{ secrets.{key} }}}}, or use `environment`"
        context.report(each.at, f"{key!r} looks like a secret that is written out", hint)
    return bool(secrets)


def _check(context: ResolveContext, name: str, value: YamlValue, at: Location) -> bool:
    """Report keys that Terraform would take for something else."""
    if name == "//" or "${" in name or "%{" in name:
        context.report(at, f"invalid key {name!r} in a provider configuration", "write it without ${, %{ and //")
        return False
    inner = [(key, item, value.where(key)) for key, item in value.items()]
    if value.kind is YamlKind.LIST:
        inner = [(name, item, item.at) for item in value.value]
    problems = [key for key, item, where in inner if not _check(context, key, item, where)]
    return not problems
