"""Numbers and sentences about sessions."""

from __future__ import annotations

import pytest

from perf_core.report.sessions.words import (
    bound,
    cap_sentence,
    ending_sentences,
    estimate,
    gauge_sentence,
    in_a_sentence,
    memory,
)
from perf_core.results.session_costs import Answer, Cap, Cost, Ending, Gauge


@pytest.mark.parametrize(
    ("kb", "words"),
    [(41.586, "41.6 kB"), (0.447, "0.45 kB"), (0.0, "0 kB"), (1234.5, "1.23 MB"), (-3.0, "-3.00 kB")],
)
def test_memory(kb: float, words: str) -> None:
    assert memory(kb) == words


@pytest.mark.parametrize(
    ("kb", "words"),
    [(0.234, "below 0.24 kB"), (0.2, "below 0.2 kB"), (-5.0, "below 0.01 kB"), (99.1, "below 100 kB")],
)
def test_bounds_are_rounded_up(kb: float, words: str) -> None:
    assert bound(kb) == words


def test_a_cost_is_an_amount_a_bound_or_nothing_that_can_be_told() -> None:
    assert in_a_sentence(Cost("abandoned", 41.6, 41.5, 41.7, 500)) == "41.6 kB (41.5 kB to 41.7 kB)"
    nothing = Cost("abandoned", 0.05, -0.1, 0.2, 500)
    assert estimate(nothing) == "not distinguishable from 0"
    assert in_a_sentence(nothing) == "nothing that can be told from 0 (below 0.2 kB)"
    assert in_a_sentence(Cost("expired", 8.0, 0.0, 8.0, 99, is_upper_bound=True)) == "at most 8.00 kB"


def test_caps_in_words() -> None:
    refused = Answer("initialize", 503, 1, "too many\x1b[31m sessions", "30")
    assert cap_sentence(Cap("refuses", 1000, refused)) == (
        "The server refuses further sessions after 1,000; a client then gets status 503 and Retry-After: 30 "
        "(too many\N{REPLACEMENT CHARACTER}[31m sessions)"
    )
    assert cap_sentence(Cap("none", 2000, after_s=41.2)) == (
        "No cap up to 2,000 sessions: all were still open, the oldest for 41 s"
    )
    gone = Answer("ping", 404, 3)
    assert "keeps 100 sessions of this client: the oldest gives way" in cap_sentence(
        Cap("replaces", 100, gone)
    )
    assert cap_sentence(Cap("expires", 5, gone, 12.34)).startswith("Idle sessions expire after about 12.3 s")


def test_endings_in_words() -> None:
    answers = (
        Answer("DELETE", 200, 500),
        Answer("DELETE", 404, 2),
        Answer("ping in a deleted session", 404, 19),
        Answer("ping in a deleted session", 200, 1),
    )
    texts = list(ending_sentences(Ending("delete", 500, 1000.0, 21_000.0, 11_000.0, 1.0, answers)))
    assert texts == [
        "2 of the lab's sessions were gone before they could be deleted (404)",
        "Deleted sessions answer 404, as they must (19 of 20 asked)",
        "Deleted sessions must answer 404, and 1 of 20 answered status 200",
        "When 500 sessions were deleted, 50 % of the memory that they had taken went back to the system; an "
        "allocator may keep the rest for later sessions",
    ]
    dropped = Answer("ping in a session whose stream was dropped", 200, 20)
    (text,) = ending_sentences(Ending("disconnect", 64, 0.0, 9000.0, 0.0, 1.0, (dropped,)))
    assert text == "After their streams were closed without DELETE, 20 of 20 sessions were still open"
    expired = Answer("ping in a session that should have expired", 404, 20)
    texts = list(ending_sentences(Ending("expiry", 64, None, None, None, 12.0, (expired,))))
    assert texts == ["12 s after their last request, 20 of 20 sessions answered 404"]


def test_a_server_that_lets_nobody_delete_in_words() -> None:
    answers = (Answer("DELETE", 405, 21),)
    (text,) = ending_sentences(Ending("delete", 0, None, None, None, 1.0, answers))
    assert text == "DELETE got status 405, 21 times"


def test_gauges_in_words() -> None:
    text = gauge_sentence(Gauge("mcp_sessions_open", 1.0, 2001.0, 2000))
    assert text == (
        "/metrics, sessions that the server counts (mcp_sessions_open): from 1 to 2,001 with 2,000 sessions"
    )
    assert gauge_sentence(Gauge("process_resident_memory_bytes", 1.0, 2.0, 10)) == ""
