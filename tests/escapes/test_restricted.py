"""Items 5 and 7: a restricted account, changed without its typed name or from files that nobody else has.

On the emulator no account is restricted for orch, so these attempts go to AWS itself. They are refused before anything is
asked of it; if they were not, nothing would listen at its address.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.escapes import World
from tests.support.project import Result

pytestmark = pytest.mark.integration
AGAINST = "careless"

MAIN = "live/accounts/main.yaml"
OVERRIDE = "modules/user_pool/pool_override.tf"
NOT_EMULATED = {"ORCH_AWS": "", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true"}
WEAKER = """\
resource "aws_cognito_user_pool" "this" {
  deletion_protection = "INACTIVE"
}
"""


def attempt(world: World, **env: str) -> Result:
    """An apply as people and CI make it, not on the emulator."""
    return world.attempt(env={**NOT_EMULATED, **env})


@pytest.mark.way("a provider alias of a unit in an open account that leads into a restricted one", item="5")
def test_an_alias_leads_into_a_restricted_account(world: World) -> None:
    world.write("live/accounts/dns.yaml", 'id: "111122223333"\naccess: restricted\nregions: [eu-west-1]\n')
    world.edit(
        "modules/user_pool/versions.tf",
        'source  = "hashicorp/aws"\n',
        'source  = "hashicorp/aws"\n      configuration_aliases = [aws.dns]\n',
    )
    world.edit(
        "live/stacks/identity.yaml", "module: user_pool\n", "module: user_pool\nproviders: {aws.dns: {account: dns}}\n"
    )
    world.commit("Write the records, too")
    world.assert_refused(attempt(world), "--yes does not work for the restricted account dns", "type the stage name")
    world.assert_alive()


def ignored_override(world: World) -> str:
    """A file that Terraform reads and git does not list."""
    (world.root / ".git" / "info" / "exclude").write_text("*_override.tf\n")
    world.write(OVERRIDE, WEAKER)
    return OVERRIDE


def unwatched_file(world: World) -> str:
    """A file whose changes git is told not to look for."""
    name = "live/stacks/identity.yaml"
    world.git("update-index", "--skip-worktree", name)
    world.write(name, world.read(name) + "  deletion_protection: INACTIVE\n")
    return name


@pytest.mark.parametrize(
    "hide",
    [
        pytest.param(
            ignored_override,
            marks=pytest.mark.way("an `*_override.tf` that git ignores, applied to a restricted account", item="7"),
        ),
        pytest.param(
            unwatched_file,
            marks=pytest.mark.way(
                "a changed file with git's `skip-worktree`, applied to a restricted account", item="7"
            ),
        ),
    ],
)
def test_a_change_that_git_does_not_show_is_not_applied(world: World, hide: Callable[[World], str]) -> None:
    world.edit(MAIN, "access: open", "access: restricted")
    world.commit("Only what is committed")
    world.git("update-ref", "refs/remotes/origin/main", "HEAD")
    name = hide(world)
    assert world.git("status", "--porcelain") == "", "git says that the tree is clean"
    world.assert_refused(
        attempt(world, CI="true", GITHUB_BASE_REF="main"), f"uncommitted changes ({name}), and main is restricted"
    )
    world.assert_alive()
