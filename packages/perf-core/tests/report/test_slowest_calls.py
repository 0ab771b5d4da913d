"""The slowest calls in the reports, with a sentence on what the server did."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from perf_core.report import html, markdown, terminal
from perf_core.report.markup import markdown_text
from perf_core.report.slowest_calls import explanation, meanwhile, moments, slow_call_table
from perf_core.report.wording import DASH, MINUS
from perf_core.results.record import RunRecord
from perf_core.results.slow_calls import ServerMeanwhile, SlowCall


def call(at_s: float = 12.0, duration_s: float = 1.0, **changes: Any) -> SlowCall:
    server = ServerMeanwhile(1.2, 0.5, 60.0, 0.0, 0.0)
    made = SlowCall(at_s, duration_s, 0.0, duration_s, 0.0, "add", "hold", "", 1, "aa", "bb", server)
    return replace(made, **changes)


def during(**changes: Any) -> SlowCall:
    return call(server=replace(ServerMeanwhile(1.2, 0.5, 60.0, 0.0, 0.0), **changes))


@pytest.mark.parametrize(
    ("slow", "sentence"),
    [
        (
            during(generator_stop_s=0.7, cpu_cores=1.0),
            "k6 itself stood still for 700 ms, so the call may have been quicker",
        ),
        (call(connect_s=0.8), "it waited 800 ms for a connection"),
        (call(transfer_s=0.6), "its answer took 600 ms from the first byte to the last"),
        (during(gc_pause_s=0.6, loop_lag_s=0.9), "the server collected garbage for 600 ms"),
        (
            during(loop_lag_s=0.9, cpu_cores=0.02),
            "the event loop of the server was blocked for 900 ms, by something that waits, not by computing "
            "(0.020 cores)",
        ),
        (
            during(loop_lag_s=0.9, cpu_cores=0.97),
            "the event loop of the server was blocked for 900 ms, while it computed (0.97 cores)",
        ),
        (
            during(cpu_cores=0.1, waiting_threads=0.4),
            "the server used 0.10 cores; it waited for a CPU 40 % of the time",
        ),
        (
            during(cpu_cores=0.5, waiting_threads=0.4),
            "the server used 0.50 cores; it waited for a CPU 40 % of the time",
        ),
        (during(waiting_threads=0.6), "the server waited for a CPU 60 % of the time (0.50 cores)"),
        (during(cpu_cores=0.97), "the server computed (0.97 cores)"),
        (
            during(cpu_cores=0.0),
            "the server did next to nothing (0 cores): the call waited for something else",
        ),
        (during(cpu_cores=0.5), "the server used 0.50 cores"),
        (
            during(cpu_cores=0.5, rss_change_mb=31.0),
            "the server used 0.50 cores, and its memory grew by 31 MB",
        ),
        (during(cpu_cores=0.97, window_s=5.0), "the server computed (0.97 cores in the 5 s around it)"),
        (
            call(0, 0.02, server=ServerMeanwhile(0.2, 0.09)),
            "the server used 0.090 cores in the 200 ms around it",
        ),
        (
            call(0, 0.1, server=ServerMeanwhile(0.2, 0.3, pauses_window_s=1.0, gc_pause_s=0.06)),
            "the server collected garbage for 60.0 ms in the 1 s around it",
        ),
        (
            call(0, 0.01, server=ServerMeanwhile(0.2, 0.9, pauses_window_s=1.0, loop_lag_s=0.009)),
            "the server computed (0.90 cores in the 200 ms around it)",
        ),
        (
            during(cpu_cores=0.5, generator_waiting_threads=0.7),
            "the server used 0.50 cores; k6 waited for a CPU 70 % of the time",
        ),
        (call(server=None), "the processes of the server are not visible, so nothing tells why"),
        (during(cpu_cores=None), "the processes of the server are not visible, so nothing tells why"),
    ],
)
def test_sentence_says_what_explains_most_of_the_call(slow: SlowCall, sentence: str) -> None:
    assert explanation(slow) == sentence


def test_calls_that_waited_together_share_a_sentence() -> None:
    calls = [call(12.0, 1.0), call(12.5, 0.9, tool="divide"), call(40.0, 0.7), call(3.0, 0.2)]
    assert moments(calls) == (
        "At 0:12.00, 2 of the 4 slowest calls waited together, one of add for 1 s: "
        "the server used 0.50 cores.",
        "At 0:40.00, a call of add took 700 ms: the server used 0.50 cores.",
        "At 0:03.00, a call of add took 200 ms: the server used 0.50 cores in the 1.2 s around it.",
    )
    assert moments([]) == ()


def test_only_the_longest_moments_have_a_sentence() -> None:
    assert len(moments([call(10.0 * number, 0.1 * number) for number in range(1, 9)])) == 3


def test_few_words_name_what_is_worth_it() -> None:
    busy = during(
        gc_pause_s=0.2, loop_lag_s=0.01, rss_change_mb=-12.0, waiting_threads=0.5, generator_stop_s=0.3
    )
    words = f"k6 stopped 300 ms, 0.50 cores, waited for a CPU 50 %, GC 200 ms, {MINUS}12 MB"
    assert meanwhile(busy) == words
    assert meanwhile(call(server=None)) == DASH


def test_table_has_the_slowest_ten(sample: Callable[..., RunRecord]) -> None:
    table = slow_call_table(sample("stalled"))
    assert table is not None
    assert len(table.rows) == 10
    first = dict(zip(table.headings, table.rows[0], strict=True))
    assert first == {
        "at": "0:13.40",
        "tool": "add (no answer in time)",
        "meanwhile": "0.040 cores, loop late 1.1 s, +22 MB",
        "ms": "1,250",
        "connect": "1.00",
        "wait": "1,250",
        "transfer": "1.00",
        "VU": "1",
        "session": "00000000",
        "arguments": "00000000",
    }
    assert "12 of the 12 slowest calls waited together" in table.remarks[0]
    assert table.note.endswith("record.json has 12.")
    assert slow_call_table(sample("load")) is None


def test_sentences_stand_in_every_report(sample: Callable[..., RunRecord]) -> None:
    record = sample("stalled")
    sentence = moments(record.slow_calls)[0]
    console = Console(file=io.StringIO(), width=1000, force_terminal=False, _environ={})
    terminal.render(record, console)
    assert isinstance(console.file, io.StringIO)
    assert f"- {sentence}\n" in console.file.getvalue()
    assert f"\n- {markdown_text(sentence)}\n" in markdown.render(record)
    assert f"<li>{sentence}</li>" in html.render(record)
