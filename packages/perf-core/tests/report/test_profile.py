from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from perf_core.report import html, markdown
from perf_core.report.flame_graph import WIDTH, flame_graph, package_of
from perf_core.report.notices import notices
from perf_core.report.profile import profile_table
from perf_core.results.profile import Profile, ProfiledFunction
from perf_core.results.record import RunRecord

PROFILE = Profile(
    samples=1000,
    rate_per_s=100,
    duration_s=10.0,
    processes=2,
    errors=3,
    profiler_cpu_s=0.5,
    unread=("node",),
    functions=(
        ProfiledFunction("total", "shop/cart.py:7", 0.6, 0.75),
        ProfiledFunction("<script>alert(1)</script>", "shop/evil.py:1", 0.15, 0.15),
    ),
    stacks=(
        "main (shop/app.py:1);total (shop/cart.py:7) 600",
        "main (shop/app.py:1);total (shop/cart.py:7);<script>alert(1)</script> (shop/evil.py:1) 150",
        "main (shop/app.py:1);run (uvicorn/server.py:70) 249",
        "main (shop/app.py:1);(rare) 1",
    ),
)


@pytest.fixture
def load_record(sample: Callable[..., RunRecord]) -> RunRecord:
    return sample("load")


def test_the_table_has_functions_with_both_shares(load_record: RunRecord) -> None:
    table = profile_table(replace(load_record, profile=PROFILE))
    assert table is not None
    assert table.rows[0] == ("total", "shop/cart.py:7", "60 %", "75 %")
    assert "1,000 samples" in table.note
    assert "2 processes" in table.note
    assert "3 further samples failed" in table.note
    assert "in 2 processes; not of node, 100 times a second" in table.note
    assert "5 % of a CPU" in table.note


def test_a_run_without_a_profile_says_nothing_of_one(load_record: RunRecord) -> None:
    assert profile_table(load_record) is None
    assert flame_graph(None) is None
    assert "flame" not in re.sub(r"(?s)<style>.*?</style>", "", html.render(load_record))


def test_a_reason_without_samples_is_a_remark(load_record: RunRecord) -> None:
    record = replace(load_record, profile=Profile(problem="the profiler reads Python programs only"))
    assert profile_table(record) is None
    (remark,) = [each for each in notices(record) if each.label == "Profile"]
    assert remark.line == "The profiler reads Python programs only."


def test_rectangles_are_as_wide_as_their_share() -> None:
    graph = flame_graph(PROFILE)
    assert graph is not None
    by_name = {box.title.partition(",")[0]: box for box in graph.boxes}
    assert by_name["main"].y == 0
    assert by_name["total"].y > by_name["main"].y
    assert abs(by_name["main"].width - WIDTH) < 1
    assert abs(by_name["total"].width - 0.75 * WIDTH) < 1
    assert by_name["total"].title == "total, shop/cart.py:7: 75 %, 60 % of its own"
    assert by_name["total"].colour != by_name["run"].colour
    assert [name for _, name, _ in graph.packages] == ["shop", "uvicorn", "others"]


def test_the_call_tree_has_the_same_in_words_without_rare_functions() -> None:
    graph = flame_graph(PROFILE)
    assert graph is not None
    (main,) = graph.tree
    assert [(branch.name, branch.total) for branch in main.branches] == [("total", "75 %"), ("run", "24.9 %")]


def test_packages_are_read_from_places() -> None:
    assert package_of("run (uvicorn/server.py:70)") == "uvicorn"
    assert package_of("add (cart.py:7)") == "cart"
    assert package_of("_run_code (<frozen runpy>:65)") == "frozen runpy"
    assert package_of("native") == ""


def test_the_page_is_safe_and_searchable(load_record: RunRecord) -> None:
    page = html.render(replace(load_record, profile=PROFILE))
    assert page.count("<script>alert") == 0
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert ">total</text>" in page
    assert "<summary><h3>Call tree</h3></summary>" in page


def test_markdown_has_the_table(load_record: RunRecord) -> None:
    text = markdown.render(replace(load_record, profile=PROFILE))
    assert "### Functions by CPU time of their own" in text
    assert "shop/cart.py:7" in text
