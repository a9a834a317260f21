"""When output is colored: NO_COLOR, --no-color, FORCE_COLOR, CLICOLOR_FORCE, TERM and the stream itself."""

from __future__ import annotations

import io

import pytest

from orchestrator.report.style import use_color


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize(
    ("stream", "env", "no_color", "expected"),
    [
        (Terminal(), {}, False, True),
        (io.StringIO(), {}, False, False),
        (closed(), {}, False, False),
        (Terminal(), {}, True, False),
        (Terminal(), {"TERM": "xterm"}, False, True),
        (Terminal(), {"TERM": "dumb"}, False, False),
        (Terminal(), {"NO_COLOR": "1"}, False, False),
        (Terminal(), {"NO_COLOR": "0"}, False, False),
        (Terminal(), {"NO_COLOR": ""}, False, True),
        (io.StringIO(), {"FORCE_COLOR": "1"}, False, True),
        (io.StringIO(), {"FORCE_COLOR": "0"}, False, False),
        (io.StringIO(), {"FORCE_COLOR": ""}, False, False),
        (Terminal(), {"FORCE_COLOR": "0"}, False, True),
        (io.StringIO(), {"CLICOLOR_FORCE": "1"}, False, True),
        (io.StringIO(), {"CLICOLOR_FORCE": "0"}, False, False),
        (io.StringIO(), {"FORCE_COLOR": "0", "CLICOLOR_FORCE": "1"}, False, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True, False),
        (Terminal(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_when_to_color(stream: io.StringIO, env: dict[str, str], no_color: bool, expected: bool) -> None:
    assert use_color(stream, env, no_color=no_color) is expected
