"""Reports of the cost ladder: a table for the terminal, Markdown, and one self-contained HTML page.

Pure functions of a :class:`Ladder`. The figure looks like those in the lab's reports: colours are variables
of their style sheet, which the page's script replaces with the values of the reader's colour scheme.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from rich.box import SIMPLE
from rich.table import Table

from perf_core.adapter import WIRES, Wire

HERE = Path(__file__).resolve().parent

TITLES: Mapping[str, str] = {
    "function": "bare function",
    "memory": "client in memory",
    "app": "served app, no socket",
    "one_user": "HTTP, one user",
    "load": "HTTP, ten users",
}
"""Titles of the rungs by key, in order."""

MEANINGS: Mapping[str, str] = {
    "function": "calculator_server.arithmetic.add, called in a loop.",
    "memory": "fastmcp.Client connected to the FastMCP app: the figure includes client and server, in one "
    "process, so the next rung may cost less.",
    "app": "The app that the server serves, called with scope, receive and send: no client, no HTTP, and no "
    "FastMCP where the fast lane answers.",
    "one_user": "k6 with one virtual user against a real server process: CPU of the server alone, latency as "
    "k6 sees it.",
    "load": "k6 with ten virtual users that never pause: most of the latency is waiting for other calls.",
}

COLOURS: Mapping[Wire | None, str] = {None: "--neutral", "session": "--line-1", "stateless": "--line-2"}


@dataclass(frozen=True)
class Spread:
    """One figure over several rounds.

    Attributes:
        median: Median, in the figure's unit.
        low: Lower quartile.
        high: Upper quartile.
        count: Number of rounds.
    """

    median: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Rung:
    """One rung on one wire.

    Attributes:
        key: One of :data:`TITLES`.
        wire: Wire; None if the rung has none.
        cpu_us: CPU per call in microseconds: of the server process if there is one, else of the measuring
            process.
        wall_us: Time per call in microseconds, as the caller sees it.
    """

    key: str
    wire: Wire | None
    cpu_us: Spread
    wall_us: Spread


@dataclass(frozen=True)
class Ladder:
    """All rungs, and the circumstances of the measurement.

    Attributes:
        started_at: ISO 8601 in UTC.
        manifest: Machine, versions, commit.
        effort: Rounds, runs, lengths and seed.
        rungs: Rungs in order, the session wire first.
    """

    started_at: str
    manifest: Mapping[str, Any]
    effort: Mapping[str, Any]
    rungs: tuple[Rung, ...]


@dataclass(frozen=True)
class Increment:
    """One rung and its additional cost over the previous one on the same wire, in microseconds.

    Attributes:
        rung: The rung.
        added_cpu_us: Additional CPU time; negative if the rung costs less than the previous one.
        added_wall_us: Additional wall time.
    """

    rung: Rung
    added_cpu_us: float
    added_wall_us: float


def increments(rungs: Sequence[Rung]) -> list[Increment]:
    """Return every rung with its additional cost; the first of each wire follows the last without one."""
    previous: dict[Wire | None, Rung] = {}
    result = []
    for rung in rungs:
        base = previous.get(rung.wire) or previous.get(None)
        cpu_us, wall_us = (base.cpu_us.median, base.wall_us.median) if base else (0.0, 0.0)
        result.append(Increment(rung, rung.cpu_us.median - cpu_us, rung.wall_us.median - wall_us))
        previous[rung.wire] = rung
    return result


MINUS = "\N{MINUS SIGN}"

HEADINGS = ("rung", "wire", "CPU, µs", "quartiles", "adds", "time, µs", "quartiles", "adds")


def rows(ladder: Ladder) -> list[tuple[str, ...]]:
    """Return the table's rows as text, in the order of :data:`HEADINGS`."""
    return [
        (
            TITLES[increment.rung.key],
            increment.rung.wire or "either",
            number(increment.rung.cpu_us.median),
            _quartiles(increment.rung.cpu_us),
            added(increment.added_cpu_us),
            number(increment.rung.wall_us.median),
            _quartiles(increment.rung.wall_us),
            added(increment.added_wall_us),
        )
        for increment in increments(ladder.rungs)
    ]


def number(value_us: float) -> str:
    """Return microseconds with at least three significant digits: ``0.287``, ``31.5``, ``1,234``."""
    size = abs(value_us)
    if size >= 100:
        return f"{value_us:,.0f}"
    return f"{value_us:.1f}" if size >= 10 else f"{value_us:.2f}" if size >= 1 else f"{value_us:.3f}"


def added(value_us: float) -> str:
    """Return microseconds with a sign; the minus is the typographic one, because the text is never parsed."""
    return f"{MINUS if value_us < 0 else '+'}{number(abs(value_us))}"


def _quartiles(spread: Spread) -> str:
    return "one round" if spread.count == 1 else f"{number(spread.low)} to {number(spread.high)}"


def terminal(ladder: Ladder) -> Table:
    """Return the table for a terminal of 80 columns; the spread is the interquartile range."""
    table = Table(
        title="One call of add, rung by rung",
        title_justify="left",
        caption=_notes(ladder),
        caption_justify="left",
        pad_edge=False,
        padding=(0, 0),
        box=SIMPLE,
    )
    for heading in ("rung", "wire"):
        table.add_column(heading, no_wrap=True)
    for heading in ("CPU, µs", "IQR", "adds", "time, µs", "IQR", "adds"):
        table.add_column(heading, justify="right", no_wrap=True)
    steps = increments(ladder.rungs)
    for place, increment in enumerate(steps):
        rung = increment.rung
        table.add_row(
            TITLES[rung.key],
            rung.wire or "either",
            number(rung.cpu_us.median),
            _relative_spread(rung.cpu_us),
            added(increment.added_cpu_us),
            number(rung.wall_us.median),
            _relative_spread(rung.wall_us),
            added(increment.added_wall_us),
            end_section=place + 1 < len(steps) and steps[place + 1].rung.key != rung.key,
        )
    return table


def _relative_spread(spread: Spread) -> str:
    return f"{(spread.high - spread.low) / spread.median:.0%}" if spread.count > 1 else "-"


def markdown(ladder: Ladder) -> str:
    """Return the ladder as Markdown."""
    cells = [" | ".join(row) for row in rows(ladder)]
    rule = " | ".join("---" if place < 2 else "---:" for place in range(len(HEADINGS)))
    lines = ["# One call of `add`, rung by rung", "", _notes(ladder), ""]
    lines += [f"| {line} |" for line in (" | ".join(HEADINGS), rule, *cells)]
    lines += ["", *(f"- {TITLES[key]}: {meaning}" for key, meaning in MEANINGS.items())]
    return "\n".join(lines) + "\n"


def _notes(ladder: Ladder) -> str:
    machine, commit = ladder.manifest["machine"], ladder.manifest["commit"]
    changed = " with changes" if commit and commit["dirty"] else ""
    load = machine["load_before"]
    # The load average helps to explain unusual figures: the machine may have been busy with other work.
    busy = "" if load is None else f", load average {load:g} before"
    at = f", commit {commit['hash'][:9]}{changed}" if commit else ""
    effort = ladder.effort
    return (
        f"Medians over {effort['rounds']} rounds in the process and {effort['runs']} runs of k6 of "
        f"{effort['run_s']:g} s. {machine['cpu']}, {machine['cpus']} CPUs{busy}, {machine['system']}, "
        f"Python {ladder.manifest['python']}{at}; {ladder.started_at}."
    )


def figure(ladder: Ladder) -> dict[str, Any]:
    """Return ``data`` and ``layout`` for plotly: CPU as bars above, time as dots below.

    The pale part of a bar is the cost of the previous rung, the full part is the additional cost. If a rung
    costs less than the previous one, the difference is hatched. Times span five orders of magnitude, since
    calls under load wait for one another. So the time axis is logarithmic, and bars would be misleading.
    """
    steps = increments(ladder.rungs)
    times = [increment.rung.wall_us.median for increment in steps]
    bars, dots = {"xaxis": "x", "yaxis": "y"}, {"xaxis": "x2", "yaxis": "y2"}
    data: list[dict[str, Any]] = []
    for wire in (None, *WIRES):
        data += _bars([increment for increment in steps if increment.rung.wire == wire], wire, bars)
    for wire in WIRES:
        data.append(
            _path([increment for increment in steps if increment.rung.wire in {None, wire}], wire, dots)
        )
    for wire in (None, *WIRES):
        data += _dots([increment for increment in steps if increment.rung.wire == wire], wire, dots)
    highest = max(_end_us(increment) for increment in steps)
    layout = {
        "barmode": "overlay",
        "hovermode": "closest",
        # Room for the labels after the longest bar and the last dot.
        "xaxis": {"anchor": "y", "range": [0, highest * 1.2], "nticks": 8, "tickformat": ",~f"},
        "xaxis2": {
            "anchor": "y2",
            "type": "log",
            "range": [math.log10(min(times) / 2), math.log10(max(times) * 12)],
            "dtick": 1,
            "tickformat": ",~f",
        },
        "yaxis": _rung_axis("x", 1.0),
        "yaxis2": _rung_axis("x2", 0.44),
        "annotations": [_title("CPU per call, µs", 1.0), _title("Time per call, µs (logarithmic)", 0.44)],
    }
    return {"data": data, "layout": layout}


def _end_us(increment: Increment) -> float:
    """Return the right end of a bar: that of its quartiles or of its hatched part."""
    return max(increment.rung.cpu_us.high, increment.rung.cpu_us.median - increment.added_cpu_us)


def _rung_axis(anchor: str, top: float) -> dict[str, Any]:
    return {
        "anchor": anchor,
        "domain": [round(top - 0.44, 6), top],
        "range": [len(TITLES) - 0.45, -0.55],
        "tickvals": list(range(len(TITLES))),
        "ticktext": list(TITLES.values()),
        "showgrid": False,
        "zeroline": False,
    }


def _title(text: str, top: float) -> dict[str, Any]:
    return {
        "text": f"<b>{text}</b>",
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 4,
    }


def _bars(steps: Sequence[Increment], wire: Wire | None, axes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the pale parts, the additional costs and the labels of one wire's bars."""
    totals = [increment.rung.cpu_us.median for increment in steps]
    adds = [increment.added_cpu_us for increment in steps]
    pairs = [(total, total - add) for total, add in zip(totals, adds, strict=True)]
    bar = {
        **axes,
        "type": "bar",
        "orientation": "h",
        "y": _heights(steps, wire),
        "width": 0.36,
        "hoverinfo": "skip",
        "showlegend": False,
        "meta": {"colour": COLOURS[wire]},
    }
    hatched = {"shape": ["/" if add < 0 else "" for add in adds], "fillmode": "replace", "size": 6}
    return [
        {**bar, "x": [min(pair) for pair in pairs], "opacity": 0.28},
        {
            **bar,
            "x": [abs(add) for add in adds],
            "base": [min(pair) for pair in pairs],
            "marker": {"pattern": hatched},
        },
        _labels(
            [_end_us(increment) for increment in steps], steps, wire, axes, zip(totals, adds, strict=True)
        ),
        _quartile_lines(steps, wire, axes, [increment.rung.cpu_us for increment in steps], "--text"),
    ]


def _path(steps: Sequence[Increment], wire: Wire, axes: Mapping[str, str]) -> dict[str, Any]:
    """Return the line from rung to rung on one wire."""
    return {
        **axes,
        "type": "scatter",
        "mode": "lines",
        "x": [increment.rung.wall_us.median for increment in steps],
        "y": [height for increment in steps for height in _heights([increment], increment.rung.wire)],
        "line": {"width": 1, "dash": "dot"},
        "opacity": 0.6,
        "hoverinfo": "skip",
        "showlegend": False,
        "meta": {"colour": COLOURS[wire]},
    }


def _dots(steps: Sequence[Increment], wire: Wire | None, axes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the dots of one wire with their quartiles and labels."""
    spreads = [increment.rung.wall_us for increment in steps]
    pairs = [(increment.rung.wall_us.median, increment.added_wall_us) for increment in steps]
    dots = _quartile_lines(steps, wire, axes, spreads, COLOURS[wire])
    return [
        # The legend has only dots, for both panels: a bar's symbol would be that of its first rung, hatched.
        {**dots, "marker": {"size": 10}, "name": _name(wire), "showlegend": True},
        _labels([spread.high for spread in spreads], steps, wire, axes, pairs),
    ]


def _labels(
    ends: Sequence[float],
    steps: Sequence[Increment],
    wire: Wire | None,
    axes: Mapping[str, str],
    pairs: Iterable[tuple[float, float]],
) -> dict[str, Any]:
    return {
        **axes,
        "type": "scatter",
        "mode": "text",
        "x": list(ends),
        "y": _heights(steps, wire),
        "text": [f"   <b>{number(total)}</b>  ({added(add)})" for total, add in pairs],
        "textposition": "middle right",
        "hoverinfo": "skip",
        "showlegend": False,
        "cliponaxis": False,
    }


def _quartile_lines(
    steps: Sequence[Increment],
    wire: Wire | None,
    axes: Mapping[str, str],
    spreads: Sequence[Spread],
    colour: str,
) -> dict[str, Any]:
    return {
        **axes,
        "type": "scatter",
        "mode": "markers",
        "x": [spread.median for spread in spreads],
        "y": _heights(steps, wire),
        "marker": {"size": 1},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [spread.high - spread.median for spread in spreads],
            "arrayminus": [spread.median - spread.low for spread in spreads],
            "thickness": 1,
            "width": 3,
        },
        "customdata": [
            [TITLES[increment.rung.key], number(spread.low), number(spread.high)]
            for increment, spread in zip(steps, spreads, strict=True)
        ],
        "hovertemplate": f"%{{customdata[0]}}, {_name(wire)}: %{{x:,.4~g}} µs, quartiles "
        "%{customdata[1]} to %{customdata[2]} µs<extra></extra>",
        "showlegend": False,
        "meta": {"colour": colour},
    }


def _heights(steps: Sequence[Increment], wire: Wire | None) -> list[float]:
    """Return the vertical positions of one wire's bars: side by side if the wires differ."""
    shift = {None: 0.0, "session": -0.2, "stateless": 0.2}[wire]
    return [list(TITLES).index(increment.rung.key) + shift for increment in steps]


def _name(wire: Wire | None) -> str:
    return "either wire" if wire is None else f"{wire} wire"


def html(ladder: Ladder) -> str:
    """Return the HTML page, which loads nothing and allows only the two scripts whose hashes it lists."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    script = (HERE / "ladder.js").read_text(encoding="utf-8")
    style = files("perf_core.report").joinpath("template", "page.css").read_text(encoding="utf-8")
    library = get_plotlyjs()
    return environment.get_template("ladder.html.jinja").render(
        headings=HEADINGS,
        rows=rows(ladder),
        meanings=[(TITLES[key], meaning) for key, meaning in MEANINGS.items()],
        notes=_notes(ladder),
        summary=headline(ladder),
        figure=figure(ladder),
        # These are our own files and the only strings that are not escaped.
        style=Markup(style),  # noqa: S704 - packaged with perf-core
        script=Markup(script),  # noqa: S704 - beside this module
        script_hashes=[_hash(script), _hash(library)],
        plotly=base64.b64encode(gzip.compress(library.encode(), compresslevel=9, mtime=0)).decode("ascii"),
    )


def headline(ladder: Ladder) -> str:
    """Return a sentence that compares the calculation with a call under load."""
    cpu_us = {(rung.key, rung.wire): rung.cpu_us.median for rung in ladder.rungs}
    bare = cpu_us["function", None]
    loaded = [f"{number(cpu_us['load', wire])} µs on the {wire} wire" for wire in WIRES]
    return (
        f"Adding two numbers takes {number(bare)} µs of CPU; served to ten users, a call takes the server "
        f"{' and '.join(loaded)}."
    )


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
