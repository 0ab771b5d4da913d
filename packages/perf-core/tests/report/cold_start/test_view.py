"""The report of starts tells the answer first, then the steps, the imports and what limits the figures."""

from dataclasses import replace

import cold_start_samples as samples

from perf_core.report.cold_start.view import view
from perf_core.report.table import Table
from perf_core.report.view.model import Drawing
from perf_core.report.wording import DASH


def table(shown, title: str) -> Table:
    return next(part for part in shown.parts if isinstance(part, Table) and part.title.startswith(title))


def test_summary_says_when_a_server_has_answered_its_first_call() -> None:
    assert view(samples.cold_start()).summary == (
        "shop has answered its first call after 510 ms with its files in memory and 1.01 s with its files on "
        "disk"
    )


def test_steps_have_their_medians_with_intervals() -> None:
    steps = table(view(samples.cold_start()), "Starts with files in memory, 20 of each")
    assert steps.rows[0][:4] == ("until it listens", "410", "405 to 414", "418")
    assert steps.rows[0][4] == "416 or more", "twenty starts bound a p95 from below only"
    assert [row[0] for row in steps.rows] == [
        "until it listens", "handshake", "list of tools", "first call (add)", "ready",
    ]  # fmt: skip


def test_several_servers_are_compared_in_words() -> None:
    shown = view(samples.cold_start(samples.server_of("shop"), samples.server_of("mall", 1.0)))
    assert shown.reasons == (
        "mall takes 1.90 times (95 %: 1.80 to 2.00) as long as shop, with files in memory",
        "mall takes 1.90 times (95 %: 1.80 to 2.00) the CPU time of shop, with files in memory",
    )
    assert table(shown, "Starts with files in memory").rows[5][0] == "mall: until it listens"


def test_difference_within_its_interval_cannot_be_told() -> None:
    done = samples.cold_start(samples.server_of("shop"), samples.server_of("mall"))
    done = replace(done, ratios=(replace(done.ratios[0], ratio=1.01, low=0.97, high=1.05),))
    assert view(done).reasons[0].endswith("cannot tell which takes less")


def test_imports_are_folded_by_package_and_tiny_ones_left_out() -> None:
    imports = table(view(samples.cold_start()), "Imports by package: 140 ms, 4 modules")
    assert imports.rows[0] == ("shop", "2", "100", "100", DASH)
    assert imports.rows[1][0] == "- shop.prices"
    assert "tiny" not in {row[0] for row in imports.rows}


def test_failures_remarks_and_a_busy_machine_are_told() -> None:
    server = replace(samples.server_of("shop"), failures=("warm start 4: no reactor",), remarks=("hm",))
    shown = view(samples.cold_start(server, health="bounded", health_reasons=("it was busy",)))
    assert shown.reasons == ("hm", "1 of 41 starts failed; warm start 4: no reactor")
    assert shown.notices[0].line == "Times are only upper bounds. It was busy."
    assert shown.tone == "unsure"


def test_p95_without_an_upper_end_has_advice() -> None:
    assert view(samples.cold_start()).notices[0].line == (
        "20 starts give its interval no upper end; --starts 72 does."
    )


def test_server_without_any_start_cannot_be_told() -> None:
    server = replace(samples.server_of("shop"), starts=(), figures=(), imports=None)
    shown = view(samples.cold_start(server))
    assert shown.summary == "cannot tell: no start succeeded"
    assert shown.parts == ()


def test_drawing_has_a_bar_for_each_step_and_no_markup_of_a_server() -> None:
    shown = view(samples.cold_start(samples.server_of("<b>shop</b>")))
    figure = next(part for part in shown.parts if isinstance(part, Drawing))
    assert figure.svg.count("<rect") == 2 * 4 + 4
    assert "<b>" not in figure.svg
    assert "&lt;b&gt;shop" in figure.svg
