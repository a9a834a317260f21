"""Opens the code host that a place names. The clients of hosts are optional extras: imported when they are needed."""

from __future__ import annotations

from orchestrator.ci.host import CodeHost, HostDeniedError
from orchestrator.ci.place import HostKind, HostPlace
from orchestrator.errors import SetupError

_TOKENS = {HostKind.GITHUB: "GITHUB_TOKEN", HostKind.GITLAB: "GITLAB_TOKEN"}
_HINTS = {
    HostKind.GITHUB: "in a job of GitHub Actions: `env: {GITHUB_TOKEN: '${{ github.token }}'}`",
    HostKind.GITLAB: "a project access token with the scope `api` and the role Developer",
}


def open_code_host(place: HostPlace) -> CodeHost:
    """Return the repository of a place, ready for calls. Does not call the host.

    Raises:
        HostDeniedError: the environment has no token.
        SetupError: the client of the host is not installed.
    """
    if not place.token:
        name = _TOKENS[place.kind]
        message = f"{place.kind} requires a token, and {name} is not set"
        raise HostDeniedError(message, hint=f"set {name}: {_HINTS[place.kind]}")
    try:
        if place.kind is HostKind.GITHUB:
            from orchestrator.ci.github import GithubHost  # noqa: PLC0415 - an optional extra

            return GithubHost(place)
        from orchestrator.ci.gitlab import GitlabHost  # noqa: PLC0415 - an optional extra

        return GitlabHost(place)
    except ModuleNotFoundError as error:
        name, extra = ("PyGithub", "github") if place.kind is HostKind.GITHUB else ("python-gitlab", "gitlab")
        message = f"{place.kind} requires the package {name}, which is not installed"
        raise SetupError(message, hint=f"pip install 'orch[{extra}]'") from error
