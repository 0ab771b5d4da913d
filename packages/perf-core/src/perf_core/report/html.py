"""The report as one self-contained HTML page with an interactive figure.

The page requests nothing: it contains plotly, and its content security policy forbids every request and every
script except two, by their hashes. plotly's bundle has 4.8 MB, and no smaller build is published for Python,
so it is embedded compressed (2.0 MB as text) and unpacked in the browser with ``DecompressionStream``, which
browsers have had since 2023. Without it, or without scripts, the page shows the tables and says that the
figure is missing.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from perf_core.report import chart_strip, distribution, failures, notices, resource_tables, summary, tables
from perf_core.report.chart import chart
from perf_core.report.flame_graph import ROW, flame_graph
from perf_core.report.wording import figure_value, plain, printable, sentence, value_label
from perf_core.results.record import RunRecord

_PAGE = "page.html.jinja"


def render(record: RunRecord) -> str:
    """Return the page."""
    figure = chart(record)
    script = asset("page.js")
    return template(_PAGE).render(
        head=summary.headline(record),
        key_figures=summary.key_figures(record),
        notices=notices.notices(record),
        targets=summary.target_rows(record),
        findings=_findings(record),
        failures=failures.groups(record),
        chart=figure,
        strip_levels=chart_strip.LEVELS,
        histogram=distribution.distribution(record),
        svg=distribution,
        flame=flame_graph(record.profile),
        flame_row=ROW,
        health=resource_tables.health_table(record),
        tables=tables.result_tables(record),
        manifest=tables.manifest_table(record),
        # Files of this package, not text of the record: only these are inserted unescaped.
        style=Markup(asset("page.css")),  # noqa: S704 - packaged with this module
        script=Markup(script),  # noqa: S704 - packaged with this module
        script_hashes=[_hash(script), _plotly()[1]],
        plotly=_plotly()[0] if figure else "",
    )


def _findings(record: RunRecord) -> list[dict[str, object]]:
    return [
        {
            "title": sentence(plain(finding.title)),
            "text": plain(finding.text),
            "values": [
                (value_label(name), _finding_value(name, value)) for name, value in finding.values.items()
            ],
        }
        for finding in record.findings
    ]


def _finding_value(name: str, value: float | str | None) -> str:
    return plain(value) if isinstance(value, str) else figure_value(name, value)


@cache
def template(name: str) -> Template:
    """Return a template, which escapes everything that is inserted."""
    environment = Environment(
        loader=PackageLoader("perf_core.report", "template"),
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _printable(value: object) -> object:
    """Return what is inserted without characters that could reverse a line or break the page."""
    return printable(value) if type(value) is str else value


@cache
def asset(name: str) -> str:
    """Return a file of the template folder."""
    return files("perf_core.report").joinpath("template", name).read_text(encoding="utf-8")


@cache
def _plotly() -> tuple[str, str]:
    """Return plotly's bundle, compressed as base64, and the hash of the unpacked script."""
    source = get_plotlyjs()
    packed = gzip.compress(source.encode(), compresslevel=9, mtime=0)
    return base64.b64encode(packed).decode("ascii"), _hash(source)


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
