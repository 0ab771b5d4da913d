"""What a server holds after its work is done that it did not hold before."""

from __future__ import annotations

from perf_core.analysis.evidence import Evidence, Found
from perf_core.analysis.figures import Figure
from perf_core.results.record import Finding
from perf_core.sampling.snapshot import COUNTED, Stocks, held_before_and_after

_UNSHOWN = "only a server that the lab starts shows them"


def find_leftovers(evidence: Evidence) -> Found:
    """Return what grew between the stock before the load and the one after it."""
    stocks = evidence.stocks
    names = ("cleanup.rss_growth_mb", "cleanup.held", *(f"cleanup.{what}" for what in COUNTED))
    if stocks is None:
        unseen = Figure(None, 0, 0.0, absent="the server's process cannot be seen from here")
        return Found((), dict.fromkeys(names, unseen))
    growth = stocks.after.rss_mb - stocks.before.rss_mb
    figures = {"cleanup.rss_growth_mb": Figure(growth, 1, 0.0, timed=False), "cleanup.held": _held(stocks)}
    for what in COUNTED:
        before, after = getattr(stocks.before, what), getattr(stocks.after, what)
        if before is None or after is None:
            figures[f"cleanup.{what}"] = Figure(None, 0, 0.0, absent=_UNSHOWN)
        else:
            figures[f"cleanup.{what}"] = Figure(after - before, 1, 0.0, timed=False)
    return Found((_finding(stocks),), figures)


def _held(stocks: Stocks) -> Figure:
    """Return by how much what the server counts itself has grown, all counts together."""
    known = held_before_and_after(stocks)
    if not known:
        return Figure(None, 0, 0.0, absent="the server does not tell what it holds")
    growth = sum(max(0.0, after - before) for before, after in known.values())
    return Figure(growth, len(known), 0.0, timed=False)


def _finding(stocks: Stocks) -> Finding:
    counts: dict[str, tuple[float, float]] = {
        "MB of memory": (stocks.before.rss_mb, stocks.after.rss_mb),
        **{
            what.replace("_", " ").replace("fds", "open files"): (getattr(stocks.before, what), after)
            for what in COUNTED
            if (after := getattr(stocks.after, what)) is not None and getattr(stocks.before, what) is not None
        },
        **held_before_and_after(stocks),
    }
    told = ", ".join(f"{what} {_number(a)} and {_number(b)}" for what, (a, b) in counts.items())
    return Finding(
        "Before and after",
        f"At rest before the load and after it: {told}.",
        {f"{what} left": after - before for what, (before, after) in counts.items()},
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
