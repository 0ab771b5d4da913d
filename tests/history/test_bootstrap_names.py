"""The names of Bootstrap 3 that asv's pages use work with Bootstrap 5, in a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from history_pages import FOLDER, in_browser, needs_chromium, served

LIBRARIES = FOLDER / "assets" / "node_modules"

PAGE = """<!doctype html><html><head>
<script src="//cdn.example/jquery-3.3.1.min.js"></script>
<script src="//cdn.example/bootstrap.min.js"></script>
<link rel="stylesheet" href="//cdn.example/bootstrap.min.css">
</head><body>
<div data-toggle="buttons"><a class="btn btn-default btn-xs" id="button"><i id="inner">x</i></a></div>
<div class="dropdown"><button data-toggle="dropdown" id="branches">b</button>
<ul class="dropdown-menu"></ul></div>
<div class="modal" id="error"><div class="modal-dialog"><div class="modal-content">
<button data-dismiss="modal" id="close">c</button></div></div></div>
<div id="graph">graph</div><div id="point">point</div><nav class="navbar-fixed-top" id="nav">n</nav>
<pre id="seen">waiting</pre>
<script>
window.addEventListener("load", async () => {
  const seen = { errors: [] };
  window.addEventListener("error", (event) => seen.errors.push(event.message));
  const steps = {
    // As in asv_ui.js, graphdisplay.js and summarygrid.js.
    popover: () => {
      const content = $("<div/>").append($("<div/>").text("plot"));
      $("#graph").popover({ placement: "left auto", trigger: "hover", html: true, delay: 50, content });
      $("#graph").on("show.bs.popover", () => { seen.shows = true; });
      $("#graph").popover("show");
      seen.content = $(".popover-body").text();
      $("#graph").popover("destroy");
      seen.left = $(".popover").length;
    },
    tooltip: () => {
      const onBody = { html: true, placement: "right", container: "body" };
      $("#graph").tooltip({ ...onBody, title: undefined, animation: "false" });
      $("#point").tooltip({ ...onBody, title: "4 s", animation: false });
      $("#point").tooltip("show");
      seen.tooltip = $(".tooltip-inner").text();
      $("#point").tooltip("destroy");
    },
    button: () => {
      document.getElementById("inner").click();
      seen.pressed = $("#button").hasClass("active");
      document.getElementById("inner").click();
      seen.released = !$("#button").hasClass("active");
    },
    dropdown: () => {
      document.getElementById("branches").click();
      seen.dropdown = $(".dropdown-menu").hasClass("show");
    },
    modal: () => {
      $("#error").modal("show");
      seen.modal = $("#error").hasClass("show");
      document.getElementById("close").click();
      seen.closed = !$("#error").hasClass("show");
    },
  };
  for (const [name, step] of Object.entries(steps)) {
    try { step(); } catch (error) { seen.errors.push(`${name}: ${error}`); }
  }
  seen.nav = getComputedStyle(document.getElementById("nav")).position;
  document.getElementById("seen").textContent = JSON.stringify(seen);
});
</script></body></html>
"""


@pytest.mark.process
@needs_chromium
@pytest.mark.skipif(not LIBRARIES.is_dir(), reason="libraries missing: npm install in benchmarks/asv/assets")
def test_what_asv_asks_of_bootstrap_3_works(offline: ModuleType, history: ModuleType, tmp_path: Path) -> None:
    html = tmp_path / "html"
    html.mkdir()
    (html / "index.html").write_text(PAGE, encoding="utf-8")
    offline.make_offline(html, LIBRARIES)
    with served(history, html) as url:
        document = in_browser(f"{url}index.html", tmp_path / "profile")
    (text,) = re.findall(r'<pre id="seen">([^<]*)</pre>', document)
    assert text != "waiting"
    assert json.loads(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")) == {
        "errors": [],
        "shows": True,
        "content": "plot",
        "left": 0,
        "tooltip": "4 s",
        "pressed": True,
        "released": True,
        "dropdown": True,
        "modal": True,
        "closed": True,
        "nav": "fixed",
    }
