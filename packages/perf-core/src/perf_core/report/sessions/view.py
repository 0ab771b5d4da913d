"""The report of what sessions cost, apart from its format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from perf_core.report.notices import Notice
from perf_core.report.sessions.drawing import growth_drawing
from perf_core.report.sessions.words import (
    LADDER_WORDS,
    SOURCES,
    cap_sentence,
    ending_sentences,
    estimate,
    gauge_sentence,
    in_a_sentence,
    interval,
    memory,
    what,
)
from perf_core.report.table import Table, table_of
from perf_core.report.view.model import Drawing, Tile, View
from perf_core.report.wording import DASH, count, duration, plain
from perf_core.results.session_costs import Answer, Cost, CostName, Ladder, LadderEnd, SessionCosts

_OK = 200

_HEADLINES: tuple[CostName, ...] = ("abandoned", "child", "request", "streams")

_ENDS: dict[LadderEnd, str] = {
    "precise": "precise enough",
    "sessions": "most that were allowed",
    "time": "time limit",
    "memory": "limit on memory",
    "refused": "refused",
    "gone": "earlier ones were gone",
    "unanswered": "no answers",
    "interrupted": "interrupted",
    "ended": "the server ended",
}


def sessions_view(costs: SessionCosts) -> View:
    """Return the report."""
    is_known = any(costs.cost(name) is not None for name in _HEADLINES)
    return View(
        word="INTERRUPTED" if costs.interrupted else "SESSIONS" if is_known else "CANNOT TELL",
        tone="unsure" if costs.interrupted or not is_known else "neutral",
        subject=f"sessions of {costs.target}, {_where(costs)}",
        summary=_summary(costs),
        reasons=tuple(_reasons(costs)),
        notices=tuple(_notices(costs)),
        tiles=tuple(_tiles(costs)),
        parts=tuple(_parts(costs)),
        when=_when(costs),
        manifest=costs.manifest,
    )


def _where(costs: SessionCosts) -> str:
    if costs.transport == "stdio":
        return "on stdio"
    return f"{costs.wire} wire"


def _summary(costs: SessionCosts) -> str:
    parts = [
        f"{words} {in_a_sentence(cost)}"
        for name, words in (
            ("abandoned", "a session left without DELETE keeps"),
            ("dropped", "one whose client held a stream and vanished"),
            ("streams", "an open one with a held stream"),
            ("child", "each client takes a process of"),
            ("request", "a stateless request leaves"),
        )
        if (cost := costs.cost(name)) is not None  # type: ignore[arg-type] # names of costs
    ]
    if not parts:
        if costs.memory_source:
            return "There were too few sessions for a figure."
        return "The server's memory is not visible from here: only what it answers is known."
    text = "; ".join(parts)
    if not costs.has_sessions:
        text = text.replace("a session left without DELETE keeps", "a handshake without session leaves")
    return f"{text[0].upper()}{text[1:]}."


def _reasons(costs: SessionCosts) -> Iterator[str]:
    if not costs.has_sessions:
        yield "The server has no sessions: initialize gave no Mcp-Session-Id."
    if costs.cap is not None:
        yield f"{cap_sentence(costs.cap)}."
    # Servers are visited twice, and deleted sessions answer alike.
    for text in dict.fromkeys(text for ending in costs.endings for text in ending_sentences(ending)):
        yield f"{text}."
    if costs.holds_streams is False:
        yield "The server holds no GET streams."
    if (ladder := costs.ladder("abandoned") or costs.ladder("streams")) is not None:
        yield from _counted_from_outside(ladder)
    for gauge in costs.gauges:
        # Files and threads were counted from outside, if the processes are visible.
        is_counted = gauge.name.startswith("process_") and costs.memory_source != "metrics"
        if not is_counted and (text := gauge_sentence(gauge)):
            yield f"{text}."
    yield from costs.remarks


def _counted_from_outside(ladder: Ladder) -> Iterator[str]:
    """Yield how open files and threads grew with the sessions, and the time to open one."""
    first, last = ladder.steps[0], ladder.steps[-1]
    if (
        first.fds is not None
        and last.fds is not None
        and first.threads is not None
        and last.threads is not None
    ):
        yield (
            f"With {count(ladder.units)} sessions, open files went from {first.fds} to {last.fds}, threads "
            f"from {first.threads} to {last.threads}."
        )
    times = [step.unit_ms for step in ladder.steps if step.unit_ms is not None]
    if len(times) >= 8:
        quarter = len(times) // 4
        early, late = (sorted(part)[len(part) // 2] for part in (times[:quarter], times[-quarter:]))
        yield f"Opening a session took {early:.3g} ms at the beginning and {late:.3g} ms at the end."


def _notices(costs: SessionCosts) -> Iterator[Notice]:
    if costs.health.problems:
        yield Notice("Health", "unsure", costs.health.problems)
    if costs.left_open:
        yield Notice(
            "Sessions", "unsure", (f"{count(costs.left_open)} sessions of the lab may still be open there",)
        )


def _tiles(costs: SessionCosts) -> Iterator[Tile]:
    for cost in costs.costs[:5]:
        is_shown = cost.is_distinguishable or cost.is_upper_bound
        yield Tile(what(cost.name, costs), estimate(cost) if is_shown else interval(cost))


def _parts(costs: SessionCosts) -> Iterator[Table | Drawing]:
    rows = [_row(cost, costs) for cost in costs.costs]
    table = table_of(
        "Memory",
        ("of each", "kept", "95 % interval", "made", "requests alone"),
        rows,
        minor=("made", "requests alone"),
        note=f"Memory: {SOURCES.get(costs.memory_source, costs.memory_source)}. A session costs what is kept "
        "beyond what as many requests and connections cost alone.",
    )
    if table is not None:
        yield table
    drawing = growth_drawing(costs.ladders)
    if drawing is not None:
        yield drawing
    answers = table_of(
        "What clients see",
        ("request", "answer", "status", "times"),
        [
            (each.request, plain(each.excerpt)[:120] or DASH, str(each.status or DASH), count(each.count))
            for each in _answers_by_request(costs)
        ],
        labels=2,
    )
    if answers is not None:
        yield answers
    ladders = table_of(
        "Ladders",
        ("of", "units", "steps", "time", "ended because"),
        [
            (
                LADDER_WORDS[ladder.name],
                count(ladder.units),
                str(len(ladder.steps)),
                duration(round(ladder.took_s, 1)),
                _ENDS[ladder.end],
            )
            for ladder in costs.ladders
        ],
    )
    if ladders is not None:
        yield ladders


def _row(cost: Cost, costs: SessionCosts) -> tuple[str, ...]:
    return (
        what(cost.name, costs),
        estimate(cost),
        interval(cost) or DASH,
        count(cost.units),
        memory(cost.requests_kb) if cost.requests_kb else DASH,
    )


def _answers_by_request(costs: SessionCosts) -> list[Answer]:
    """Return the answers with the same request and status together."""
    together: dict[tuple[str, int], Answer] = {}
    for each in _answers(costs):
        earlier = together.get((each.request, each.status))
        count_before = earlier.count if earlier is not None else 0
        together[each.request, each.status] = replace(earlier or each, count=count_before + each.count)
    return list(together.values())


def _answers(costs: SessionCosts) -> Iterator[Answer]:
    for ladder in costs.ladders:
        if ladder.name != "control":
            yield from (each for each in ladder.answers if each.status != _OK)
    for ending in costs.endings:
        yield from ending.answers
    if costs.cap is not None and costs.cap.answer is not None and costs.cap.kind != "refuses":
        yield costs.cap.answer


def _when(costs: SessionCosts) -> str:
    started = datetime.fromisoformat(costs.started_at)
    machine = costs.manifest.get("machine")
    cpu = machine.get("cpu") if isinstance(machine, dict) else None
    return (
        f"{started:%Y-%m-%d %H:%M} UTC, {duration(round(costs.duration_s))}, on {cpu or 'an unknown machine'}"
    )
