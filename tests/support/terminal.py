"""orch on a pseudo-terminal, where it asks: what a person types, and what happens while they think."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable

from tests.support.project import REPOSITORY, Project

CTRL_C = "\x03"


def on_a_terminal(project: Project, *arguments: str, answer: Callable[[str], str | None]) -> tuple[int, str]:
    """Run orch on a pseudo-terminal; ``answer`` sees all output so far and gives what is typed next, once each."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        project.command(*arguments),
        stdin=side,
        stdout=side,
        stderr=side,
        cwd=REPOSITORY,
        env=project.environment(TERM="dumb"),
        start_new_session=True,
    )
    os.close(side)
    text, deadline = "", time.monotonic() + 120
    while time.monotonic() < deadline:
        ready, _, _ = select.select([main], [], [], 0.2)
        if ready:
            try:
                text += os.read(main, 65536).decode(errors="replace")
            except OSError:
                break
            typed = answer(text)
            if typed == CTRL_C:  # the pseudo-terminal is not the process's own, so it makes no signal of it
                process.send_signal(signal.SIGINT)
            elif typed is not None:
                os.write(main, f"{typed}\n".encode())
        elif process.poll() is not None:
            break
    os.close(main)
    return process.wait(timeout=30), text


def once(word: str, question: str = "will be accepted: ") -> Callable[[str], str | None]:
    """Answer the first question that ends like this."""
    asked: list[bool] = []

    def answer(text: str) -> str | None:
        last = text.splitlines()[-1] if text.strip() else ""
        if asked or question not in last:
            return None
        asked.append(True)
        return word

    return answer
