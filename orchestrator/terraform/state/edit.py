"""The only edits that orch makes to a state's bytes without Terraform: its serial, its root outputs, emptying it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from orchestrator.errors import UnitError
from orchestrator.terraform.state.reader import read_state

_HEAD = re.compile(
    rb'\A(\s*\{\s*"version"\s*:\s*4\s*,\s*"terraform_version"\s*:\s*"[^"\\]*"\s*,\s*"serial"\s*:\s*)([0-9]+)(?=\s*,)'
)

_OUTPUTS = re.compile(
    r'\A\s*\{\s*"version"\s*:\s*4\s*,\s*"terraform_version"\s*:\s*"[^"\\]*"\s*,\s*"serial"\s*:\s*[0-9]+\s*,'
    r'\s*"lineage"\s*:\s*"[^"\\]*"\s*,\s*"outputs"\s*:\s*'
)


def with_serial(data: bytes, serial: int) -> bytes:
    """Return a state with another serial and no other byte changed.

    Raises:
        UnitError: Terraform did not write the start of the state.
    """
    found = _HEAD.match(data)
    if found is None:
        message = "the state does not start the way Terraform writes it"
        raise UnitError(message, hint="`terraform state pull` and `state push` rewrite it")
    changed = found[1] + str(serial).encode() + data[found.end() :]
    if read_state(changed).serial != serial:
        message = "cannot change the serial of the state"
        raise UnitError(message, hint="`terraform state pull` and `state push` rewrite it")
    return changed


def emptied(data: bytes) -> bytes:
    """Return the state that Terraform leaves when it has destroyed everything: lineage, next serial, no resources.

    Raises:
        UnitError: the bytes are not a state.
    """
    state = read_state(data)
    document = {
        "version": 4,
        "terraform_version": json.loads(data).get("terraform_version", "1.11.0"),
        "serial": state.serial + 1,
        "lineage": state.lineage,
        "outputs": {},
        "resources": [],
        "check_results": None,
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def without_outputs(data: bytes) -> bytes:
    """Return a state without root outputs and no other byte changed.

    Raises:
        UnitError: the bytes are not a state, or Terraform did not write its start.
    """
    before = read_state(data)
    text = data.decode()
    found = _OUTPUTS.match(text)
    if found is None:
        message = "the state does not start the way Terraform writes it"
        raise UnitError(message, hint="`terraform state pull` rewrites it")
    end = json.JSONDecoder().raw_decode(text, found.end())[1]
    changed = f"{found[0]}{{}}{text[end:]}".encode()
    if read_state(changed) != replace(before, outputs={}):
        message = "cannot remove the outputs of the state"
        raise UnitError(message, hint="`terraform state pull` rewrites it")
    return changed
