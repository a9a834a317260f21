"""``orch adopt UNIT --state …``: copies a state of Terraform or Terragrunt into a unit; the source is only read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.aws.state.managed import ManagedStates, SoughtObject
from orchestrator.config.adopted_names import names_to_allow
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.edit.rename import FileEdit
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
    """An adoption of a state. ``source``: a file, or ``s3://BUCKET/KEY``."""

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

    @property
    def received(self) -> Sequence[tuple[str, Unit]]:
        """The unit."""
        return (("", self.unit),)

    def prepare(self, context: RunContext) -> PreparedMigration:
        """Move everything in the state below ``module.this``, and remove its root outputs.

        Raises:
            UsageError: the unit has a state, another unit manages what is in the source, the source does not exist or
                is not usable, or its providers are not those of the configuration.
            DeniedError, ThrottledError, SetupError, UnitError: a state cannot be read, or Terraform refuses the move.
        """
        present = context.aws.objects.read(self.unit)
        if present is not None and has_content(present.data):
            message = f"{self.unit.id} already has a state"
            raise UsageError(
                message, hint="adopt single resources with --resource ADDRESS=ID, or move them with orch move"
            )
        data = self._fetch(context)
        record = read_state(data)
        if not record.addresses:
            message = f"{self.source} has no resources"
            raise UsageError(message, hint="choose a state with resources")
        self._check_owner(context, data)
        self._check_providers(json.loads(data))
        moved = self._under_module(context, without_outputs(data))
        if present is not None:  # The empty state of a destroyed unit: continue its serials.
            old_serial, new_serial = read_state(present.data).serial, read_state(moved).serial
            moved = with_serial(moved, max(old_serial, new_serial) + 1)
        write = state_edit(self.unit, self.unit, present, moved)
        arns = [each.arn for each in read_state(data, identify=None).protected]
        notes = (f"from {self.source}", *names_to_allow(self.catalogue, self.unit, arns))
        return PreparedMigration(trials=((self.unit, moved),), writes=((write, moved),), notes=notes)

    def _fetch(self, context: RunContext) -> bytes:
        found = _S3.fullmatch(self.source)
        if found:
            return context.aws.objects.read_foreign(self.unit, found[1], found[2])
        if "://" in self.source:
            message = f"{self.source} is neither a file nor s3://BUCKET/KEY"
            raise UsageError(message, hint="save it with `terraform state pull > FILE` and use --state FILE")
        try:
            return Path(self.source).read_bytes()
        except OSError as error:
            message = f"cannot read {self.source}: {error.strerror}"
            raise UsageError(message, hint="save a state with `terraform state pull > FILE`") from error

    def _check_owner(self, context: RunContext, data: bytes) -> None:
        """Check that no other unit of the account manages what is in the state.

        Raises:
            UsageError: one does.
        """
        adopted = read_state(data, identify=None)
        objects = [SoughtObject(each.type, frozenset({each.id} - {""}), each.arn) for each in adopted.protected]
        for other in ManagedStates(self.catalogue, context.aws.ledger).others(self.unit):
            shared = [
                each.address
                for each, sought in zip(adopted.protected, objects, strict=True)
                if sought.is_in(other, self.unit.region)
            ]
            if other.lineage == adopted.lineage or shared:
                what = shared[0] if shared else "this state"
                message = f"{other.unit} manages {what} already"
                hint = f"destroy or move it there first: orch move {other.unit} … moves a whole state, or one resource"
                raise UsageError(message, hint=hint)

    def _check_providers(self, document: Mapping[str, Any]) -> None:
        """Check that the unit's root will have every provider of the state.

        Raises:
            UsageError: a provider is missing.
        """
        known = {_full_address(each.source) for each in self.catalogue.settings.providers.values()} | {_BUILTIN}
        aliases = {each.alias for each in self.unit.providers}
        for resource in document.get("resources") or ():
            if resource.get("mode") != "managed":
                continue
            found = _PROVIDER.fullmatch(str(resource.get("provider", "")))
            source = found["source"] if found else str(resource.get("provider"))
            if source not in known:
                hint = f"add it under `providers:` in live/orch.yaml; it has {', '.join(sorted(known - {_BUILTIN}))}"
                if source.startswith((_LEGACY, "registry.opentofu.org/")):
                    hint = f"in a copy: terraform state replace-provider {source} {_REGISTRY}hashicorp/NAME"
                raise UsageError(
                    f"{_name(resource)} uses the provider {source}, which live/orch.yaml does not have", hint=hint
                )
            alias = found["alias"][1:] if found and found["alias"] else None
            if alias is not None and alias not in aliases:
                hint = f"add `aws.{alias}:` under `providers:` of the stack, and configuration_aliases to the module"
                raise UsageError(
                    f"{_name(resource)} uses the provider configuration {alias!r}, which {self.unit.id} does not have",
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
    """Yield the addresses in the root of a state: its resources, and its modules as a whole."""
    seen: set[str] = set()
    for resource in document.get("resources") or ():
        module = str(resource.get("module") or "")
        if not module and resource["mode"] != "managed":
            continue  # Data sources of the root are read again.
        address = first_module(module) if module else f"{resource['type']}.{resource['name']}"
        if address != "module.this" and address not in seen:
            seen.add(address)
            yield address


def first_module(path: str) -> str:
    """Return the first step of a module's address, with its index: ``module.a["x.y"]`` of ``module.a["x.y"].module.b``.

    Terraform moves instances of a module, not all of them at once.
    """
    found = _STEP.match(path)
    return found[0] if found else path


def _full_address(source: str) -> str:
    return source if source.count("/") > 1 else f"{_REGISTRY}{source}"


def _name(resource: Mapping[str, Any]) -> str:
    module = f"{resource['module']}." if resource.get("module") else ""
    return f"{module}{resource['type']}.{resource['name']}"
