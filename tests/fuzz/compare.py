"""Compares orch's reader of modules with Terraform, for hundreds of modules with a few runs of Terraform."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.guard.plan.configuration import configuration_entries
from orchestrator.hcl.modules.blocks import Declarations
from orchestrator.hcl.modules.code_and_sources import read_contents
from orchestrator.hcl.modules.entries import ConfigurationEntry, configured_providers
from orchestrator.hcl.modules.files import read_module_files
from orchestrator.hcl.parser import parse_hcl
from orchestrator.hcl.tree import HclError, constant_text
from orchestrator.terraform.plan.jsonstream import JsonStream
from tests.fuzz.generate import ARGUMENTS
from tests.support.probe import write_package
from tests.support.terraform import clean_env

_FMT_ERROR = re.compile(r"Error: ([^\n]*)\n\s*\n?[^\n]* on \S*?f(\d+)\.tf")
_STRICTER = ("unexpected character U+", "the file cannot be read: it is not text", "orch does not read a block `_`")
"""What the reader refuses and Terraform may not, on purpose: white space around a heredoc's marker, NUL in text, and a block
whose content counts as that of the block around it."""
_ROUNDS = 30


@dataclass(frozen=True)
class Difference:
    """A module, or one file, that the two read differently. ``files``: name -> text."""

    what: str
    files: Mapping[str, str]

    def __str__(self) -> str:
        shown = "\n".join(f"  {name}: {text!r}" for name, text in self.files.items() if not name.startswith("sub/"))
        return f"{self.what}\n{shown}"


@dataclass(frozen=True)
class Outcome:
    """What a comparison tried, how many of them Terraform accepted, and the differences."""

    tried: int
    accepted: int
    differences: tuple[Difference, ...]


def run_terraform(terraform: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Terraform in a folder, without configuration of the user and without color."""
    config = folder / "terraform.rc"  # In a folder of modules, it says where the test provider is.
    config_file = config if config.is_file() else os.devnull
    env = clean_env(TF_CLI_CONFIG_FILE=str(config_file), CHECKPOINT_DISABLE="1", NO_COLOR="1", TF_IN_AUTOMATION="1")
    env |= {"PROBE_CALLS": str(folder / "calls"), "PROBE_FAULTS": str(folder / "faults"), "TF_DISABLE_PLUGIN_TLS": "1"}
    return subprocess.run([terraform, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)


def compare_texts(terraform: Path, folder: Path, texts: Sequence[str]) -> Outcome:
    """Compare which files the two accept as HCL; `terraform fmt` parses all of them in one process."""
    for number, text in enumerate(texts):
        (folder / f"f{number}.tf").write_bytes(text.encode())
    done = run_terraform(terraform, folder, "fmt", "-no-color", "-list=false", "-write=false", ".")
    refused = {int(found[2]): found[1] for found in _FMT_ERROR.finditer(done.stderr)}
    different = []
    for number, text in enumerate(texts):
        theirs, ours = refused.get(number), _refusal(text)
        if ours is None and theirs is not None:
            different.append(Difference(f"only Terraform refuses it: {theirs}", {"f.tf": text}))
        elif theirs is None and ours is not None and not ours.startswith(_STRICTER):
            different.append(Difference(f"only orch refuses it: {ours}", {"f.tf": text}))
    return Outcome(len(texts), len(texts) - len(refused), tuple(different))


def _refusal(text: str) -> str | None:
    try:
        parse_hcl(text.removeprefix("\ufeff"))
    except HclError as error:
        return error.message
    return None


def compare_modules(terraform: Path, folder: Path, modules: Sequence[Mapping[str, str]]) -> Outcome:
    """Compare what the two find in modules: all of them are called by one root, which is planned once.

    Modules that Terraform refuses are taken out until the rest can be planned.
    """
    batch = _Batch(terraform, folder, {f"c{number}": files for number, files in enumerate(modules)})
    configuration = batch.configuration()
    different = []
    for name, files in batch.left.items():
        if what := _difference(folder / name, name, configuration):
            different.append(Difference(what, files))
    return Outcome(len(modules), len(batch.left), tuple(different))


class _Batch:
    """Modules in a root. ``left``: those that Terraform has not refused."""

    def __init__(self, terraform: Path, folder: Path, modules: Mapping[str, Mapping[str, str]]) -> None:
        self._terraform = terraform
        self._folder = folder
        self.left = dict(modules)
        package = folder / "provider"
        write_package(package)
        overrides = f'dev_overrides {{\n    "test/probe" = "{package}"\n  }}'
        (folder / "terraform.rc").write_text(f"provider_installation {{\n  {overrides}\n  direct {{}}\n}}\n")
        for name, files in modules.items():
            for file, text in files.items():
                path = folder / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text.encode())

    def configuration(self) -> Mapping[str, Any]:
        """Plan what is left, and return the plan's ``configuration``."""
        for _ in range(_ROUNDS):
            self._write_root()
            if self._refused("validate") or self._refused("plan", "-out=p", "-lock=false"):
                continue
            shown = run_terraform(self._terraform, self._folder, "show", "-json", "p").stdout
            found: Mapping[str, Any] = json.loads(shown)["configuration"]
            return found
        message = f"Terraform still refuses modules after {_ROUNDS} rounds"
        raise AssertionError(message)

    def _refused(self, *command: str) -> bool:
        """Take out the modules that Terraform refuses; return whether there was one."""
        done = run_terraform(self._terraform, self._folder, *command, "-json")
        if done.returncode == 0:
            return False
        named = {name for each in _diagnostics(done.stdout) for name in _modules_of(each)}
        for name in named & self.left.keys() or {self._culprit(command)}:
            del self.left[name]
        return True

    def _culprit(self, command: Sequence[str]) -> str:
        """Return the first module that makes the command fail alone; for errors that do not say where they are."""
        left, suspects = self.left, list(self.left)
        while len(suspects) > 1:
            half = suspects[: len(suspects) // 2]
            self.left = {name: left[name] for name in half}
            self._write_root()
            failed = run_terraform(self._terraform, self._folder, *command).returncode != 0
            suspects = half if failed else suspects[len(half) :]
        self.left = left
        return suspects[0]

    def _write_root(self) -> None:
        calls = "".join(f'module "{name}" {{\n  source = "./{name}"\n}}\n' for name in self.left)
        (self._folder / "main.tf").write_text(calls)
        rows = [{"Key": "", "Source": "", "Dir": "."}]
        for name, files in self.left.items():
            rows.append({"Key": name, "Source": f"./{name}", "Dir": name})
            # Any name that a call could have: Terraform ignores rows that nothing calls.
            names = set(re.findall(r"\bm\d+\b|\bhidden\b", "".join(files.values())))
            rows += [{"Key": f"{name}.{each}", "Source": "./sub", "Dir": f"{name}/sub"} for each in sorted(names)]
        data = self._folder / ".terraform" / "modules"
        data.mkdir(parents=True, exist_ok=True)
        (data / "modules.json").write_text(json.dumps({"Modules": rows}))


def _diagnostics(output: str) -> Iterator[Mapping[str, Any]]:
    """Yield the errors of ``validate -json`` (one object) or ``plan -json`` (one object a line)."""
    try:
        found = json.loads(output)["diagnostics"]
    except (ValueError, KeyError):
        found = [row["diagnostic"] for row in map(json.loads, output.splitlines()) if row.get("type") == "diagnostic"]
    yield from (each for each in found if each["severity"] == "error")


def _modules_of(diagnostic: Mapping[str, Any]) -> Iterator[str]:
    """Yield the modules that an error is about: by its file, by its address, by its text."""
    yield str(diagnostic.get("range", {}).get("filename", "")).split("/")[0]
    told = f"{diagnostic.get('address', '')} {diagnostic.get('summary', '')} {diagnostic.get('detail', '')}"
    yield from re.findall(r"\b(?:module\.)?(c\d+)\b", told)


def _difference(folder: Path, name: str, configuration: Mapping[str, Any]) -> str:
    """Return how the two readings of a module differ; empty if they do not."""
    contents = read_contents(folder, root=folder)
    if contents.problems:
        told = [each.what for each in contents.problems]
        return "" if any(each.startswith(_STRICTER) for each in told) else f"only orch refuses it: {told}"
    theirs = _entries(configuration, name)
    ours = {each._replace(module=name) for each in contents.entries}
    used = {each for entry in ours if entry.kind == "provider" for each in entry.name.split(": ")[1].split(", ")}
    if theirs ^ ours and used <= set(ARGUMENTS) and not _labels_in_providers(folder):
        return f"only Terraform finds {sorted(theirs - ours)}, only orch finds {sorted(ours - theirs)}"
    return _values_differ(folder, configuration["root_module"]["module_calls"][name]["module"])


def _labels_in_providers(folder: Path) -> bool:
    """Return whether a block in a provider has a label. As a misspelled argument, it is an error in a provider that is used.

    Terraform leaves both out of the configuration of a provider that nothing uses.
    """
    declared = Declarations.of(read_module_files(folder, root=folder))
    inner = (each for _, block in configured_providers(declared) for each in block.body.blocks)
    return any(each.labels for each in inner if each.type != "dynamic")


def _entries(configuration: Mapping[str, Any], name: str) -> set[ConfigurationEntry]:
    call = configuration["root_module"]["module_calls"][name]
    providers = configuration.get("provider_config", {})
    text = json.dumps({"provider_config": providers, "root_module": {"module_calls": {name: call}}})
    found = configuration_entries(JsonStream(io.StringIO(text)))
    return {each for each in found if each.module == name}


def _values_differ(folder: Path, module: Mapping[str, Any]) -> str:
    """Compare constant text: the ``input`` of resources, and outputs."""
    declared = Declarations.of(read_module_files(folder, root=folder))
    theirs: dict[tuple[str, ...], Any] = {
        ("resource", each["type"], each["name"]): each.get("expressions", {}).get("input")
        for each in module.get("resources", ())
    }
    theirs |= {("output", key): each.get("expression") for key, each in module.get("outputs", {}).items()}
    for each in declared.of_type("resource", "output"):
        attribute = each.attributes.get("input" if each.type == "resource" else "value")
        expression = theirs.get((each.type, *each.labels)) or {}
        if attribute is None:
            if "constant_value" in expression or "references" in expression:
                return f"only Terraform finds a value of {each.labels}"
            continue
        text, value = constant_text(attribute.value), expression.get("constant_value")
        # In JSON syntax, the configuration in a plan has the text as it is written, with `$${`.
        if text is not None and isinstance(value, str) and value not in {_normal(text), _normal(attribute.text)}:
            return f"the value of {each.labels} is {value!r}, orch reads {text!r}"
    return ""


def _normal(text: str) -> str:
    """Return text as Terraform stores it."""
    return unicodedata.normalize("NFC", text)
