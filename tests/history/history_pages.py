"""Published pages of the history, served and looked at in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks" / "asv"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs one"
)

PROBE = """<!doctype html><title>probe</title><pre id="seen">waiting</pre>
<iframe id="graph" width="1200" height="800" src="index.html#GRAPH"></iframe>
<iframe id="list" width="1200" height="800" src="index.html#/summarylist"></iframe>
<script>
const frameWindow = (name) => document.getElementById(name).contentWindow;
const clock = setInterval(() => {
  const graph = frameWindow("graph"), list = frameWindow("list");
  const plot = graph.$ && graph.$("#main-graph").data("plot");
  const links = [...list.document.querySelectorAll("#summarylist-body tbody a")];
  const rows = [...list.document.querySelectorAll("#summarylist-body tbody tr")].map((row) => row.innerText);
  if (!plot || rows.length === 0) return;
  const canvas = graph.document.querySelector("#main-graph canvas.flot-base");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set(new Uint32Array(pixels.buffer));
  const requests = (frame) => frame.performance.getEntriesByType("resource").map((entry) => entry.name);
  document.getElementById("seen").textContent = JSON.stringify({
    series: plot.getData().filter((s) => s.label).map((s) => s.data.filter((point) => point[1] !== null)),
    colours: colours.size,
    unit: plot.getAxes().yaxis.options.axisLabel,
    ticks: [...graph.document.querySelectorAll("#main-graph .flot-tick-label")].map((tick) => tick.innerText),
    plugins: graph.$.plot.plugins.map((plugin) => plugin.name),
    others: [typeof graph.$.fn.stupidtable, typeof graph.$.fn.modal, typeof graph.md5],
    rules: graph.document.styleSheets[0].cssRules.length,
    commits: graph.document.getElementById("range").value,
    rows,
    links: links.map((link) => link.getAttribute("href")),
    requests: [...requests(graph), ...requests(list)],
  });
  clearInterval(clock);
}, 100);
</script>
"""


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def served(history: ModuleType, html_dir: Path) -> Iterator[str]:
    with history.server(html_dir) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def in_browser(url: str, profile: Path) -> str:
    options = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update"),
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        *("--virtual-time-budget=20000", f"--user-data-dir={profile}", "--dump-dom"),
    )
    return run(str(CHROMIUM), *options, url, cwd=profile.parent)


def browser_view(history: ModuleType, html_dir: Path, graph: str, profile: Path) -> tuple[str, dict]:
    """Return the URL of the published pages, and what a browser shows for one graph and for the list."""
    (html_dir / "probe.html").write_text(PROBE.replace("GRAPH", graph), encoding="utf-8")
    with served(history, html_dir) as url:
        document = in_browser(f"{url}probe.html", profile)
    (text,) = re.findall(r'<pre id="seen">([^<]*)</pre>', document)
    assert text != "waiting", "no graph was drawn, or no list was shown"
    return url, json.loads(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
