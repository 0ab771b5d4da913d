"""Tests of the ladder as table, Markdown, figure and page, with invented figures."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import ladder_page
import pytest
from ladder_page import Ladder, Rung, Spread
from rich.console import Console


def _rung(key: str, wire: str | None, cpu_us: float, wall_us: float, count: int = 5) -> Rung:
    def spread(value: float) -> Spread:
        return Spread(value, value * 0.9, value * 1.2, count)

    return Rung(key, wire, spread(cpu_us), spread(wall_us))  # type: ignore[arg-type]


LADDER = Ladder(
    started_at="2026-01-02T03:04:05+00:00",
    manifest={
        "commit": {"hash": "0123456789abcdef", "dirty": False},
        "machine": {"cpu": "Test <CPU>", "cpus": 2, "system": "Linux 6", "load_before": 0.5},
        "python": "3.11.7",
    },
    effort={"rounds": 5, "runs": 3, "run_s": 2.5},
    rungs=(
        _rung("function", None, 0.25, 0.25),
        _rung("memory", None, 900, 910),
        _rung("app", "session", 600, 610),
        _rung("app", "stateless", 500, 520),
        _rung("one_user", "session", 800, 1000),
        _rung("one_user", "stateless", 750, 950),
        _rung("load", "session", 1000, 10_000),
        _rung("load", "stateless", 700, 9_000),
    ),
)


def test_each_rung_is_compared_with_the_previous_one_on_its_wire() -> None:
    increments = ladder_page.increments(LADDER.rungs)
    assert [(each.rung.key, each.rung.wire, each.added_cpu_us) for each in increments] == [
        ("function", None, 0.25),
        ("memory", None, 899.75),
        ("app", "session", -300),
        ("app", "stateless", -400),
        ("one_user", "session", 200),
        ("one_user", "stateless", 250),
        ("load", "session", 200),
        ("load", "stateless", -50),
    ]
    assert [each.added_wall_us for each in increments][-2:] == [9000, 8050]


@pytest.mark.parametrize("wire", ["session", "stateless"])
def test_increments_add_up_to_the_last_rung(wire: str) -> None:
    increments = [each for each in ladder_page.increments(LADDER.rungs) if each.rung.wire in {None, wire}]
    assert sum(each.added_cpu_us for each in increments) == pytest.approx(increments[-1].rung.cpu_us.median)


@pytest.mark.parametrize(
    ("value_us", "text"),
    [(0.2874, "0.287"), (1.234, "1.23"), (31.46, "31.5"), (123.4, "123"), (25065.2, "25,065")],
)
def test_numbers_have_three_significant_digits(value_us: float, text: str) -> None:
    assert ladder_page.number(value_us) == text
    assert ladder_page.added(value_us) == f"+{text}"
    assert ladder_page.added(-value_us) == f"\N{MINUS SIGN}{text}"


def test_rows_have_a_cell_for_each_heading() -> None:
    rows = ladder_page.rows(LADDER)
    assert {len(row) for row in rows} == {len(ladder_page.HEADINGS)}
    assert rows[2] == (
        "served app, no socket", "session", "600", "540 to 720", "\N{MINUS SIGN}300",
        "610", "549 to 732", "\N{MINUS SIGN}300",
    )  # fmt: skip # as in the table


def test_one_round_has_no_quartiles() -> None:
    single = replace(LADDER, rungs=(_rung("function", None, 0.25, 0.25, count=1),))
    assert ladder_page.rows(single)[0][3] == "one round"


def test_terminal_table_fits_80_columns() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(ladder_page.terminal(LADDER))
    text = captured.get()
    assert "…" not in text
    assert re.search(r"served app, no socket +session +600 +30% +\N{MINUS SIGN}300", text)
    assert "commit 012345678;" in " ".join(text.split())


def test_markdown_is_a_table_with_its_legend() -> None:
    lines = ladder_page.markdown(LADDER).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + len(LADDER.rungs)
    assert len({line.count("|") for line in table}) == 1
    assert sum(line.startswith("- ") for line in lines) == len(ladder_page.TITLES)


def test_notes_mention_a_dirty_commit_and_omit_a_missing_one() -> None:
    changed = {**LADDER.manifest, "commit": {"hash": "0123456789abcdef", "dirty": True}}
    assert "commit 012345678 with changes;" in ladder_page.markdown(replace(LADDER, manifest=changed))
    unversioned = {**LADDER.manifest, "commit": None}
    assert "commit" not in ladder_page.markdown(replace(LADDER, manifest=unversioned))


def test_notes_have_the_load_average_if_it_was_recorded() -> None:
    assert "2 CPUs, load average 0.5 before, Linux 6" in ladder_page.markdown(LADDER)
    unknown = {**LADDER.manifest, "machine": {**LADDER.manifest["machine"], "load_before": None}}
    assert "2 CPUs, Linux 6" in ladder_page.markdown(replace(LADDER, manifest=unknown))


def test_bars_end_at_the_median_of_the_rung() -> None:
    traces = [t for t in ladder_page.figure(LADDER)["data"] if t["type"] == "bar"]
    pale, full = traces[0::2], traces[1::2]
    ends = {}
    for below, step in zip(pale, full, strict=True):
        hatched = step["marker"]["pattern"]["shape"]
        for place, height in enumerate(step["y"]):
            assert step["base"][place] == below["x"][place]
            top = step["base"][place] + step["x"][place]
            ends[height] = below["x"][place] if hatched[place] else top
    assert sorted(ends.values()) == sorted(rung.cpu_us.median for rung in LADDER.rungs)
    assert len(ends) == len(LADDER.rungs), "no bar hides another"


def test_figure_has_a_label_for_each_bar_and_dot() -> None:
    figure = ladder_page.figure(LADDER)
    labels = [text for trace in figure["data"] for text in trace.get("text", [])]
    assert len(labels) == 2 * len(LADDER.rungs)
    assert "   <b>600</b>  (\N{MINUS SIGN}300)" in labels
    low, high = figure["layout"]["xaxis"]["range"]
    assert low == 0
    assert high > max(rung.cpu_us.high for rung in LADDER.rungs)
    assert {trace["name"] for trace in figure["data"] if trace.get("showlegend")} == {
        "either wire", "session wire", "stateless wire",
    }  # fmt: skip # a set on one line


def test_page_loads_nothing_external() -> None:
    page = ladder_page.html(LADDER)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", page)
    assert page.count('id="plotly"') == 1
    assert "Test &lt;CPU&gt;" in page, "text from the machine is escaped"
    figure = re.search(r'id="figure">(.*?)</script>', page, re.DOTALL)
    assert figure is not None
    assert json.loads(figure[1])["layout"]["barmode"] == "overlay"


def test_headline_compares_the_calculation_with_a_loaded_call() -> None:
    assert ladder_page.headline(LADDER) == (
        "Adding two numbers takes 0.250 µs of CPU; served to ten users, a call takes the server 1,000 µs on "
        "the session wire and 700 µs on the stateless wire."
    )
