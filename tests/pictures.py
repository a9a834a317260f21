"""Pictures of the golden comments, as a code host shows them: ``python -m tests.pictures [FOLDER]``.

Renders each file of ``tests/golden/comment/`` as GitHub-flavored Markdown and takes a picture of it in headless Chromium,
light and dark. Look at those that a change renews. The pictures are not committed.
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

GOLDEN = Path(__file__).parent / "golden" / "comment"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTH = 1012
"""CSS pixels: as wide as a comment of GitHub on a large screen."""
_SECONDS = 60
_TALLEST = 16_000
_MARGIN = 120
_LINE = 21
_ALERT = re.compile(r"<blockquote>\s*<p>\[!(CAUTION|WARNING|NOTE)\]\s*")
_STYLE = """
:root { --text: #1f2328; --back: #fff; --soft: #59636e; --line: #d1d9e0; --code: #f6f8fa; --inline: #818b981f;
  --red: #cf222e; --amber: #9a6700; --blue: #0969da; --removed: #82071e; --removedback: #ffebe9; --added: #116329;
  --addedback: #dafbe1; --changed: #953800; --changedback: #ffd8b5; }
:root.dark { --text: #f0f6fc; --back: #0d1117; --soft: #9198a1; --line: #3d444d; --code: #151b23; --inline: #656c7633;
  --red: #f85149; --amber: #d29922; --blue: #4493f8; --removed: #ffdcd7; --removedback: #67060c; --added: #aff5b4;
  --addedback: #033a16; --changed: #ffdfb6; --changedback: #5a1e02; }
body { font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; color: var(--text);
  background: var(--back); margin: 16px; width: 838px; word-wrap: break-word; }
h3 { font-size: 1.25em; margin: 0 0 16px; } h4 { margin: 24px 0 16px; }
a { color: var(--blue); }
p, blockquote, ul, table, pre, details { margin: 0 0 16px; }
code { background: var(--inline); border-radius: 6px; padding: .2em .4em; font: 85% ui-monospace, monospace; }
pre { background: var(--code); border-radius: 6px; padding: 16px; overflow: auto; line-height: 1.45; }
pre code { background: none; padding: 0; }
table { border-collapse: collapse; display: block; width: max-content; max-width: 100%; overflow: auto; }
th, td { border: 1px solid var(--line); padding: 6px 13px; }
tr:nth-child(2n) { background: var(--code); }
blockquote { padding: 0 1em; border-left: .25em solid var(--line); color: var(--soft); }
.alert { color: inherit; padding: 8px 16px; }
.alert > :last-child { margin-bottom: 0; }
.alert .title { font-weight: 500; }
.CAUTION { border-color: var(--red); } .CAUTION .title { color: var(--red); }
.WARNING { border-color: var(--amber); } .WARNING .title { color: var(--amber); }
.NOTE { border-color: var(--blue); } .NOTE .title { color: var(--blue); }
.added { color: var(--added); background: var(--addedback); }
.removed { color: var(--removed); background: var(--removedback); }
.changed { color: var(--changed); background: var(--changedback); }
.remark { color: var(--soft); }
"""
_MARKS = {"+": "added", "-": "removed", "!": "changed", "#": "remark"}


class _Renderer(RendererHTML):
    """Colors the lines of a diff as code hosts do."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """Return a code block; one of the language ``diff`` with a class on each line that has a sign."""
        token = tokens[idx]
        lines = token.content.rstrip("\n").split("\n")
        if token.info == "diff":
            return "<pre><code>" + "\n".join(map(_line, lines)) + "</code></pre>"
        return f"<pre><code>{html.escape(token.content)}</code></pre>"


def _line(text: str) -> str:
    kind = _MARKS.get(text[:1])
    return f'<span class="{kind}">{html.escape(text)}</span>' if kind else html.escape(text)


def page(text: str, *, dark: bool) -> str:
    """Return a comment as a page.

    Args:
        text: the Markdown of the comment.
        dark: in dark colors.
    """
    body = MarkdownIt("gfm-like", {"html": True}, renderer_cls=_Renderer).render(text)
    body = _ALERT.sub(
        lambda found: f'<blockquote class="alert {found[1]}"><p class="title">{found[1].title()}</p><p>', body
    )
    head = f'<meta charset="utf-8"><title>comment</title><style>{_STYLE}</style>'
    return f'<!doctype html><html class="{"dark" if dark else "light"}"><head>{head}</head><body>{body}</body></html>'


def pictures(folder: Path, browser: str) -> Iterator[Path]:
    """Yield the picture of each golden comment, light and dark.

    Args:
        folder: where they are written, with their pages.
        browser: the program.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(GOLDEN.glob("*.md")):
        text = file.read_text(encoding="utf-8")
        height = min(
            _TALLEST, _MARGIN + _LINE * (text.count("\n") + sum(len(line) // 110 for line in text.split("\n")))
        )
        for dark in (False, True):
            source = folder / f"{file.stem}-{'dark' if dark else 'light'}.html"
            source.write_text(page(text, dark=dark), encoding="utf-8")
            picture = source.with_suffix(".png")
            with tempfile.TemporaryDirectory() as profile:
                options = (
                    "--headless",
                    "--disable-gpu",
                    "--no-sandbox",
                    "--hide-scrollbars",
                    f"--user-data-dir={profile}",
                )
                size = f"--window-size={WIDTH},{height}"
                command = [browser, *options, size, f"--screenshot={picture}", source.as_uri()]
                subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
            yield picture


def main() -> int:
    """Take the pictures, and print their names."""
    parser = argparse.ArgumentParser(description="take pictures of the golden comments")
    parser.add_argument("folder", nargs="?", type=Path, help="where to write them; default: a new temporary folder")
    folder = parser.parse_args().folder or Path(tempfile.mkdtemp(prefix="orch-comments-"))
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        print("no Chromium on PATH: install it, on Debian with `apt-get install chromium`", file=sys.stderr)
        return 1
    for picture in pictures(folder.resolve(), browser):
        print(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
