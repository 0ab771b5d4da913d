"""A comparison in the terminal and as Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from perf_core.comparison.model import KINDS, Comparison, Contender, MetricComparison
from perf_core.report.summary import Tone
from perf_core.report.wording import plain

HEADINGS = ("metric", "a", "b", "b to a", "interval", "verdict")

TONES: dict[str, Tone] = {
    "worse": "bad",
    "better": "good",
    "same": "good",
    "inconclusive": "unsure",
    "invalid": "unsure",
    "interrupted": "unsure",
}

_STYLE: dict[Tone, str] = {"good": "green", "bad": "red", "unsure": "yellow", "neutral": "dim"}
_MARK: dict[Tone, str] = {"good": "✅", "bad": "❌", "unsure": "⚠️", "neutral": "⚪"}


@dataclass(frozen=True)
class Row:
    """One metric as every report shows it; ``cells`` follow :data:`HEADINGS`."""

    cells: tuple[str, ...]
    tone: Tone


def rows(comparison: Comparison) -> tuple[Row, ...]:
    """Return the metrics, those that decide first."""
    ordered = sorted(comparison.metrics, key=lambda metric: not metric.judged)
    return tuple(_row(metric) for metric in ordered)


def label(metric: MetricComparison) -> str:
    """Return what a metric is called, with its unit."""
    words = KINDS[metric.name].words if metric.name in KINDS else metric.name
    return f"{words}{metric.unit}" if metric.unit.startswith("/") else f"{words}, {metric.unit}"


def _row(metric: MetricComparison) -> Row:
    verdict = metric.verdict if metric.judged else "not judged"
    cells = (
        label(metric),
        _figure(metric.a),
        _figure(metric.b),
        change(metric.ratio),
        interval(metric.low, metric.high),
        verdict,
    )
    return Row(cells, TONES.get(verdict, "neutral"))


def change(ratio: float) -> str:
    """Return a ratio as people say it, such as ``+6.1 %``; beyond a doubling as a factor."""
    if _is_factor(ratio):
        return f"{_factor(ratio)} times"
    return f"{_percent(ratio)} %"


def interval(low: float, high: float) -> str:
    """Return an interval of a ratio, such as ``+4.0 to +8.1 %``."""
    if _is_factor(low) or _is_factor(high):
        return f"{_factor(low)} to {_factor(high)} times"
    return f"{_percent(low)} to {_percent(high)} %"


def _is_factor(ratio: float) -> bool:
    return ratio >= 2 or ratio <= 0.5


def _factor(ratio: float) -> str:
    # Very few launches give intervals without bounds, in effect.
    if not 0.001 <= ratio <= 1000:
        return "under 0.001" if ratio < 1 else "over 1,000"
    return f"{ratio:.2g}" if ratio < 100 else f"{ratio:,.0f}"


def _percent(ratio: float) -> str:
    # Adding zero turns a negative zero into a plain one.
    return f"{round((ratio - 1) * 100, 1) + 0.0:+.1f}"


def bars(comparison: Comparison) -> str:
    """Return which differences matter, in one line."""
    chosen = comparison.design.bars
    return f"What matters: CPU per call beyond {chosen.cpu:.0%}, all else beyond {chosen.other:.0%}".replace(
        "%", " %"
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def title(comparison: Comparison) -> str:
    """Return who was compared, the wires where they differ."""
    a, b = plain(comparison.a.name), plain(comparison.b.name)
    wires = comparison.design.wires
    if wires["a"] != wires["b"]:
        a, b = f"{a} ({wires['a']} wire)", f"{b} ({wires['b']} wire)"
    return f"{b} beside {a}"


def made(comparison: Comparison) -> str:
    """Return how the comparison was made, in one line."""
    design = comparison.design
    wire = design.wires["a"] if design.wires["a"] == design.wires["b"] else "either"
    return (
        f"{comparison.pairs} pairs of {design.slice_s:g} s in turns of {design.turn_s * 1000:.0f} ms "
        f"over {len(comparison.launches)} launches, "
        f"{design.vus} users, {wire} wire, {'pinned' if design.pinned else 'not pinned'}, "
        f"calls of {design.scenario}, seed {design.seed}; "
        f"{comparison.duration_s:.0f} s on {comparison.manifest['machine']['cpu']}"
    )


def legend(comparison: Comparison) -> tuple[str, str]:
    """Return who a and b were."""
    return _who("a", comparison.a), _who("b", comparison.b)


def _who(side: str, one: Contender) -> str:
    what = " ".join(filter(None, (one.server_name, one.server_version)))
    origin = f", commit {one.commit[:12]}{'+changes' * one.commit.endswith('+changes')}" if one.commit else ""
    return plain(f"{side}: {one.name} ({what}{origin})")


def terminal(comparison: Comparison, console: Console) -> None:
    """Print the report."""
    style = _STYLE[TONES[comparison.verdict]]
    line = Text(f" {comparison.verdict.upper()} ", style=f"bold reverse {style}")
    line.append(f" {title(comparison)}", style="bold")
    console.print(line)
    for reason in comparison.reasons:
        console.print(Text(f"- {plain(reason)}"))
    found = rows(comparison)
    if found:
        padding = (0, 1 if console.width < 100 else 3, 0, 0)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=padding)
        for index, heading in enumerate(HEADINGS):
            is_number = 0 < index < len(HEADINGS) - 1
            table.add_column(heading, justify="right" if is_number else "left", no_wrap=True)
        for row in found:
            table.add_row(*row.cells[:-1], Text(row.cells[-1], style=_STYLE[row.tone]))
        console.print()
        console.print(table)
        console.print()
    for said in (*legend(comparison), bars(comparison), made(comparison)):
        console.print(Text(said, style="dim"))


def markdown(comparison: Comparison) -> str:
    """Return the report as Markdown that starts with a heading of level two."""
    mark = _MARK[TONES[comparison.verdict]]
    blocks = [f"## {mark} {comparison.verdict}: {_escape(title(comparison))}"]
    if comparison.reasons:
        blocks.append("\n".join(f"- {_escape(reason)}" for reason in comparison.reasons))
    found = rows(comparison)
    if found:
        lines = [HEADINGS, [":--", *["--:"] * (len(HEADINGS) - 2), ":--"]]
        lines += [(*map(_escape, row.cells[:-1]), f"{_MARK[row.tone]} {row.cells[-1]}") for row in found]
        blocks.append("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
    blocks += [_escape("; ".join((*legend(comparison), bars(comparison)))), _escape(made(comparison))]
    return "\n\n".join(blocks) + "\n"


def _escape(text: str) -> str:
    marked = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in r"\`*_[]|#~!$" else char for char in marked)
