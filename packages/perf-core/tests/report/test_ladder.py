from __future__ import annotations

import re
from dataclasses import replace

from perf_core.report.ladder import added, headline, ladder_view, number
from perf_core.report.view import markdown
from perf_core.report.view.page import render
from perf_core.results.ladder import Estimate, Ladder, LeftOutRung, Rung
from perf_core.results.record import Health


def rung(title: str, cpu_us: float, wall_us: float, spread: float = 0.05) -> Rung:
    def about(value: float) -> Estimate:
        return Estimate(value, value * (1 - spread), value * (1 + spread), 15)

    return Rung(title, title, f"a call through {title}", about(cpu_us), about(wall_us))


LADDER = Ladder(
    target="<shop>",
    tool="total",
    arguments="{}",
    started_at="2026-11-30T22:00:00+00:00",
    rungs=(
        rung("bare function", 0.25, 0.3),
        rung("server", 100.0, 120.0),
        rung("session", 400.0, 500.0),
        rung("app", 300.0, 330.0),
        rung("HTTP, one user", 305.0, 600.0),
    ),
    manifest={
        "machine": {"cpu": "a CPU", "cpus": 2},
        "app": {"name": "shop", "python": "3.11", "fastmcp": "4"},
    },
    left_out=(LeftOutRung("validation", "only a request has what it takes as ctx"),),
    health=Health("sound"),
)


def test_numbers_have_three_digits() -> None:
    assert [number(each) for each in (0.287, 1.5, 31.49, 1234.4)] == ["0.287", "1.50", "31.5", "1,234"]
    assert added(-12.0) == "\N{MINUS SIGN}12.0"


def test_the_headline_compares_function_and_whole_call() -> None:
    assert headline(LADDER) == (
        "The rung bare function takes 0.250 µs of CPU; the whole call (HTTP, one user) takes 305 µs, "
        "1,220 times as much."
    )


def test_the_table_says_what_each_rung_adds_and_where_that_cannot_be_told() -> None:
    table = next(part for part in ladder_view(LADDER).parts if "rungs" in part.title.lower())
    assert [row[3] for row in table.rows] == ["+0.250", "+99.8", "+300", "\N{MINUS SIGN}100", "cannot tell"]  # type: ignore[union-attr]


def test_the_tiles_name_the_rung_that_adds_most() -> None:
    assert ladder_view(LADDER).tiles[-1].text == "session"


def test_a_busy_machine_is_a_remark() -> None:
    assert ladder_view(LADDER).notices == ()
    busy = replace(LADDER, health=Health("bounded", ("the machine was busy: others used 1.0 of 2 CPUs",)))
    assert "others used 1.0 of 2 CPUs" in ladder_view(busy).notices[0].line


def test_the_page_draws_the_rungs_without_scripts() -> None:
    page = render(ladder_view(LADDER), "ladder.json")
    assert "<script" not in page
    assert "<shop>" not in page
    widths = [float(each) for each in re.findall(r'class="full" x="[\d.]+" y="\d+" width="([\d.]+)"', page)]
    assert widths[2] > widths[1] > widths[0] > 0
    assert page.count('class="less"') == 1
    assert "only a request has what it takes as ctx" in page


def test_markdown_has_every_rung() -> None:
    text = markdown.render(ladder_view(LADDER))
    assert all(each.title in text for each in LADDER.rungs)
