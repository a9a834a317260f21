"""Makes ``docs/plan.svg``, the picture in the README: a real ``orch plan`` on the emulator, as a terminal shows it.

``make picture`` runs it. The plan would replace a user pool with users in it, and the guard stops it.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

import boto3
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parents[1]
ORCH = str(Path(sys.executable).parent / "orch")
COLUMNS = 96
ACCOUNT = "333333333333"
USERS = ("ada", "grace", "katherine")
# rich's own template loads a font from the network.
TEMPLATE = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px;
  line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


def main() -> None:
    """Run the plan in a temporary folder, and write its picture."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "my-platform"
        orch(
            *("init", str(folder), "--name", "acme", "--region", "eu-west-1", "--management", "111111111111"),
            *("--account", "production=222222222222", "--account", f"development={ACCOUNT}"),
        )
        at = ("-C", str(folder), "--emulator")
        orch(*at, "emulator", "start")
        try:
            orch(*at, "bootstrap", "development", "--yes")
            orch(*at, "apply", "dev", "--yes")
            pool = orch(*at, "output", "dev/identity", "user_pool_id", "--raw").strip()
            add_users(folder, pool)
            stack = folder / "live" / "stacks" / "identity.yaml"
            before = stack.read_text(encoding="utf-8")
            stack.write_text(before.replace("[email]", "[email, phone_number]"), encoding="utf-8")
            shown = in_a_terminal(*at, "plan", "dev")
        finally:
            orch(*at, "emulator", "stop")
    target = HERE / "docs" / "plan.svg"
    target.write_text(picture("$ orch plan dev\n" + shown), encoding="utf-8")
    print(f"wrote {target.relative_to(HERE)}")


def orch(*arguments: str) -> str:
    """Run orch; return what it prints on stdout."""
    done = subprocess.run([ORCH, "-q", *arguments], check=True, stdout=subprocess.PIPE, text=True, env=environment())
    return done.stdout


def environment() -> dict[str, str]:
    """Return the environment without CI and AWS: this plays a person."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("CI", "GITHUB_", "AWS_", "ORCH_"))
    }


def add_users(folder: Path, pool: str) -> None:
    """Add users to the pool, under the role that administers the account."""
    info = json.loads((folder / ".orch" / "emulator" / "emulator.json").read_text(encoding="utf-8"))
    entry = boto3.client(
        "sts",
        region_name="eu-west-1",
        endpoint_url=info["url"],
        aws_access_key_id=info["access_key"],
        aws_secret_access_key=info["secret_key"],
    )
    role = f"arn:aws:iam::{ACCOUNT}:role/OrganizationAccountAccessRole"
    keys = entry.assume_role(RoleArn=role, RoleSessionName="picture")["Credentials"]
    cognito = boto3.client(
        "cognito-idp",
        region_name="eu-west-1",
        endpoint_url=info["url"],
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    for user in USERS:
        cognito.admin_create_user(UserPoolId=pool, Username=f"{user}@example.com", MessageAction="SUPPRESS")


def in_a_terminal(*arguments: str) -> str:
    """Run orch with a terminal as stdout; return what it writes there, with colors."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    env = {**environment(), "TERM": "xterm-256color"}
    command = [ORCH, *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.DEVNULL, env=env) as run:
        os.close(theirs)
        data = bytearray()
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:  # Linux ends a terminal that nobody has open with an error.
                break
            if not read:
                break
            data += read
    os.close(ours)
    if run.returncode != 3:
        message = f"orch plan ended with {run.returncode}, not 3: {data.decode(errors='replace')}"
        raise SystemExit(message)
    return data.decode().replace("\r\n", "\n")


def picture(text: str) -> str:
    """Return a terminal with the text in it as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(text), soft_wrap=False)
    return console.export_svg(title="orch", code_format=TEMPLATE, unique_id="orch")


if __name__ == "__main__":
    main()
