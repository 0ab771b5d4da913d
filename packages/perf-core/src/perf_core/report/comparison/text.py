"""A comparison of two servers, in the terminal and as Markdown, and the words of all comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console

from perf_core.comparison.model import KINDS, ComparedServer, Comparison, MetricComparison
from perf_core.report.comparison.tokens import token_table
from perf_core.report.markdown import table_blocks
from perf_core.report.markup import (
    MARKS,
    STYLES,
    markdown_table,
    markdown_text,
    terminal_table,
    terminal_text,
    verdict_line,
)
from perf_core.report.summary import Tone
from perf_core.report.terminal import print_table
from perf_core.report.wording import plain

HEADINGS = ("metric", "a", "b", "change", "interval", "verdict")

_WRAPPED = frozenset({"metric", "interval"})

TONES: dict[str, Tone] = {
    "worse": "bad",
    "better": "good",
    "same": "good",
    "inconclusive": "unsure",
    "invalid": "unsure",
    "interrupted": "unsure",
}


@dataclass(frozen=True)
class Row:
    """One metric in every report; ``cells`` follow :data:`HEADINGS`."""

    cells: tuple[str, ...]
    tone: Tone


def rows(comparison: Comparison) -> tuple[Row, ...]:
    """Return the metrics, judged ones first."""
    ordered = sorted(comparison.metrics, key=lambda metric: not metric.judged)
    return tuple(row(metric) for metric in ordered)


def label(metric: MetricComparison) -> str:
    """Return the name of a metric with its unit."""
    words = KINDS[metric.name].words if metric.name in KINDS else metric.name
    if metric.unit == "share":
        return f"{words}, %"
    return f"{words}{metric.unit}" if metric.unit.startswith("/") else f"{words}, {metric.unit}"


def row(metric: MetricComparison) -> Row:
    """Return one metric of two servers."""
    verdict = metric.verdict if metric.judged else "not judged"
    if metric.ratio is None:
        numbers = (
            figure(100 * metric.a),
            figure(100 * metric.b),
            f"{_points(metric.difference or 0.0)} pp",
            f"{_points(metric.low)} to {_points(metric.high)} pp",
        )
    else:
        numbers = (
            figure(metric.a),
            figure(metric.b),
            change(metric.ratio),
            interval(metric.low, metric.high),
        )
    return Row((label(metric), *numbers, verdict), TONES.get(verdict, "neutral"))


def _points(difference: float) -> str:
    """Return a difference of shares in percentage points, such as ``+0.51``."""
    return f"{round(100 * difference, 2) + 0.0:+.2f}"


def change(ratio: float) -> str:
    """Return a ratio in words, such as ``+6.1 %``; a factor from twice or half on."""
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
    # With very few launches an interval has practically no bounds.
    if not 0.001 <= ratio <= 1000:
        return "under 0.001" if ratio < 1 else "over 1,000"
    return f"{ratio:.2g}" if ratio < 100 else f"{ratio:,.0f}"


def _percent(ratio: float) -> str:
    # Adding zero turns a negative zero into a plain one.
    return f"{round((ratio - 1) * 100, 1) + 0.0:+.1f}"


def threshold_line(comparison: Comparison) -> str:
    """Return in one line the differences that count."""
    bars = comparison.design.bars
    text = (
        f"A difference counts beyond {bars.cpu:.0%} in CPU per call, {bars.slowest:.0%} in the slowest 2%, "
        f"{bars.p99:.0%} in p99, "
        f"{bars.max:.0%} in the maximum, {bars.other:.0%} in all else, and beyond chance in failed calls"
    )
    return text.replace("%", " %")


def figure(value: float) -> str:
    """Return a figure with four digits, or whole from a thousand on."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def title(comparison: Comparison) -> str:
    """Return the names of the compared servers, with their wires if those differ; of many, their number."""
    names = [plain(server.name) for server in comparison.servers.values()]
    if len(names) != 2:
        return f"{len(names) - 1} servers compared with {names[0]}"
    a, b = names
    wires = comparison.design.wires
    if wires.get("a") != wires.get("b"):
        a, b = f"{a} ({wires.get('a')} wire)", f"{b} ({wires.get('b')} wire)"
    return f"{b} compared with {a}"


def method_line(comparison: Comparison) -> str:
    """Return in one line how the comparison was made."""
    design = comparison.design
    wires = set(design.wires.values())
    wire = wires.pop() if len(wires) == 1 else "either"
    # The manifest is what was written: a record may have been edited.
    machine = comparison.manifest.get("machine")
    cpu = machine.get("cpu") if isinstance(machine, Mapping) else None
    return (
        f"{comparison.pairs} pairs of {design.slice_s:g} s in turns of {design.turn_s * 1000:.0f} ms "
        f"over {len(comparison.launches)} launches, "
        f"{design.vus} users, {wire} wire, {'pinned' if design.pinned else 'not pinned'}, "
        f"calls of {design.scenario}, seed {design.seed}; "
        f"{comparison.duration_s:.0f} s on {cpu or 'an unknown machine'}"
    )


def legend(comparison: Comparison) -> tuple[str, ...]:
    """Return the descriptions of a and b."""
    return tuple(
        plain(f"{side}: {server.name} ({identity(server)})") for side, server in comparison.servers.items()
    )


def identity(server: ComparedServer) -> str:
    """Return what a server said that it is, and its commit."""
    version = " ".join(filter(None, (server.server_name, server.server_version)))
    changes = "+changes" if server.commit.endswith("+changes") else ""
    commit = f", commit {server.commit[:12]}{changes}" if server.commit else ""
    return plain(f"{version}{commit}")


def terminal(comparison: Comparison, console: Console) -> None:
    """Print the report."""
    console.print(
        verdict_line(comparison.verdict.upper(), title(comparison), TONES[comparison.verdict], console)
    )
    for reason in comparison.reasons:
        console.print(terminal_text(f"- {plain(reason)}", console))
    metrics = rows(comparison)
    if metrics:
        table = terminal_table(console)
        for index, heading in enumerate(HEADINGS):
            is_number = 0 < index < len(HEADINGS) - 1
            # A number broken over two lines would be misread, and one cut with an ellipsis is lost: at 80
            # columns only names and intervals, which have several words, give way.
            table.add_column(
                heading,
                justify="right" if is_number else "left",
                no_wrap=heading not in _WRAPPED,
                overflow="fold",
            )
        for row in metrics:
            *cells, verdict = row.cells
            table.add_row(
                *(terminal_text(cell, console) for cell in cells),
                terminal_text(verdict, console, STYLES[row.tone]),
            )
        console.print()
        console.print(table)
        console.print()
    tokens = token_table(comparison)
    if tokens is not None:
        print_table(tokens, console)
        console.print()
    for line in (*legend(comparison), threshold_line(comparison), method_line(comparison)):
        console.print(terminal_text(line, console, "dim"))


def markdown(comparison: Comparison) -> str:
    """Return the report as Markdown that starts with a heading of level two."""
    mark = MARKS[TONES[comparison.verdict]]
    blocks = [f"## {mark} {comparison.verdict}: {markdown_text(title(comparison))}"]
    if comparison.reasons:
        blocks.append("\n".join(f"- {markdown_text(reason)}" for reason in comparison.reasons))
    cells = [
        (*map(markdown_text, row.cells[:-1]), f"{MARKS[row.tone]} {row.cells[-1]}")
        for row in rows(comparison)
    ]
    if cells:
        blocks.append(markdown_table(HEADINGS, cells, (":--", *["--:"] * (len(HEADINGS) - 2), ":--")))
    tokens = token_table(comparison)
    if tokens is not None:
        blocks += table_blocks(tokens)
    blocks.append(markdown_text("; ".join((*legend(comparison), threshold_line(comparison)))))
    blocks.append(markdown_text(method_line(comparison)))
    return "\n\n".join(blocks) + "\n"
