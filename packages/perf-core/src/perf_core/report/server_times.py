"""The parts of a call's time in the client, between and in the server, if a server tells its own time."""

from __future__ import annotations

from perf_core.report.table import Table, table_of
from perf_core.report.wording import count, plain, significant
from perf_core.results.record import RunRecord, ServerTimes


def server_times_table(record: RunRecord) -> Table | None:
    """Return the mean parts of the calls of each tool; None for a server that does not tell its times."""
    names = list(dict.fromkeys(name for each in record.server_times for name in each.parts_ms))
    headings = ("tool", "calls", "whole", "client", "between", "server", "server p95")
    note = (
        "Means of calls that the probe made beside the load, so that client, between and server sum up to "
        "the whole. The server's time is what it states in Server-Timing; between is the network and what "
        "its clock does not see, such as waiting until it reads the request; the client is the probe, not k6."
    )
    if names:
        note += f" The server names {', '.join(map(plain, names))} as parts of its time."
    rows = [_row(each, names) for each in record.server_times]
    return table_of(
        "Where the time of a call went, in ms",
        (*headings, *(f"server: {plain(name)}" for name in names)),
        rows,
        note=note,
        minor=("server p95",),
    )


def _row(times: ServerTimes, names: list[str]) -> tuple[str, ...]:
    parts = [times.parts_ms.get(name) for name in names]
    return (
        plain(times.tool) + (" (before the load)" if times.is_idle else ""),
        count(times.calls),
        significant(times.total_ms.avg),
        significant(times.client_ms.avg),
        significant(times.between_ms.avg),
        significant(times.server_ms.avg),
        significant(times.server_ms.p95),
        *("" if part is None else significant(part.avg) for part in parts),
    )
