"""``make demo``: from nothing to a protected platform on an embedded AWS, with the commands that a person would type.

Runs with any Python 3.11 and nothing else: the first step builds the environment. It works on a copy of the catalogue
below ``.orch/demo``, so nothing in the repository changes. Ctrl-C stops everything that it has started.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
DEMO = Path(os.environ.get("ORCH_DEMO_FOLDER") or HERE / ".orch" / "demo")
CI = (
    "CI",
    "GITHUB_",
    "GITLAB_",
    "CODEBUILD_",
    "CIRCLECI",
    "BITBUCKET_",
    "BUILDKITE",
    "JENKINS_",
    "TF_BUILD",
    "TEAMCITY_",
)
BIN = HERE / ".venv" / ("Scripts" if os.name == "nt" else "bin")
COPIED = ("live", "modules", "policies", "services")
ATTRIBUTE = "department"
STAGE = "feat-login"
LEGACY = "legacy"

BOLD, DIM, GREEN, OFF = ("\033[1m", "\033[2m", "\033[32m", "\033[0m") if sys.stdout.isatty() else ("", "", "", "")


class DemoError(Exception):
    """A step did not do what the demo says that it does."""


class Demo:
    """The steps, and the time that each took."""

    def __init__(self) -> None:
        self.times: list[tuple[str, float]] = []
        self.started = time.monotonic()

    def say(self, title: str, text: str) -> None:
        """Say what comes next, before it is done."""
        print(f"\n{BOLD}── {title}{OFF}\n{text}", flush=True)

    def orch(self, *arguments: str, expect: int = 0, quiet: bool = False) -> str:
        """Show a command as a person would type it, run it, and check its exit code."""
        print(f"{DIM}$ {shlex.join(('orch', *arguments))}{OFF}", flush=True)
        began = time.monotonic()
        command = [str(BIN / "orch"), "-C", str(DEMO), "--emulator", *arguments]
        output = run(command, show=not quiet)
        self.times.append((shlex.join(("orch", *arguments)), time.monotonic() - began))
        if output.code != expect:
            message = f"exit code {output.code}, expected {expect}: orch {shlex.join(arguments)}\n{output.text}"
            raise DemoError(message)
        return output.text


class Output:
    """Exit code and standard output of a command."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text


def run(command: list[str], *, show: bool) -> Output:
    """Run a command and wait for its end, also when Ctrl-C comes: orch itself knows how to stop well."""
    # In CI orch judges by what was merged, which a copy that is in no git repository cannot tell: this plays a person.
    env = {name: value for name, value in os.environ.items() if not name.startswith(CI)}
    stderr = None if show else subprocess.PIPE
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=env)
    lines: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if show:
                print(line, end="", flush=True)
        return Output(process.wait(), "".join(lines))
    except KeyboardInterrupt:
        print("\nInterrupted: waiting for orch to bring what runs to its end.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            process.wait()
        raise


def build_environment(demo: Demo) -> None:
    """Make ``.venv`` with the versions of ``constraints.txt``, unless it is there."""
    if (BIN / "orch").exists():
        return
    demo.say("Environment", "Building .venv with the versions of constraints.txt. A third of the whole time.")
    began = time.monotonic()
    print(f"{DIM}$ python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[emulator]'{OFF}", flush=True)
    python = os.environ.get("PYTHON", sys.executable)
    subprocess.run([python, "-m", "venv", str(HERE / ".venv")], check=True)
    pip = [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", str(HERE / "constraints.txt"), "-e", f"{HERE}[emulator]"], check=True)
    demo.times.append(("pip install", time.monotonic() - began))


def copy_catalogue() -> None:
    """A fresh copy, so that the demo can change it."""
    shutil.rmtree(DEMO, ignore_errors=True)
    for name in COPIED:
        if (HERE / name).is_dir():
            shutil.copytree(HERE / name, DEMO / name)


def in_pool(action: str, pool: str) -> str:
    """Add or look for a user in the pool, as whoever administers the account; orch's own roles may not.

    ``make`` creates a pool of this name with a user in it, as people click one together, and returns its id.
    """
    code = (
        "import json, sys, boto3\n"
        "file, action, pool = sys.argv[1:]\n"
        "info = json.load(open(file))\n"
        "def client(service, keys):\n"
        "    return boto3.client(service, 'eu-west-1', endpoint_url=info['url'], aws_access_key_id=keys[0],\n"
        "                        aws_secret_access_key=keys[1], aws_session_token=keys[2])\n"
        "sts = client('sts', (info['access_key'], info['secret_key'], None))\n"
        "role = 'arn:aws:iam::111111111111:role/OrganizationAccountAccessRole'\n"
        "given = sts.assume_role(RoleArn=role, RoleSessionName='demo')['Credentials']\n"
        "cognito = client('cognito-idp', [given[k] for k in ('AccessKeyId', 'SecretAccessKey', 'SessionToken')])\n"
        "if action == 'make':\n"
        "    text = {'StringAttributeConstraints': {'MinLength': '0', 'MaxLength': '64'}}\n"
        "    made = cognito.create_user_pool(PoolName=pool, UsernameAttributes=['email'], Schema=[\n"
        "        {'Name': 'company', 'AttributeDataType': 'String', 'Mutable': True, **text}])['UserPool']['Id']\n"
        "    cognito.create_user_pool_client(UserPoolId=made, ClientName='website', GenerateSecret=True)\n"
        "    cognito.admin_create_user(UserPoolId=made, Username='bob@example.com', MessageAction='SUPPRESS')\n"
        "    sys.exit(print(made))\n"
        "if action == 'add':\n"
        "    cognito.admin_create_user(UserPoolId=pool, Username='ada@example.com', MessageAction='SUPPRESS')\n"
        "users = cognito.list_users(UserPoolId=pool)['Users']\n"
        "print(' '.join(a['Value'] for u in users for a in u['Attributes'] if a['Name'] == 'email')\n"
        "      or ' '.join(u['Username'] for u in users))\n"
    )
    info = DEMO / ".orch" / "emulator" / "emulator.json"
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [str(BIN / "python"), "-c", code, str(info), action, pool], capture_output=True, text=True, check=False, env=env
    )
    if done.returncode:
        raise DemoError(done.stderr)
    return done.stdout.strip()


def add_attribute(stage: str) -> None:
    """Add a custom attribute to the stage file, as a person would."""
    path = DEMO / "live" / "stages" / f"{stage}.yaml"
    text = path.read_text(encoding="utf-8")
    marker = "attributes:\n"
    if text.count(marker) != 1:
        message = f"{path} has no single 'attributes:' to add to"
        raise DemoError(message)
    before, after = text.split(marker)
    indent = " " * (len(after) - len(after.lstrip(" ")))
    path.write_text(f"{before}{marker}{indent}{ATTRIBUTE}: {{type: string, max: 64}}\n{after}", encoding="utf-8")
    print(f"{DIM}  live/stages/{stage}.yaml: + {ATTRIBUTE}: {{type: string, max: 64}}{OFF}")


def merge(message: str) -> None:
    """Commit the copy as it is: what a stage may lose is decided by what was merged, not by the working tree."""
    print(f"{DIM}$ git commit -am {shlex.quote(message)}{OFF}", flush=True)
    (DEMO / ".gitignore").write_text(".orch/\n", encoding="utf-8")
    git = ["git", "-C", str(DEMO), "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", message]):
        subprocess.run([*git, *arguments], check=True, env=env)


def pool_made_by_hand(demo: Demo) -> None:
    """A pool that was never under code: read, written into live/, imported, and changed in place."""
    pool = in_pool("make", "Members 2019")
    demo.say(
        "A pool made by hand",
        f"Nobody wrote code for {pool}, and bob@example.com is in it. orch reads it, and accepts only a plan that\n"
        "imports everything and changes nothing. Then it gets the new attribute like any other pool.",
    )
    stack = DEMO / "live" / "stacks" / "members.yaml"
    stack.write_text("module: user_pool\n", encoding="utf-8")
    (DEMO / "live" / "stages" / f"{LEGACY}.yaml").write_text(
        "account: production\nstacks:\n  members:\n", encoding="utf-8"
    )
    demo.orch("adopt", f"{LEGACY}/members", "--pool", pool)
    add_attribute(LEGACY)
    demo.orch("apply", f"{LEGACY}/members", "--yes")
    if "bob@example.com" not in in_pool("look", pool):
        message = f"bob@example.com is no longer in {pool}"
        raise DemoError(message)
    print(f"{GREEN}{pool} is under code, with the new attribute, and bob@example.com is still in it.{OFF}")


def disposable_stage(demo: Demo) -> None:
    """A stage for one branch: created, rebuilt with another sign-in, and gone, in three commands."""
    demo.say(
        "A stage that comes and goes",
        "feat-login is `disposable: true`, merged, in the development account: the guard lets it lose what is its own.",
    )
    stage = DEMO / "live" / "stages" / f"{STAGE}.yaml"
    text = "account: development\ndisposable: true\nstacks:\n  identity:\n"
    stage.write_text(text, encoding="utf-8")
    merge("A stage for the new sign-in")
    demo.orch("apply", STAGE, "--yes")
    stage.write_text(f"{text}    inputs: {{sign_in: {{username_attributes: [phone_number]}}}}\n", encoding="utf-8")
    merge("Sign in with a phone number")
    if f"{STAGE} is disposable" not in demo.orch("apply", STAGE, "--yes"):
        message = "the report does not say why the pool may be replaced"
        raise DemoError(message)
    if "destroyed" not in demo.orch("destroy", STAGE, "--yes"):
        message = f"{STAGE} is still there"
        raise DemoError(message)
    print(f"{GREEN}{STAGE} is gone, without a waiver. Every other stage keeps the full guard.{OFF}")


def steps(demo: Demo) -> None:
    """The demo itself."""
    demo.say("An AWS to try on", "Starting the embedded AWS: a process of its own on a free loopback port.")
    demo.orch("emulator", "start")
    demo.say(
        "Three accounts", "Each gets a state bucket, then its baseline: plan and apply roles, boundary, guardrails."
    )
    demo.orch("bootstrap", "production", "development", "bpm", "--yes")
    demo.say(
        "The whole stage",
        "prod reads the queue of another account, so bpm-prod goes with it. Much of it is waiting: four at once.",
    )
    demo.orch("apply", "bpm-prod", "prod", "--yes", "-j", "4")
    demo.say("Again", "Nothing has changed, so nothing will.")
    if "unchanged" not in demo.orch("apply", "prod", "--yes"):
        message = "the second apply changed something"
        raise DemoError(message)
    pool = demo.orch("output", "prod/identity", "user_pool_id", "--raw", quiet=True).strip()
    users = in_pool("add", pool)
    demo.say("A user signs up", f"In the pool {pool} there is now: {users}")
    demo.say(
        "A new custom attribute", "What CloudFormation would have replaced the pool for is an update in place here."
    )
    add_attribute("prod")
    demo.orch("apply", "prod/identity", "--yes")
    after = demo.orch("output", "prod/identity", "user_pool_id", "--raw", quiet=True).strip()
    still = in_pool("look", pool)
    if after != pool or still != users:
        message = f"the pool was {pool} with {users!r}, and is {after} with {still!r}"
        raise DemoError(message)
    print(f"{GREEN}The pool is the same ({after}), and {still} is still in it.{OFF}")
    pool_made_by_hand(demo)
    demo.say(
        "The worst day", "Somebody destroys the stage. The guard names what would be lost, and stops (exit code 3)."
    )
    demo.orch("destroy", "prod", "--yes", expect=3)
    if in_pool("look", pool) != users:
        message = "the user is gone"
        raise DemoError(message)
    print(f"{GREEN}The pool and its user are still there.{OFF}")
    disposable_stage(demo)


def summary(demo: Demo) -> None:
    """What it took, command by command."""
    demo.say(
        "Summary",
        "A stage in one command, an attribute without losing a user, a pool made by hand under code, a deletion that\n"
        "was stopped, one that was meant.",
    )
    for command, seconds in demo.times:
        print(f"  {seconds:6.1f} s  {command}")
    print(f"  {time.monotonic() - demo.started:6.1f} s  in all")
    print("\nNext: read README.md, then live/. The same commands without --emulator act on your own accounts.")


def main() -> int:
    """Run the demo; whatever happens, stop what it started."""
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a background shell has SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    demo = Demo()
    code = 0
    try:
        build_environment(demo)
        copy_catalogue()
        steps(demo)
        summary(demo)
    except DemoError as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing may come between us and the end of the emulator
        if (BIN / "orch").exists() and DEMO.is_dir():
            subprocess.run(
                [str(BIN / "orch"), "-C", str(DEMO), "-q", "emulator", "stop"], check=False, stdout=subprocess.DEVNULL
            )
    return code


if __name__ == "__main__":
    sys.exit(main())
