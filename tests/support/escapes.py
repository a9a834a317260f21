"""A stage with a user pool and users in it, real and protected, for tests that try to lose it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.support.catalogue import BASELINE
from tests.support.comparison import NONE, compare
from tests.support.emulator import ENTRY_ROLE, Account
from tests.support.project import Project, Result

POOL = "aws_cognito_user_pool.this"
USERS = ("ada@example.com", "grace@example.com", "joan@example.com")
STATE_KEY = "prod/identity/eu-west-1/terraform.tfstate"
AUTHOR = "Ada <ada@example.com>"

IDENTITY = """\
module: user_pool
inputs:
  sign_in: {username_attributes: [email]}
  attributes:
    company: {type: string, max: 64}
    tenant: {type: string, max: 32}
  clients:
    web: {callback_urls: ["https://${{ stage }}.example.com"], oauth_flows: [code]}
  domain: {}
"""
FILES: Mapping[str, str] = {
    "live/stacks/baseline.yaml": BASELINE,
    "live/stacks/identity.yaml": IDENTITY,
    "live/stages/prod.yaml": "account: main\nstacks:\n  identity:\n",
    ".gitignore": ".orch/\n",
}


@dataclass(frozen=True)
class Blueprint:
    """What a world is built from.

    Attributes:
        modules: modules of the repository that it has, beside ``account_baseline`` and ``user_pool``.
        files: path -> text of further or other files of the catalogue.
        apply: targets that are applied, in this order.
    """

    modules: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    apply: tuple[str, ...] = ("prod",)

    @property
    def key(self) -> str:
        """The same for blueprints that build the same."""
        return json.dumps([self.modules, dict(self.files), self.apply], sort_keys=True)


@dataclass(frozen=True)
class Built:
    """A world that was applied once. Tests work on copies of its repository; account and state are the one thing."""

    project: Project
    account: Account
    pool: str
    bucket: str
    state: bytes


def build(blueprint: Blueprint, folder: Path, emulator: Path) -> Built:
    """Bootstrap an account with its real roles, apply the stage, and let three people sign up."""
    account = Account(emulator)
    name = f"e{account.id[-6:]}"
    roles = (ENTRY_ROLE, "orch-plan", "orch-apply")
    project = Project(folder, emulator=emulator, accounts={"main": account.id}, name=name, roles=roles)
    main = project.root / "live" / "accounts" / "main.yaml"
    main.write_text(main.read_text() + "stacks: {baseline: }\n")
    for module in dict.fromkeys(("account_baseline", "user_pool", *blueprint.modules)):
        project.module(module)
    for file, text in {**FILES, **blueprint.files}.items():
        project.write(file, text)
    git(project.root, "init", "-q", "-b", "main")
    commit(project.root, "The platform")
    project.orch("bootstrap", "main", "--yes", "-q")
    project.orch("apply", *blueprint.apply, "--yes", "-q")
    commit(project.root, "What bootstrap wrote down")
    pool = project.orch("output", "prod/identity", "user_pool_id", "--raw").out.strip()
    cognito = account.client("cognito-idp")
    for user in USERS:
        cognito.admin_create_user(UserPoolId=pool, Username=user, MessageAction="SUPPRESS")
    bucket = f"{name}-{account.id}-tfstate"
    state = account.client("s3").get_object(Bucket=bucket, Key=STATE_KEY)["Body"].read()
    return Built(project=project, account=account, pool=pool, bucket=bucket, state=state)


class World:
    """One test's own copy of a repository whose stage ``prod`` is applied, and what it takes to attack it.

    Args:
        built: the world; its account and its states are shared by all copies.
        folder: where the copy goes.
        note: called with a name and a value for the table of escapes.
        comparing: also try each attempt with plain Terraform and plain checkov.
    """

    def __init__(
        self, built: Built, folder: Path, note: Callable[[str, str], None], *, comparing: bool = False
    ) -> None:
        shutil.copytree(built.project.root, folder, symlinks=True)
        self.built = built
        self.root = folder
        self.account = built.account
        self.pool = built.pool
        self.bucket = built.bucket
        self._note = note
        self._comparing = comparing
        self._before = built.state

    # What an attacker may do: anything in the repository.

    def read(self, file: str) -> str:
        """The text of a file."""
        return (self.root / file).read_text()

    def write(self, file: str, text: str) -> Path:
        """Write a file."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that must be there, wherever it stands in the file."""
        text = self.read(file)
        assert old in text, f"{old!r} is not in {file}"
        assert old != new, f"nothing would change in {file}"
        self.write(file, text.replace(old, new))

    def edit_module(self, old: str, new: str, *, module: str = "user_pool") -> None:
        """Replace a text in every ``.tf`` file of a module that has it; at least one must."""
        files = [file for file in (self.root / "modules" / module).glob("*.tf") if old in file.read_text()]
        assert files, f"{old!r} is in no file of modules/{module}"
        for file in files:
            file.write_text(file.read_text().replace(old, new))

    def empty_module(self, module: str = "user_pool") -> None:
        """Take all resources and outputs out of a module; variables, versions and the locals for them stay."""
        for file in (self.root / "modules" / module).glob("*.tf"):
            if file.name == "locals.tf":
                lines = file.read_text().splitlines(keepends=True)
                file.write_text("".join(line for line in lines if "aws_" not in line))
            elif not file.name.startswith(("variables", "versions")):
                file.unlink()

    def remove(self, file: str) -> None:
        """Remove a file or a folder."""
        path = self.root / file
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    def commit(self, message: str, *, author: str = AUTHOR) -> str:
        """Commit everything; the commit's id."""
        return commit(self.root, message, author=author)

    def git(self, *arguments: str) -> str:
        """Run git in the repository."""
        return git(self.root, *arguments)

    # The attempt, and what must be true after it.

    def attempt(
        self, *arguments: str, code: int | None = None, stdin: str | None = None, env: Mapping[str, str] | None = None
    ) -> Result:
        """Run the real orch, as a process of its own: ``apply prod --yes --json``, or what is given.

        Args:
            arguments: verb and options.
            code: the exit code that it must have; None: any.
            stdin: what it reads.
            env: further variables.
        """
        given = arguments or ("apply", "prod", "--yes", "--json")
        more = dict(env or {})
        result = Project.at(self.root, {"main": self.account.id}).orch(*given, code=code, stdin=stdin, **more)
        if self._comparing and given[0] != "plan":
            of_orch = self._traces()
            prevented, checked = compare(self.root, _run_of(result), self.account, more)
            for trace in self._traces() - of_orch:
                trace.unlink()  # The program of the way ran in another tool.
            self._note("prevented", prevented)
            self._note("checked", checked)
        return result

    def _traces(self) -> set[Path]:
        """What programs left that must not run."""
        return set(self.root.parent.rglob("it-ran"))

    def plan(self, *arguments: str, code: int | None = 0) -> dict[str, Any]:
        """Plan ``prod`` and give the report of ``prod/identity``: for what must pass without a word."""
        result = self.attempt("plan", *(arguments or ("prod",)), "--json", code=code)
        unit: dict[str, Any] = result.units()["prod/identity"]
        return unit

    def wrap_terraform(self, script: str) -> dict[str, str]:
        """Put a program in front of Terraform; the environment for ``attempt`` in which it is found first.

        Args:
            script: of the shell; ``$REAL`` is the real binary, which runs with the same arguments if it does not exit.
        """
        real = shutil.which("terraform")
        assert real, "there is no terraform on PATH"
        folder = self.root.parent / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "terraform"
        program.write_text(f'#!/bin/sh\nREAL="{real}"\n{script}\nexec "$REAL" "$@"\n')
        program.chmod(0o755)
        return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}

    def assert_blocked(
        self, result: Result, *, rule: str, address: str | None = None, unit: str = "prod/identity"
    ) -> dict[str, Any]:
        """The run ended with exit code 3 and a finding of this rule that a person can work with; the finding.

        Args:
            result: of ``attempt`` with ``--json``.
            rule: as in ``ORCH_PROTECTED``.
            address: of the resource, without ``module.this.``; None: any.
            unit: whose finding it is.
        """
        assert result.code == 3, f"exit code {result.code}, not 3\n{result.text}"
        report = result.units()[unit]
        assert report["status"] == "blocked", report
        shown = [(each["rule"], each["address"]) for each in report["findings"]]
        found = [
            each
            for each in report["findings"]
            if each["rule"] == rule and address in {None, each["address"], bare(each["address"])}
        ]
        assert found, f"no finding {rule} about {address}, but {shown}"
        finding: dict[str, Any] = found[0]
        assert finding["severity"] == "block"
        for key in ("id", "cause", "message", "hint", "where"):
            assert finding[key], f"the finding has no {key}: {finding}"
        place = finding["where"]["file"]
        assert (self.root / place).exists() or place.startswith("live/"), finding["where"]
        self._note("stopped", rule)
        self._note("code", str(result.code))
        return finding

    def assert_refused(self, result: Result, *says: str, code: int = 2) -> None:
        """orch did not even begin: a wrong command line or catalogue (exit 2), and it said these texts."""
        assert result.code == code, f"exit code {result.code}, not {code}\n{result.text}"
        for text in says:
            assert text in result.text, f"{text!r} is not in\n{result.text}"
        self._note("stopped", f"refused, exit {code}")
        self._note("code", str(code))

    def no_comparison(self, column: str) -> None:
        """Say that the other tool has no such case: ``prevented`` or ``checked``."""
        self._note(column, NONE)

    def stopped_by(self, what: str) -> None:
        """Say for the table what stopped the way, where it is neither a rule nor a refusal."""
        self._note("stopped", what)

    def assert_alive(self, *, same_state: bool = True) -> None:
        """The pool is there with its id, its users and its protection, and the state has it.

        Args:
            same_state: the state object is, byte for byte, that of before the attempt.
        """
        self._note("alive", "no")
        problem = trouble(self.built, pool=self.pool)
        assert problem is None, problem
        if same_state:
            assert self.state() == self._before, "the state was written"
        self._note("alive", "yes")

    @property
    def project_name(self) -> str:
        """The catalogue's ``name``."""
        return self.built.project.name

    # The state, for ways that begin in it.

    def state(self) -> bytes:
        """The state of ``prod/identity`` as it is in the bucket."""
        return read_state_object(self.built)

    def edit_state(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the state behind orch's back, as another tool could; it is put back after the test."""
        state = json.loads(self.state())
        change(state)
        state["serial"] += 1
        self._before = json.dumps(state, indent=2).encode()
        self._put_state(self._before)

    def restore(self) -> None:
        """Put the state back as it was when the world was built."""
        if self.state() != self.built.state:
            self._put_state(self.built.state)

    def _put_state(self, state: bytes) -> None:
        self.account.client("s3").put_object(Bucket=self.bucket, Key=STATE_KEY, Body=state)


def _run_of(result: Result) -> str | None:
    """The run of a result; None when orch did not begin one, or printed no JSON."""
    try:
        printed = json.loads(result.out)
    except ValueError:
        return None
    run: str | None = printed.get("run") if isinstance(printed, dict) else None
    return run


def trouble(built: Built, *, pool: str) -> str | None:
    """What is wrong with the pool; None when it is as it was made."""
    cognito = built.account.client("cognito-idp")
    try:
        found = cognito.describe_user_pool(UserPoolId=pool)["UserPool"]
        users = cognito.list_users(UserPoolId=pool)["Users"]
        state = json.loads(read_state_object(built))
    except (ClientError, BotoCoreError) as error:
        return f"the pool or its state is gone: {error}"
    names = {user["Username"] for user in users}
    names |= {each["Value"] for user in users for each in user.get("Attributes", []) if each["Name"] == "email"}
    if len(users) != len(USERS) or not names >= set(USERS):
        return f"the pool has other users: {sorted(names)}"
    if found.get("DeletionProtection") != "ACTIVE":
        return f"its protection is {found.get('DeletionProtection')}"
    ids = [
        instance["attributes"]["id"]
        for resource in state["resources"]
        if resource["type"] == "aws_cognito_user_pool" and resource["mode"] == "managed"
        for instance in resource["instances"]
        if "deposed" not in instance
    ]
    return None if ids == [pool] else f"the state has the pools {ids}, not {pool}"


def read_state_object(built: Built) -> bytes:
    """The state of ``prod/identity``, from its bucket."""
    body: bytes = built.account.client("s3").get_object(Bucket=built.bucket, Key=STATE_KEY)["Body"].read()
    return body


def bare(address: str) -> str:
    """An address without the unit's own module call."""
    return address.removeprefix("module.this.")


def git(root: Path, *arguments: str) -> str:
    """Run git with no configuration of the machine; its output."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=root, env=env, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def commit(root: Path, message: str, *, author: str = AUTHOR) -> str:
    """Commit everything in a repository; the commit's id."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "--author", author, "-m", message)
    return git(root, "rev-parse", "HEAD")
