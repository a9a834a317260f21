"""What is done to a state's bytes without Terraform: its serial, its emptying, its root outputs. Nothing else, ever."""

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
    """A state with another serial, and not one other byte changed.

    Raises:
        UnitError: its head is not as Terraform writes it.
    """
    found = _HEAD.match(data)
    if found is None:
        message = "the head of the state is not as Terraform writes it"
        raise UnitError(message, hint="`terraform state pull` and `state push` write it anew")
    changed = found[1] + str(serial).encode() + data[found.end() :]
    if read_state(changed).serial != serial:
        message = "the serial of the state cannot be changed"
        raise UnitError(message, hint="`terraform state pull` and `state push` write it anew")
    return changed


def emptied(data: bytes) -> bytes:
    """What Terraform leaves of a state when everything in it is gone: lineage, the next serial, and nothing.

    Raises:
        UnitError: it is no state.
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
    """A state without its root's outputs, and not one other byte changed.

    Raises:
        UnitError: it is no state, or its head is not as Terraform writes it.
    """
    before = read_state(data)
    text = data.decode()
    found = _OUTPUTS.match(text)
    if found is None:
        message = "the head of the state is not as Terraform writes it"
        raise UnitError(message, hint="`terraform state pull` writes it anew")
    end = json.JSONDecoder().raw_decode(text, found.end())[1]
    changed = f"{found[0]}{{}}{text[end:]}".encode()
    if read_state(changed) != replace(before, outputs={}):
        message = "the outputs of the state cannot be taken out"
        raise UnitError(message, hint="`terraform state pull` writes it anew")
    return changed
