"""Words and numbers for what sessions cost and what became of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from perf_core.report.wording import count, duration, plain, significant, trimmed
from perf_core.results.session_costs import (
    Answer,
    Cap,
    Cost,
    CostName,
    Ending,
    Gauge,
    LadderName,
    SessionCosts,
)

COST_WORDS: Mapping[CostName, str] = {
    "abandoned": "session left without DELETE",
    "streams": "open session with a held GET stream",
    "dropped": "session whose client held a stream and vanished",
    "deleted": "session closed by DELETE",
    "expired": "expired session",
    "refused": "refused request",
    "refused_open": "initialize refused at the cap",
    "request": "request",
    "child": "process of a client on stdio",
}

LADDER_WORDS: Mapping[LadderName, str] = {
    "abandoned": "sessions left without DELETE",
    "dropped": "sessions whose clients held a stream and vanished",
    "streams": "open sessions with a held GET stream",
    "deleted": "sessions closed by DELETE",
    "request": "requests, two each",
    "control": "requests in one session, two each",
    "refused": "refused requests, two each",
    "refused_open": "initialize refused at the cap",
}

SOURCES: Mapping[str, str] = {
    "pss": "anonymous and shared memory of the server's processes (PSS)",
    "uss": "memory of the server's processes alone (USS)",
    "rss": "resident memory of the server's processes (RSS)",
    "metrics": "resident memory as the server's own /metrics reports it",
    "": "not visible: the server runs on another machine or belongs to another user",
}

_NOT_FOUND = 404
_MB_FROM_KB = 1000
_SHOWN = 100
_WORTH_A_SHARE_KB = 5000


def memory(kb: float, digits: int = 3) -> str:
    """Return an amount of memory such as ``41.6 kB`` or ``1.02 MB``; below 5 bytes it is ``0 kB``."""
    if abs(kb) < 0.005:
        return "0 kB"
    if abs(kb) >= _MB_FROM_KB:
        return f"{significant(kb / 1000, digits)} MB"
    # Bytes are no digits of a memory that is counted in pages.
    number = significant(kb, digits) if abs(kb) >= 1 else trimmed(f"{kb:.2f}")
    return f"{number} kB"


def bound(kb: float) -> str:
    """Return an upper bound, rounded up to two digits: ``below 0.24 kB``."""
    kb = max(kb, 0.01)
    digit = 10.0 ** (math.floor(math.log10(kb)) - 1)
    return f"below {memory(math.ceil(round(kb / digit, 6)) * digit, digits=2)}"


def estimate(cost: Cost) -> str:
    """Return a cost as it is shown: an amount, a bound, or that it cannot be told from nothing."""
    if cost.is_upper_bound:
        return f"at most {memory(cost.kb)}"
    return memory(cost.kb) if cost.is_distinguishable else "not distinguishable from 0"


def interval(cost: Cost) -> str:
    """Return the interval of a cost, or its bound."""
    if cost.is_upper_bound:
        return ""
    if not cost.is_distinguishable:
        return bound(_bound_kb(cost))
    return f"{memory(cost.low_kb)} to {memory(cost.high_kb)}"


def in_a_sentence(cost: Cost) -> str:
    """Return a cost with its interval, to stand in a sentence."""
    if cost.is_upper_bound:
        return f"at most {memory(cost.kb)}"
    if not cost.is_distinguishable:
        return f"nothing that can be told from 0 ({bound(_bound_kb(cost))})"
    return f"{memory(cost.kb)} ({interval(cost)})"


def _bound_kb(cost: Cost) -> float:
    """Return the bound of a cost around zero: memory that fell without a reason may grow as much."""
    return max(abs(cost.low_kb), abs(cost.high_kb))


def what(name: CostName, costs: SessionCosts) -> str:
    """Return what a cost is of, in words."""
    if name == "abandoned" and not costs.has_sessions:
        return "handshake (the server gives no session id)"
    return COST_WORDS[name]


def cap_sentence(cap: Cap) -> str:
    """Return what is known of the server's limit on sessions."""
    number = count(cap.sessions)
    match cap.kind:
        case "none":
            age = f", the oldest for {duration(round(cap.after_s))}" if cap.after_s else ""
            return f"No cap up to {number} sessions: all were still open{age}"
        case "refuses":
            return (
                f"The server refuses further sessions after {number}; a client then gets {answer(cap.answer)}"
            )
        case "replaces":
            return (
                f"The server keeps {number} sessions of this client: the oldest gives way to a new one, and "
                f"its client then gets {answer(cap.answer)}"
            )
        case _:
            after = f" after about {duration(round(cap.after_s, 1))}" if cap.after_s else ""
            return f"Idle sessions expire{after}; their client then gets {answer(cap.answer)}"


def answer(given: Answer | None) -> str:
    """Return what a client sees, in words."""
    if given is None:
        return "no answer"
    if not given.status:
        return f"no answer: {plain(given.excerpt)}"
    retry = f" and Retry-After: {plain(given.retry_after)}" if given.retry_after else ""
    text = plain(given.excerpt)
    body = f" ({text if len(text) <= _SHOWN else text[:_SHOWN] + '…'})" if text else ""
    return f"status {given.status}{retry}{body}"


def ending_sentences(ending: Ending) -> Iterator[str]:
    """Yield what became of sessions that ended in one way."""
    number = count(ending.sessions)
    by_request: dict[str, list[Answer]] = {}
    for each in ending.answers:
        by_request.setdefault(each.request, []).append(each)
    if ending.name == "delete":
        yield from _delete_sentences(by_request)
    elif ending.name == "expiry":
        pings = by_request.get("ping in a session that should have expired", [])
        gone = sum(each.count for each in pings if each.status == _NOT_FOUND)
        total = sum(each.count for each in pings)
        waited = duration(round(ending.waited_s))
        yield f"{waited} after their last request, {gone} of {total} sessions answered 404"
    else:
        pings = by_request.get("ping in a session whose stream was dropped", [])
        alive = sum(each.count for each in pings if 200 <= each.status < 300)
        total = sum(each.count for each in pings)
        if total:
            still = f"{alive} of {total} sessions were still open"
            yield f"After their streams were closed without DELETE, {still}"
    if (share := _returned(ending)) is not None and ending.name != "disconnect":
        words = {"delete": "were deleted", "expiry": "had expired"}[ending.name]
        yield (
            f"When {number} sessions {words}, {share:.0%} of the memory that they had taken went back to the "
            "system; an allocator may keep the rest for later sessions"
        ).replace("%", " %")


def _delete_sentences(by_request: Mapping[str, list[Answer]]) -> Iterator[str]:
    refused = [each for each in by_request.get("DELETE", []) if not 200 <= each.status < 300]
    done = sum(each.count for each in by_request.get("DELETE", []) if 200 <= each.status < 300)
    for each in refused:
        if done and each.status == _NOT_FOUND:
            yield f"{count(each.count)} of the lab's sessions were gone before they could be deleted (404)"
        else:
            yield f"DELETE got {answer(each)}, {count(each.count)} times"
    pings = by_request.get("ping in a deleted session", [])
    total = sum(each.count for each in pings)
    for each in pings:
        if each.status == _NOT_FOUND:
            yield f"Deleted sessions answer 404, as they must ({each.count} of {total} asked)"
        else:
            yield f"Deleted sessions must answer 404, and {each.count} of {total} answered {answer(each)}"


def _returned(ending: Ending) -> float | None:
    if ending.before_kb is None or ending.open_kb is None or ending.after_kb is None or not ending.sessions:
        return None
    taken_kb = ending.open_kb - ending.before_kb
    # Less than the noise of a reading: a share of it would say nothing.
    if taken_kb < _WORTH_A_SHARE_KB:
        return None
    return min(1.0, max(0.0, (ending.open_kb - ending.after_kb) / taken_kb))


_GAUGES = {
    "mcp_sessions_open": "sessions that the server counts",
    "process_open_fds": "open files",
    "process_threads": "threads",
    "asyncio_tasks": "asyncio tasks",
    "go_goroutines": "goroutines",
    "nodejs_active_handles_total": "handles",
    "nodejs_active_requests_total": "requests of libuv",
}


def gauge_sentence(gauge: Gauge) -> str:
    """Return how a gauge of the server's ``/metrics`` grew; empty for its memory, which is a figure."""
    words = _GAUGES.get(gauge.name)
    if words is None:
        return ""
    return (
        f"/metrics, {words} ({gauge.name}): from {gauge.before:,.0f} to {gauge.after:,.0f} with "
        f"{count(gauge.units)} sessions"
    )
