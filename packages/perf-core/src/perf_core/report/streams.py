"""Streams in the reports: what the probe saw of messages before answers, and of held streams."""

from __future__ import annotations

from perf_core.report.summary import Tone
from perf_core.report.table import Table, table_of
from perf_core.report.wording import DASH, count, duration, figure_value, plain, significant
from perf_core.results.record import HeldStreams, Latency, RunRecord, SlowReader, Streams, ToolStream


def stream_table(record: RunRecord) -> Table | None:
    """Return the times of the messages that tools send before their answers; None without such tools."""
    streams = record.streams
    if streams is None:
        return None
    headings = (
        *("tool", "calls", "messages", "progress"),
        *("first", "first p95", "gap", "longest gap", "answer", "answer p95", "failed"),
    )
    share = figure_value("share", streams.share_of_calls)
    note = (
        "Messages are notifications and requests before the answer, as means per call; first and gap are the "
        "times until and between them. Medians unless named otherwise, seen by a probe that made "
        f"{count(streams.calls)} calls of its own beside the load, {share} of k6's."
    )
    rows = [_tool_row(tool) for tool in streams.tools]
    return table_of("Streams in ms", headings, rows, note=note, minor=("first p95", "failed", "progress"))


def held_table(record: RunRecord) -> Table | None:
    """Return what became of held streams and a slow reader; None if the server has neither."""
    streams = record.streams
    if streams is None:
        return None
    rows = _held_rows(streams.held) + _slow_rows(streams.slow_reader)
    return table_of("Held streams and slow readers", ("quantity", "value"), rows, labels=2)


def stream_remarks(record: RunRecord) -> tuple[Tone, tuple[str, ...]]:
    """Return tone and sentences on streams that went wrong; no sentences if none did."""
    streams = record.streams
    if streams is None:
        return "neutral", ()
    grave = _dropped(streams.held) + _held_up(streams.slow_reader)
    further = _server_requests(streams) + ([plain(streams.problem)] if streams.problem else [])
    return "bad" if grave else "unsure", (*grave, *further)


def _tool_row(tool: ToolStream) -> tuple[str, ...]:
    return (
        plain(tool.tool) + (" (before the load)" if tool.is_idle else ""),
        count(tool.calls),
        significant(tool.messages_per_call),
        significant(tool.progress_per_call),
        *_cells(tool.first_ms, "med", "p95"),
        *_cells(tool.gap_ms, "med", "max"),
        *_cells(tool.answer_ms, "med", "p95"),
        count(tool.failed),
    )


def _cells(latency: Latency, *statistics: str) -> tuple[str, ...]:
    return tuple(significant(getattr(latency, name)) if latency.count else DASH for name in statistics)


def _held_rows(held: HeldStreams | None) -> list[tuple[str, str]]:
    if held is None or held.refused == held.opened:
        return []
    ends = {
        "open until the end": held.kept,
        "ended by the server": held.closed,
        "dropped": held.dropped,
        "without an answer": held.unanswered,
        "refused": held.refused,
    }
    outcomes = ", ".join(f"{count(number)} {end}" for end, number in ends.items() if number)
    messages = f"{count(held.messages)} message{'' if held.messages == 1 else 's'}"
    shortest = "" if held.shortest_s is None else f", one ended after {duration(held.shortest_s)}"
    held_for = f"at most {duration(held.longest_s)} each{shortest}; {messages}"
    return [("GET streams", f"{count(held.opened)} opened: {outcomes}; {held_for}")]


def _slow_rows(slow: SlowReader | None) -> list[tuple[str, str]]:
    if slow is None:
        return []
    whole = "whole" if slow.is_whole else "not to its end"
    before, meanwhile = (_ms(each) for each in (slow.before_ms, slow.meanwhile_ms))
    return [
        (
            "slow reader",
            f"an answer of {plain(slow.tool)}, {count(slow.size_bytes)} bytes in {duration(slow.read_s)}, "
            f"{whole}",
        ),
        ("another call", f"{before} before, {meanwhile} meanwhile"),
    ]


def _ms(number: float | None) -> str:
    return "no answer" if number is None else f"{significant(number)} ms"


def _dropped(held: HeldStreams | None) -> list[str]:
    if held is None or not held.dropped:
        return []
    first = "" if held.shortest_s is None else f", the first after {duration(held.shortest_s)}"
    return [f"{count(held.dropped)} of {count(held.opened)} held GET streams were dropped{first}"]


def _held_up(slow: SlowReader | None) -> list[str]:
    if slow is None or not slow.held_up:
        return []
    return [
        f"a client that read an answer of {plain(slow.tool)} slowly, in {duration(slow.read_s)}, held up "
        f"another call: {_ms(slow.meanwhile_ms)} instead of {_ms(slow.before_ms)}"
    ]


def _server_requests(streams: Streams) -> list[str]:
    if not streams.server_methods:
        return []
    number = sum(streams.server_methods.values())
    methods = ", ".join(plain(method) for method in sorted(streams.server_methods))
    times = "once" if number == 1 else f"{count(number)} times"
    return [
        f"during calls the server asked its client for something ({methods}), {times}: a person or a model "
        "would answer, k6 cannot"
    ]
