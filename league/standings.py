"""The tables of docs/league.md from comparisons; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entrants import Division, Entrant

from perf_core.analysis.health import OTHERS_LIMIT
from perf_core.comparison.model import ERROR_RATE, Comparison, OwnFigure, Rank
from perf_core.comparison.own_figures import calls_in_flight
from perf_core.comparison.schedule import BASELINE, Side

BEGIN, END = "<!-- league -->", "<!-- end of league -->"

HEADINGS = (
    "Place",
    "Server",
    "Calls/s",
    "Median, ms",
    "p99, ms",
    "CPU per call, µs",
    "Memory, MB",
    "CPU per call, times the first's",
    "Failed",
    "In flight",
)


@dataclass(frozen=True)
class Circumstances:
    """Circumstances of one comparison that its file does not have.

    Attributes:
        load_before: Load average of the machine before it.
        others_cores: CPUs that others used meanwhile, on average; None if unknown.
        left_out: Servers that were not measured, with the reason.
    """

    load_before: float
    others_cores: float | None
    left_out: Mapping[str, str]


def with_table(document: str, table: str) -> str:
    """Return the document with the tables between its markers.

    Raises:
        ValueError: The document has no markers.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the markers {BEGIN} and {END} in the document, got none")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def section(division: Division, comparison: Comparison, how: Circumstances) -> str:
    """Return one comparison: table, groups, and how it was made."""
    words = {entrant.name: entrant.words for entrant in division.entrants}
    blocks = [
        f"### {division.title}",
        f"Calls: {division.calls}. The first is {words[comparison.servers[BASELINE].name]}.",
        _table(comparison, words),
        *_groups(comparison, words),
        _conditions(comparison, how),
    ]
    if how.left_out:
        left = "; ".join(f"{name}: {reason}" for name, reason in how.left_out.items())
        blocks.append(f"Not measured: {left}.")
    return "\n\n".join(blocks)


def _table(comparison: Comparison, words: Mapping[str, str]) -> str:
    rows = [f"| {' | '.join(HEADINGS)} |", "| --: | :-- |" + " --: |" * (len(HEADINGS) - 2)]
    in_flight = calls_in_flight(comparison.own_figures)
    for rank in _order(comparison):
        side = rank.side
        flight = in_flight.get(side)
        cells = (
            _place(rank),
            _words(comparison, side, words),
            _own(comparison, side, "tool_calls_per_s"),
            _own(comparison, side, "latency_ms.med"),
            _own(comparison, side, "latency_ms.p99"),
            _own(comparison, side, "cpu_us_per_call"),
            _own(comparison, side, "rss_mb"),
            _relative(comparison, side),
            _failed(comparison, side),
            "-" if flight is None else f"{flight:.2f} of {comparison.design.vus}",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _order(comparison: Comparison) -> Sequence[Rank]:
    """Return the ranks by calls per second; without an order, the servers as they were given."""
    for ranking in comparison.rankings:
        if ranking.metric == "tool_calls_per_s":
            return ranking.ranks
    count = len(comparison.servers)
    return [Rank(side, 1, count, 1) for side in comparison.servers]


def _place(rank: Rank) -> str:
    return f"{rank.best}" if rank.best == rank.worst else f"{rank.best} to {rank.worst}"


def _words(comparison: Comparison, side: Side, words: Mapping[str, str]) -> str:
    name = comparison.servers[side].name
    return words.get(name, name).replace("|", "/")


def _figure_of(comparison: Comparison, side: Side, metric: str) -> OwnFigure | None:
    return next((f for f in comparison.own_figures if (f.side, f.metric) == (side, metric)), None)


def _own(comparison: Comparison, side: Side, metric: str) -> str:
    figure = _figure_of(comparison, side, metric)
    if figure is None:
        return "-"
    return f"{_number(figure.value)} ({_number(figure.low)} to {_number(figure.high)})"


def _number(value: float) -> str:
    """Return a number with three significant digits."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:.3g}"


def _relative(comparison: Comparison, side: Side) -> str:
    """Return the ratio of CPU per call to the baseline's, with the interval of the verdict."""
    if side == BASELINE:
        return "1"
    for pairing in comparison.pairings:
        for metric in pairing.metrics:
            if (pairing.side, metric.name) == (side, "cpu_us_per_call") and metric.ratio is not None:
                return f"{metric.ratio:.3g} ({metric.low:.3g} to {metric.high:.3g})"
    return "-"


def _failed(comparison: Comparison, side: Side) -> str:
    for pairing in comparison.pairings:
        for metric in pairing.metrics:
            if metric.name == ERROR_RATE and side in (BASELINE, pairing.side):
                return f"{100 * (metric.a if side == BASELINE else metric.b):.2g} %"
    return "-"


def _groups(comparison: Comparison, words: Mapping[str, str]) -> list[str]:
    """Return a block with the groups of servers that are apart, by metric; none without an order."""
    lines = []
    names = {"tool_calls_per_s": "Calls/s", "cpu_us_per_call": "CPU per call", "rss_mb": "Memory"}
    for ranking in comparison.rankings:
        if ranking.metric in names:
            groups: dict[int, list[str]] = {}
            for rank in ranking.ranks:
                groups.setdefault(rank.group, []).append(_words(comparison, rank.side, words))
            shown = "; ".join(f"{number}. {', '.join(group)}" for number, group in groups.items())
            lines.append(f"* {names[ranking.metric]}: {shown}")
    return ["\n".join(["Groups that are certainly apart, the best first:", "", *lines])] if lines else []


def _conditions(comparison: Comparison, how: Circumstances) -> str:
    design, machine = comparison.design, _mapping(comparison.manifest.get("machine"))
    others = "unknown" if how.others_cores is None else f"{how.others_cores:.2f}"
    return (
        f"{comparison.started_at[:16].replace('T', ' ')} UTC, {comparison.duration_s / 60:.1f} minutes: "
        f"{len(comparison.launches)} launches of {design.pairs_per_launch} pairs of slices of "
        f"{design.slice_s:g} s in turns of {1000 * design.turn_s:.0f} ms, {design.vus} users, seed "
        f"{design.seed}; {'pinned' if design.pinned else 'not pinned'}; {machine.get('cpus')} CPUs "
        f"({machine.get('cpu')}), {machine.get('system')}, {comparison.manifest.get('k6')}. "
        f"Health: {_health(comparison, how)}; load average before: {how.load_before:.1f}; CPUs used by "
        f"others: {others}."
    )


def _health(comparison: Comparison, how: Circumstances) -> str:
    planned = len(comparison.launches) * comparison.design.pairs_per_launch
    pairs = f"{comparison.pairs} of {planned} pairs count for the server with the fewest"
    cpus = _mapping(comparison.manifest.get("machine")).get("cpus")
    if how.others_cores is None or not isinstance(cpus, int):
        return f"unknown; {pairs}"
    if how.others_cores > OTHERS_LIMIT * cpus:
        return f"**disturbed**: others used the machine, so that servers were faster than this; {pairs}"
    return f"sound; {pairs}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def catalogue_table(
    divisions: Sequence[Division], versions: Mapping[str, str], made_with: Mapping[str, str]
) -> str:
    """Return what each server is, what it is made with, where it comes from and how it differs."""
    headings = ("Server", "Says that it is", "Made with", "Installed from", "Differs")
    rows = [f"| {' | '.join(headings)} |", "| :-- " * len(headings) + "|"]
    entrants = {entrant.name: entrant for division in divisions for entrant in division.entrants}
    for entrant in entrants.values():
        cells = (
            entrant.words,
            versions.get(entrant.name) or "-",
            made_with.get(entrant.name) or "-",
            _origin(entrant),
            entrant.differs or "-",
        )
        rows.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(rows)


def _origin(entrant: Entrant) -> str:
    if entrant.installation is not None:
        registry = {"pypi": "PyPI", "npm": "npm"}[entrant.installation.registry]
        return f"{', '.join(entrant.installation.requirements)} ({registry})"
    return entrant.program[1] if entrant.program is not None else "this repository"
