"""What the tests of the scanner of code share: what it finds in a root and in downloaded modules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from orchestrator.config.load import load
from orchestrator.guard.model import Finding
from orchestrator.guard.rules.code import CodeScanner
from orchestrator.guard.trust.live_modules import MergedModules

SCANNED_ORCH = """\
format: 1
name: t
orch: "~=0.1"
region: eu-west-1
providers: {aws: "5.100.0", dog: {source: datadog/datadog, version: "3.50.0"}}
module_sources: ["git::https://example.com/net.git?ref=v1"]
state: {bucket: "${{ name }}-${{ account_id }}-tfstate"}
management: "999999999999"
"""
Scan = Callable[..., tuple[Finding, ...]]
CALL = 'module "this" {\n  source = "./modules/m"\n}\n'


def scanner_in(folder: Path) -> Scan:
    """Return what writes the files of a rendered root and of downloaded modules in a folder, and scans them."""

    def write(base: Path, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    write(folder, {"live/orch.yaml": SCANNED_ORCH, "live/accounts/main.yaml": 'id: "111111111111"\naccess: open\n'})
    write(folder, {"live/stages/prod.yaml": "account: main\nstacks: {m: , v: }\n"})
    write(folder, {"live/stacks/m.yaml": "module: m\n", "modules/m/main.tf": "locals {}\n"})
    write(folder, {"live/stacks/v.yaml": "module: terraform-aws-modules/vpc/aws\nversion: '5.1.0'\n"})

    def run(
        *files: Mapping[str, str],
        fetched: Mapping[str, str] | None = None,
        manifest: Mapping[str, str] | None = None,
        merged: MergedModules | None = None,
    ) -> tuple[Finding, ...]:
        root, data = folder / ".orch/root", folder / ".orch/data"
        write(root, {"main.tf": CALL})
        for each in files:
            write(root, each)
        write(data / "modules", fetched or {})
        known = {"": ".", "this": "modules/m", **(manifest or {})}
        rows = [{"Key": key, "Source": "", "Dir": path} for key, path in known.items()]
        write(data / "modules", {"modules.json": json.dumps({"Modules": rows})})
        catalogue = load(folder)
        unit = catalogue.units["prod/m"]
        scanner = CodeScanner(catalogue, merged=None if merged is None else lambda: merged)
        return scanner.scan(unit, root, data, initialized=manifest is not None).findings

    return run


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    """Rule, address and place of findings."""
    return [
        (each.rule, each.address, f"{each.where.file}:{each.where.line}" if each.where else "") for each in findings
    ]


def reads(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    """Address and severity of the files that are read."""
    return [
        (each.address.removeprefix("module.this."), each.severity.value)
        for each in findings
        if each.rule == "ORCH_READS_FILE"
    ]
