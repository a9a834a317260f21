"""The reader of HCL takes and refuses exactly what Terraform's own takes and refuses."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.hcl.parser import parse_hcl
from orchestrator.hcl.tree import HclError
from orchestrator.terraform.setup.binary import find_binary
from tests.support.hcl import EVERYTHING, damaged
from tests.support.terraform import clean_env, make_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def terraform(tmp_path: Path) -> Path:
    return find_binary(make_settings(), env=clean_env(), cache=tmp_path).path


def refused_here(text: str) -> bool:
    try:
        parse_hcl(text)
    except HclError:
        return True
    return False


def refused_by_terraform(terraform: Path, text: str) -> bool:
    env = clean_env(TF_CLI_CONFIG_FILE=os.devnull, CHECKPOINT_DISABLE="1")
    done = subprocess.run([terraform, "fmt", "-"], input=text.encode(), capture_output=True, env=env, check=False)
    return done.returncode != 0


def test_damaged_files_are_judged_as_terraform_does(terraform: Path) -> None:
    texts = [EVERYTHING, *damaged(seed=20, count=60)]
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(lambda text: refused_by_terraform(terraform, text), texts))
    assert not theirs[0]
    assert 10 < sum(theirs) < 50, "the damages are neither all harmless nor all fatal"
    different = [text for text, refused in zip(texts, theirs, strict=True) if refused_here(text) != refused]
    assert different == []
