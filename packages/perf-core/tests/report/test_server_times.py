from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from perf_core.report import html, markdown
from perf_core.report.server_times import server_times_table
from perf_core.results.record import Latency, RunRecord, ServerTimes


def flat(ms: float) -> Latency:
    return Latency(10, ms, ms, ms, ms, ms, ms, ms)


TIMES = (
    ServerTimes("add", 10, flat(5.0), flat(1.0), flat(1.5), flat(2.5), {"tool": flat(0.5)}),
    ServerTimes("<b>", 1, flat(9.0), flat(1.0), flat(1.0), flat(7.0), {"d|b": flat(3.0)}, is_idle=True),
)


def test_the_parts_of_each_tool_stand_side_by_side(sample: Callable[..., RunRecord]) -> None:
    table = server_times_table(replace(sample("load"), server_times=TIMES))
    assert table is not None
    assert table.headings[2:6] == ("whole", "client", "between", "server")
    assert table.headings[7:] == ("server: tool", "server: d|b")
    assert table.rows[0] == ("add", "10", "5.00", "1.00", "1.50", "2.50", "2.50", "0.500", "")
    assert table.rows[1][0] == "<b> (before the load)"
    assert "The server names tool, d|b as parts" in table.note


def test_a_server_that_tells_nothing_has_no_table(sample: Callable[..., RunRecord]) -> None:
    assert server_times_table(sample("load")) is None


def test_names_of_a_server_are_escaped(sample: Callable[..., RunRecord]) -> None:
    record = replace(sample("load"), server_times=TIMES)
    assert "<b>" not in html.render(record)
    assert "d\\|b" in markdown.render(record)
