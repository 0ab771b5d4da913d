"""The bridge in front of a server on stdio: its rows, and remarks on what it saw of the server."""

from __future__ import annotations

from collections.abc import Mapping

from perf_core.report.table import Table, table_of
from perf_core.report.wording import MICRO, count, duration, plain, significant
from perf_core.results.record import BridgeUse, RunRecord


def bridge_table(record: RunRecord) -> Table | None:
    """Return what the bridge cost and what passed through it."""
    bridge = record.bridge
    rows = _rows(bridge) if bridge is not None else []
    note = "The figures of the server are those of its own processes, without the bridge."
    return table_of("Bridge to the server", ("quantity", "value"), rows, labels=2, note=note)


def latency_note(bridge: BridgeUse | None) -> str:
    """Return the share of the bridge in every latency, or an empty text."""
    if bridge is None:
        return ""
    if not bridge.echo_calls:
        return "Latencies include the bridge, whose own time was not measured."
    return f"Latencies include the bridge: p50 {_us(_added_us(bridge))}."


def remarks(bridge: BridgeUse | None) -> tuple[str, ...]:
    """Return what readers must know of a server on stdio before its figures."""
    if bridge is None:
        return ()
    texts = []
    if bridge.ended:
        noun = "process" if bridge.ended == 1 else "processes"
        first = f"; the first {plain(bridge.first_end)}" if bridge.first_end else ""
        texts.append(f"{count(bridge.ended)} {noun} of the server ended without being asked to{first}")
    if bridge.skipped_lines:
        noun = "line" if bridge.skipped_lines == 1 else "lines"
        texts.append(
            f"skipped {count(bridge.skipped_lines)} {noun} on standard output that are no messages, "
            f"the first is {plain(bridge.first_skipped_line)!r}"
        )
    if bridge.repeated_answers:
        noun = "answer" if bridge.repeated_answers == 1 else "answers"
        texts.append(f"{count(bridge.repeated_answers)} further {noun} to requests that had one")
    if bridge.overlong_lines:
        texts.append(f"{count(bridge.overlong_lines)} answers were longer than 64 MiB and not passed on")
    return tuple(texts)


def _rows(bridge: BridgeUse) -> list[tuple[str, str]]:
    rows = []
    if bridge.echo_calls:
        rows.append(
            (
                "time per call",
                f"p50 {_us(_added_us(bridge))}: a process that answers at once takes "
                f"{_us(bridge.echo_p50_us)} through the bridge, {_us(bridge.direct_p50_us)} without it "
                f"({count(bridge.echo_calls)} calls before the load)",
            )
        )
    echo = f", {_us(bridge.echo_cpu_us)} in the calls before it" if bridge.echo_calls else ""
    starts = ", the start of processes included" if bridge.started else ""
    rows.append(("CPU", f"{_us(bridge.cpu_us_per_request)} per request of the load{starts}{echo}"))
    rows.append(("memory (RSS)", f"{significant(bridge.rss_peak_mb)} MB peak"))
    rows.append(("requests passed on", count(bridge.requests)))
    if bridge.prepared:
        rows.append(
            (
                "processes started before the load",
                f"{count(bridge.prepared)}, p50 {duration(bridge.start_p50_s)} until their first answer",
            )
        )
    ended = f", {count(bridge.ended)} ended by themselves" if bridge.ended else ""
    own = "; the server's CPU time includes their start" if bridge.started else ""
    meanwhile = "processes started during it" if bridge.prepared else "processes started"
    rows.append((meanwhile, f"{count(bridge.started)}{ended}{own}"))
    if bridge.late_answers:
        rows.append(("answers too late", count(bridge.late_answers)))
    rows += [
        (name, _by_method(numbers))
        for name, numbers in (
            ("notifications of the server", bridge.notifications),
            ("requests of the server, answered or declined", bridge.server_requests),
        )
        if numbers
    ]
    return rows


def _added_us(bridge: BridgeUse) -> float:
    return max(0.0, bridge.echo_p50_us - bridge.direct_p50_us)


def _by_method(numbers: Mapping[str, int]) -> str:
    ordered = sorted(numbers.items(), key=lambda item: -item[1])
    return ", ".join(f"{count(number)} {plain(method)}" for method, number in ordered)


def _us(number: float) -> str:
    return f"{significant(number)} {MICRO}s"
