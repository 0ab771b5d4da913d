"""A comparison of more than two servers: figures, order, and every judged pair with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perf_core.comparison.model import (
    ERROR_RATE,
    KINDS,
    SEVERITY,
    Comparison,
    MetricComparison,
    Pairing,
    Ranking,
)
from perf_core.comparison.own_figures import calls_in_flight
from perf_core.comparison.schedule import BASELINE, Side
from perf_core.report.comparison import text
from perf_core.report.comparison.tokens import token_table
from perf_core.report.table import Table, table_of
from perf_core.report.view.model import View
from perf_core.report.wording import DASH, plain, significant

_OVERVIEW = {
    "tool_calls_per_s": "calls/s",
    "latency_ms.med": "med, ms",
    "latency_ms.p99": "p99, ms",
    "cpu_us_per_call": "CPU, µs",
    "rss_mb": "MB",
}
"""Metrics of the first table with their headings."""

_FEW_RIVALS = 3
"""Largest number of rivals for which a terminal shows every metric of each."""

_OVERVIEW_NOTE = (
    "Geometric means over launches. In flight: calls per second times mean latency; Little's law allows at "
    "most the number of users, and the rest is the time of the generator itself."
)
_PAIRS_NOTE = (
    f"Change: from {BASELINE}, by pairs of neighbouring slices or by launches. The intervals of all judged "
    "metrics of all servers hold together with 95 % confidence (Student's t over launches, Holm's "
    "correction)."
)
_ORDER_NOTE = (
    "The best first. Servers are in different groups if every server of one is certainly better than every "
    "server of the next, and by more than the bar as measured; the order of one metric holds with 95 % "
    "confidence (Holm's correction over all pairs of servers)."
)


def view(comparison: Comparison, *, brief: bool = False) -> View:
    """Return the report without drawings.

    Args:
        brief: Whether to leave out the table of all pairs if it would be long.
    """
    is_long = len(comparison.pairings) > _FEW_RIVALS
    parts = (
        _overview(comparison),
        None if brief and is_long else _pairs(comparison),
        _order(comparison),
        token_table(comparison),
        _servers(comparison),
    )
    return View(
        word=comparison.verdict.upper(),
        tone=text.TONES[comparison.verdict],
        subject=text.title(comparison),
        summary=summary(comparison),
        reasons=tuple(map(plain, comparison.reasons)),
        parts=tuple(part for part in parts if part is not None),
        when=f"{text.threshold_line(comparison)}. {text.method_line(comparison)}",
        manifest=comparison.manifest,
    )


def summary(comparison: Comparison) -> str:
    """Return the verdicts in one sentence.

    Example::

        "Beside calculator, worse: reference-fastmcp; better: reference-asgi, reference-typescript"
    """
    by_verdict = [
        (verdict, [name(comparison, each.side) for each in comparison.pairings if each.verdict == verdict])
        for verdict in SEVERITY
    ]
    listed = "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in by_verdict if names)
    return plain(f"Beside {name(comparison, BASELINE)}, {listed}")


def name(comparison: Comparison, side: Side) -> str:
    """Return the name of a server, with its wire if not all have the same."""
    server = comparison.servers.get(side)
    shown = server.name if server is not None else side
    return f"{shown} ({comparison.design.wires.get(side)})" if _has_wires(comparison) else shown


def label(comparison: Comparison, side: Side) -> str:
    """Return the side and the name of a server."""
    server = comparison.servers.get(side)
    return plain(f"{side} {server.name}" if server is not None else side)


def _has_wires(comparison: Comparison) -> bool:
    return len(set(comparison.design.wires.values())) > 1


def judged_by_metric(comparison: Comparison) -> Iterator[tuple[str, list[tuple[Pairing, MetricComparison]]]]:
    """Yield each metric that any server has, judged ones first, with the servers' comparisons."""
    names = list(dict.fromkeys(metric.name for each in comparison.pairings for metric in each.metrics))
    unjudged = {metric.name for each in comparison.pairings for metric in each.metrics if not metric.judged}
    for metric_name in sorted(names, key=lambda each: each in unjudged):
        yield (
            metric_name,
            [(each, m) for each in comparison.pairings for m in each.metrics if m.name == metric_name],
        )


def _overview(comparison: Comparison) -> Table | None:
    in_flight = calls_in_flight(comparison.own_figures)
    verdicts = {each.side: each.verdict for each in comparison.pairings}
    design = comparison.design
    rows = []
    for side in comparison.servers:
        wire = (str(design.wires.get(side, DASH)),) if _has_wires(comparison) else ()
        figures = [_figure(comparison, side, metric) for metric in _OVERVIEW]
        flight = f"{significant(in_flight[side])} of {design.vus}" if side in in_flight else DASH
        verdict = verdicts.get(side, DASH)
        rows.append((label(comparison, side), *wire, *figures, _errors(comparison, side), flight, verdict))
    labels = ("server", "wire") if _has_wires(comparison) else ("server",)
    return table_of(
        "Servers side by side",
        (*labels, *_OVERVIEW.values(), "failed, %", "in flight", "verdict"),
        rows,
        labels=len(labels),
        note=_OVERVIEW_NOTE,
        minor=("in flight", "wire", "failed, %"),
    )


def _figure(comparison: Comparison, side: Side, metric: str) -> str:
    own = next((f for f in comparison.own_figures if (f.side, f.metric) == (side, metric)), None)
    return DASH if own is None else text.figure(own.value)


def _errors(comparison: Comparison, side: Side) -> str:
    for pairing in comparison.pairings:
        for metric in pairing.metrics:
            if metric.name == ERROR_RATE and side in (BASELINE, pairing.side):
                return text.figure(100 * (metric.a if side == BASELINE else metric.b))
    return DASH


def _pairs(comparison: Comparison) -> Table | None:
    rows = []
    for _, compared in judged_by_metric(comparison):
        words = text.label(compared[0][1])
        for pairing, metric in compared:
            _, _, figure, change, interval, verdict = text.row(metric).cells
            rows.append((words, pairing.side, figure, change, interval, verdict))
            words = ""
    headings = ("metric", "server", "figure", f"change from {BASELINE}", "interval", "verdict")
    return table_of(
        f"Against {label(comparison, BASELINE)}",
        headings,
        rows,
        labels=2,
        note=_PAIRS_NOTE,
        minor=("figure",),
    )


def _order(comparison: Comparison) -> Table | None:
    rows = [
        (KINDS[each.metric].words if each.metric in KINDS else each.metric, _groups(each))
        for each in comparison.rankings
    ]
    return table_of("Order", ("metric", "groups"), rows, labels=2, note=_ORDER_NOTE)


def _groups(ranking: Ranking) -> str:
    """Return the groups in words, such as ``b, then a and c``."""
    groups: dict[int, list[Side]] = {}
    for rank in ranking.ranks:
        groups.setdefault(rank.group, []).append(rank.side)
    return ", then ".join(_listed(sides) for _, sides in sorted(groups.items()))


def _listed(sides: Sequence[Side]) -> str:
    return " and ".join(filter(None, (", ".join(sides[:-1]), sides[-1])))


def _servers(comparison: Comparison) -> Table | None:
    wires = comparison.design.wires
    rows = [
        (plain(f"{side} {server.name}"), str(wires.get(side, DASH)), text.identity(server))
        for side, server in comparison.servers.items()
    ]
    return table_of("Servers", ("server", "wire", "version"), rows, labels=3)
