"""What `make bench` writes: results.json, the page and the chart."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.chart import chart
from benchmarks.figures import Compared, Measured, Row, Side, Unit
from benchmarks.page import page
from benchmarks.results import Origin, Result, load_results, results_text

PLAN = Row("plan-12", "`orch plan` / a loop", Unit.SECONDS, Compared.RATIO, bar=0.14, aim=0.10)
MEMORY = Row("memory", "memory", Unit.GIGABYTES, Compared.VALUE, bar=2.5, aim=1.5)
TEST = Row("test", "`make test`", Unit.SECONDS, Compared.VALUE, bar=600, aim=420, default=False)
ROWS = (PLAN, MEMORY, TEST)
OLD = Origin("2026-11-01", "aaaaaaa", "2 cores, 24 GB", "Python 3.11.7, Terraform v1.11.4")
NEW = Origin("2026-12-01", "bbbbbbb+", "2 cores, 24 GB", "Python 3.11.7, Terraform v1.11.4")
MEASURED = Measured(
    "plan-12",
    Side("orch plan", (5.0, 6.0, 5.5)),
    Side("loop", (50.0, 54.0, 53.0)),
    (Side("xargs -P2", (35.0, 36.0, 34.0)), Side("orch plan --cold", (31.0, 32.0, 30.0))),
    ("Terragrunt is not on PATH: not measured.",),
)
RESULTS = {
    "plan-12": Result(MEASURED, NEW),
    "memory": Result(Measured("memory", Side("orch plan", (2.6,))), OLD),
}


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(results_text(ROWS, RESULTS))
    assert load_results(file, ROWS) == RESULTS


def test_results_are_for_machines_too() -> None:
    first, second = json.loads(results_text(ROWS, RESULTS))["rows"]
    assert (first["row"], first["figure"], first["verdict"]) == ("plan-12", 0.1038, "bar met")
    assert first["ours"] == {"name": "orch plan", "median": 5.5, "values": [5.0, 6.0, 5.5]}
    assert (second["figure"], second["verdict"], second["theirs"]) == (2.6, "missed", None)


def test_a_row_that_no_longer_exists_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(results_text(ROWS, RESULTS))
    assert list(load_results(file, [MEMORY])) == ["memory"]


def test_without_a_file_or_with_one_of_another_format_there_are_no_results(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert load_results(file, ROWS) == {}
    file.write_text('{"format": 0, "rows": []}')
    assert load_results(file, ROWS) == {}


def test_the_page_has_a_line_for_each_row() -> None:
    lines = page(ROWS, RESULTS).splitlines()
    assert (
        "| `plan-12` | `orch plan` / a loop | 5.50 s | 53.0 s | 0.10 | 0.14 | 0.10 | bar met | 2026-12-01, bbbbbbb+ |"
    ) in lines
    assert "| `memory` | memory | 2.60 GB | – | – | 2.5 GB | 1.5 GB | **missed** | 2026-11-01, aaaaaaa |" in lines
    assert "| `test` | `make test` | | | | 600 s | 420 s | not measured | |" in lines


def test_the_page_shows_who_else_did_the_same_work() -> None:
    lines = page(ROWS, RESULTS).splitlines()
    assert "| xargs -P2 | 35.0 s | 0.67 |" in lines
    assert "| orch plan --cold | 31.0 s | 0.59 |" in lines
    assert "Terragrunt is not on PATH: not measured." in lines


def test_the_page_names_each_machine_once() -> None:
    lines = page(ROWS, RESULTS).splitlines()
    assert [line for line in lines if "cores" in line] == ["- 2 cores, 24 GB; Python 3.11.7, Terraform v1.11.4"]


def test_the_chart_has_a_bar_for_each_contender_the_slowest_first_and_ours_last() -> None:
    root = ElementTree.fromstring(chart(MEASURED, "12 units <nothing changed>"))  # noqa: S314 - our own text
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in root.iter(f"{space}text")]
    assert texts[0] == "12 units <nothing changed>"
    assert texts[1::2] == ["loop", "xargs -P2", "orch plan --cold", "orch plan"]
    assert texts[2::2] == ["53.0 s", "35.0 s (0.67)", "31.0 s (0.59)", "5.5 s (0.10)"]
    widths = [float(bar.attrib["width"]) for bar in root.iter(f"{space}rect")]
    assert widths == sorted(widths, reverse=True)


def test_the_chart_is_readable_on_dark_and_on_light_pages() -> None:
    assert "@media (prefers-color-scheme: dark)" in chart(MEASURED, "plan")
