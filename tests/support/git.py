"""A git repository in a folder, with people who commit and a remote whose branch is protected."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.catalogue import write


def begun_change(folder: Path, text: str) -> Git:
    """Return a repository on the branch ``change``, whose merged commit has the files of a text (`catalogue.write`)."""
    git = Git(folder)
    write(git.root, text)
    git.commit()
    git.publish()
    git.branch("change")
    return git


class Git:
    """Commits as different people. Nothing of the machine's git is used: neither its configuration nor its user.

    Args:
        root: the folder that becomes a repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self("init", "-q", "-b", "main")

    def __call__(self, *arguments: str, author: str = "bob@example.com", **env: str) -> str:
        """Run git; its output without the newline at the end."""
        name = author.partition("@")[0]
        people = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", name), ("EMAIL", author))
        }
        nothing = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            capture_output=True,
            text=True,
            check=True,
            env={**clean, **nothing, **people, **env},
        )
        return done.stdout.rstrip("\n")

    def commit(self, author: str = "bob@example.com", message: str = "change") -> str:
        """Commit everything as it is; the commit's id."""
        self("add", "-A")
        self("commit", "-q", "--allow-empty", "-m", message, author=author)
        return self("rev-parse", "HEAD")

    def publish(self) -> None:
        """Make HEAD the tip of the remote's protected branch, as a merged pull request does."""
        self("update-ref", "refs/remotes/origin/main", "HEAD")
        self("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")

    def branch(self, name: str) -> None:
        """Go on in a new branch."""
        self("checkout", "-q", "-b", name)
