"""``orch adopt UNIT --state …``: a state of Terraform or Terragrunt becomes a unit's; the source stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.rename import FileEdit
from orchestrator.errors import UsageError
from orchestrator.run.context import RunContext
from orchestrator.run.migrate.request import PreparedMigration, has_content, state_edit
from orchestrator.run.migrate.resource import scratch_root
from orchestrator.terraform.state.edit import with_serial, without_outputs
from orchestrator.terraform.state.reader import read_state
from orchestrator.util.files import write_atomic

_S3 = re.compile(r"s3://([^/]+)/(.+)")
_PROVIDER = re.compile(r'(?P<module>(?:module\..+)?)provider\["(?P<source>[^"]+)"\](?P<alias>\.[A-Za-z0-9_-]+)?')
_STEP = re.compile(r'module\.[^.\[]+(?:\[(?:[0-9]+|"(?:[^"\\]|\\.)*")\])?')
_REGISTRY = "registry.terraform.io/"
_BUILTIN = "terraform.io/builtin/terraform"
_LEGACY = "registry.terraform.io/-/"


@dataclass(frozen=True, slots=True)
class AdoptRequest:
    """Take a state over. ``source``: a file, or ``s3://BUCKET/KEY``."""

    catalogue: Catalogue
    unit: Unit
    source: str
    edits: tuple[FileEdit, ...] = ()
    operation: str = "orch adopt"
    takes_outputs: bool = True

    @property
    def selected(self) -> Sequence[str]:
        """The unit."""
        return (self.unit.id,)

    @property
    def locked(self) -> Sequence[Unit]:
        """The unit."""
        return (self.unit,)

    def prepare(self, context: RunContext) -> PreparedMigration:
        """The state with everything in it under ``module.this``, and without its root's outputs.

        Raises:
            UsageError: the unit has a state, the source cannot be found or is no such state, or its providers are
                others than the catalogue's.
            DeniedError, ThrottledError, SetupError, UnitError: a state cannot be read, or Terraform does not move it.
        """
        present = context.aws.objects.read(self.unit)
        if present is not None and has_content(present.data):
            message = f"{self.unit.id} has a state already"
            raise UsageError(message, hint="take over single resources with `imports:` in the stack, or orch move")
        data = self._fetch(context)
        record = read_state(data)
        if not record.addresses:
            message = f"{self.source} has no resources"
            raise UsageError(message, hint="name the state of what exists")
        self._check_providers(json.loads(data))
        moved = self._under_module(context, without_outputs(data))
        if present is not None:  # what a destroyed unit has left: the history of serials goes on
            there, here = read_state(present.data).serial, read_state(moved).serial
            moved = with_serial(moved, max(there, here) + 1)
        write = state_edit(self.unit, self.unit, present, moved)
        return PreparedMigration(trials=((self.unit, moved),), writes=((write, moved),), said=(f"from {self.source}",))

    def _fetch(self, context: RunContext) -> bytes:
        found = _S3.fullmatch(self.source)
        if found:
            return context.aws.objects.read_foreign(self.unit, found[1], found[2])
        if "://" in self.source:
            message = f"{self.source} is neither a file nor s3://BUCKET/KEY"
            raise UsageError(message, hint="fetch it with `terraform state pull > FILE` and give the file")
        try:
            return Path(self.source).read_bytes()
        except OSError as error:
            message = f"{self.source} cannot be read: {error.strerror}"
            raise UsageError(message, hint="`terraform state pull > FILE` writes a state into a file") from error

    def _check_providers(self, document: Mapping[str, Any]) -> None:
        """Look whether each provider of the state is one that the unit's root will have.

        Raises:
            UsageError: one is not.
        """
        known = {_full(each.source) for each in self.catalogue.settings.providers.values()} | {_BUILTIN}
        aliases = {each.alias for each in self.unit.providers}
        for resource in document.get("resources") or ():
            if resource.get("mode") != "managed":
                continue
            found = _PROVIDER.fullmatch(str(resource.get("provider", "")))
            source = found["source"] if found else str(resource.get("provider"))
            if source not in known:
                hint = f"add it under `providers:` in live/orch.yaml; there are {', '.join(sorted(known - {_BUILTIN}))}"
                if source.startswith((_LEGACY, "registry.opentofu.org/")):
                    hint = f"in a copy: terraform state replace-provider {source} {_REGISTRY}hashicorp/NAME"
                raise UsageError(
                    f"{_name(resource)} is of the provider {source}, which the catalogue has not", hint=hint
                )
            alias = found["alias"][1:] if found and found["alias"] else None
            if alias is not None and alias not in aliases:
                hint = f"add `aws.{alias}:` under `providers:` of the stack, and configuration_aliases to the module"
                raise UsageError(
                    f"{_name(resource)} uses the provider configuration {alias!r}, which {self.unit.id} has not",
                    hint=hint,
                )

    def _under_module(self, context: RunContext, data: bytes) -> bytes:
        path = context.run.folders.of_run / "states" / "adopted.tfstate"
        write_atomic(path, data)
        root = scratch_root(context, self.unit)
        for address in top_level(json.loads(data)):
            context.terraform.cli.state_move(root, path, address, f"module.this.{address}")
        return path.read_bytes()


def top_level(document: Mapping[str, Any]) -> Iterator[str]:
    """Addresses of what stands in the root of a state: its resources, and its modules as a whole."""
    seen: set[str] = set()
    for resource in document.get("resources") or ():
        module = str(resource.get("module") or "")
        if not module and resource["mode"] != "managed":
            continue  # a data source of the root is read anew
        address = first_module(module) if module else f"{resource['type']}.{resource['name']}"
        if address != "module.this" and address not in seen:
            seen.add(address)
            yield address


def first_module(path: str) -> str:
    """The first step of a module's address, with its index: ``module.a["x.y"]`` of ``module.a["x.y"].module.b``.

    Terraform moves instances of a module, not all of them at once.
    """
    found = _STEP.match(path)
    return found[0] if found else path


def _full(source: str) -> str:
    return source if source.count("/") > 1 else f"{_REGISTRY}{source}"


def _name(resource: Mapping[str, Any]) -> str:
    module = f"{resource['module']}." if resource.get("module") else ""
    return f"{module}{resource['type']}.{resource['name']}"
