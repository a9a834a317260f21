"""Item 6: another source of providers, named by the Terraform CLI configuration of a CI job."""

from __future__ import annotations

import pytest

from orchestrator.terraform.setup.install import this_platform
from tests.escapes.test_ci import AWS, in_ci, program, pull_request
from tests.support.escapes import POOL, World

pytestmark = pytest.mark.integration
AGAINST = "sly author"


@pytest.mark.way("`provider_installation` in the CLI configuration of a CI job", item="6")
def test_providers_are_installed_from_elsewhere(world: World) -> None:
    """The job has a fresh checkout, so Terraform installs its providers."""
    pull_request(world)
    mirror, ran = world.root.parent / "mirror", world.root.parent / "it-ran"
    program(mirror / AWS / "5.100.0" / this_platform() / "terraform-provider-aws_v5.100.0", ran)
    config = world.root.parent / "terraformrc"
    config.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
    world.remove(".orch/units")
    world.empty_module()
    result = in_ci(world, env={"TF_CLI_CONFIG_FILE": str(config)})
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    assert not ran.exists()
    assert "not used in CI: provider_installation of the Terraform CLI configuration" in result.text
    world.assert_alive()
