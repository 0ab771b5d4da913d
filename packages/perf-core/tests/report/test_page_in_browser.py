"""The HTML page draws its figure in a real browser, without requests or console messages."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from perf_core.report import html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs one"),
    pytest.mark.process,
]

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=20000",
)


DRAWN = '<svg class="main-svg"'


def status(document: str) -> str:
    (text,) = re.findall(r'id="chart-status"[^>]*>([^<]*)<', document)
    return text.strip()


def in_browser(page: str, folder: Path) -> tuple[str, list[str]]:
    """Return the page's document once its scripts have run, and what it wrote to the console."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    done = subprocess.run(
        [str(CHROMIUM), *OPTIONS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return done.stdout, re.findall(r"CONSOLE.*", done.stderr)


def test_figure_is_drawn(sample, tmp_path: Path) -> None:
    document, console = in_browser(html.render(sample("load")), tmp_path)
    assert console == []
    assert DRAWN in document
    lines = re.findall(r'<g class="trace scatter', document)
    assert len(lines) == 9, "latency 3, throughput 2, memory 1, CPU 2, users 1"
    assert re.search(r'id="chart-status"[^>]* hidden', document), (
        "the status is hidden once the figure is drawn"
    )


def test_silence_strip_and_histogram_are_drawn(sample, tmp_path: Path) -> None:
    document, console = in_browser(html.render(sample("stalled")), tmp_path)
    assert console == []
    assert len(re.findall(r'<g class="trace scatter', document)) == 11, (
        "the others are a line, too, and the slowest calls"
    )
    assert re.search(r'<g class="hm"', document), "the strip is plotly's heatmap"
    # Bands of two stages, silence in two rows.
    assert len(re.findall(r'<path data-index="', document)) == 4
    assert document.count('class="bar') > 20


def test_page_reports_a_broken_script(sample, tmp_path: Path) -> None:
    page = re.sub(r'(<script [^>]*id="plotly"[^>]*>)[^<]+', r"\1bm90IGd6aXA=", html.render(sample("load")))
    document, _console = in_browser(page, tmp_path)
    assert DRAWN not in document
    assert "the tables below show the same run" in status(document)
