from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from plotly.offline import get_plotlyjs

from perf_core.report import html
from perf_core.report.wording import plain
from perf_core.results.record import RunRecord

Sample = Callable[..., RunRecord]

OUR_LINKS = {"record.json", "summary.md", "junit.xml", "metrics.prom"}


class Page(HTMLParser):
    """Tags with their attributes, the text of scripts by id or order, and the text that people see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.seen = ""
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the name of the inherited parameter
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self._inside != "style":
            self.seen += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)

    def script(self, identifier: str | None) -> str:
        (text,) = [text for attributes, text in self.scripts if attributes.get("id") == identifier]
        return text


def page_of(record: RunRecord) -> Page:
    return Page(html.render(record))


def hash_of(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def test_page_requests_nothing(any_record: RunRecord) -> None:
    page = page_of(any_record)
    assert page.count("body") == 1
    for tag, attributes in page.tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        assert "src" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        if "href" in attributes:
            assert tag == "a"
            assert attributes["href"] in OUR_LINKS
    style = html.render(any_record).partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import|https?:", style)
    for attributes, script in page.scripts:
        if attributes.get("type") is None:
            assert not re.search(r"https?:|import\b|fetch|XMLHttp", script)


def test_security_policy_allows_only_the_scripts_of_the_page(sample: Sample) -> None:
    page = page_of(sample("load"))
    (policy,) = [
        attributes["content"]
        for tag, attributes in page.tags
        if attributes.get("http-equiv") and tag == "meta"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["script-src"].split() == [hash_of(page.script(None)), hash_of(get_plotlyjs())]
    assert "http" not in policy


def test_page_contains_all_of_plotly(sample: Sample) -> None:
    packed = page_of(sample("load")).script("plotly")
    assert gzip.decompress(base64.b64decode(packed)).decode() == get_plotlyjs()
    assert len(html.render(sample("load"))) < 2_600_000


def test_page_contains_the_figure(sample: Sample) -> None:
    figure = json.loads(page_of(sample("load")).script("figure"))
    assert {"data", "layout"} == figure.keys()
    assert len(figure["data"]) == 9


def test_run_without_series_has_no_figure_and_stays_small(sample: Sample) -> None:
    for name in ("invalid", "interrupted", "empty"):
        page = page_of(sample(name))
        assert page.scripts == []
        assert "has no figures over time" in page.seen
        assert len(html.render(sample(name))) < 50_000


def test_page_is_well_formed(any_record: RunRecord) -> None:
    page = page_of(any_record)
    attributes = dict(page.tags)
    assert attributes["html"] == {"lang": "en"}
    names = [tag for tag, _ in page.tags]
    # The bars of the histogram have titles, too.
    assert names[: names.index("body")].count("title") == page.count("h1") == page.count("main") == 1
    identifiers = Counter(item["id"] for _, item in page.tags if "id" in item)
    assert not [name for name, number in identifiers.items() if number > 1]
    for _, item in page.tags:
        if "aria-labelledby" in item:
            assert item["aria-labelledby"] in identifiers
    assert page.count("table") == page.count("thead")
    assert all("scope" in item for tag, item in page.tags if tag == "th")
    assert not re.search(r"\b(nan|NaN|None|Infinity)\b", page.seen)


def test_report_has_verdict_targets_and_figures(sample: Sample) -> None:
    seen = page_of(sample("load")).seen
    for text in (
        "FAIL",
        "load of calculator over the session wire",
        "Targets: 2 of 10 met, 8 missed",
        "Tool calls per second at 100 VUs",
        "People who wait on an assistant",
        "hold_100",
        "session creation",
        "no answer in time",
        "MB/h (95 % interval",
        "example CPU, 2 cores",
    ):
        assert text in seen
    benchmark = page_of(sample("benchmark")).seen
    assert "Latency by kind of arguments" in benchmark
    assert "tools/list" in benchmark
    assert "Throughput stops growing" in page_of(sample("stress")).seen
    assert "points per line" in page_of(sample("endurance")).seen
    assert "expected at least 30 s of load" in page_of(sample("interrupted")).seen


def test_text_from_a_record_stays_text(sample: Sample, hostile_text: str) -> None:
    page = page_of(sample("hostile"))
    assert page.count("img") == 0
    assert len(page.scripts) == 3
    assert plain(hostile_text) in page.seen
    figure = json.loads(page.script("figure"))
    labels = [note["text"] for note in figure["layout"]["annotations"] if note["name"] == "stage"]
    # plotly reads a subset of HTML in its texts, so names must reach it escaped.
    assert labels
    assert all("<" not in label and "&lt;img" in label for label in labels)


def test_page_has_silence_health_calls_and_failures(sample: Sample) -> None:
    page = page_of(sample("stalled"))
    for text in (
        "16.5 s with calls offered and none answered",
        "Other processes used 0.92 of 2 cores.",
        "2,689 begun = 2,275 answered + 411 failed + 3 cut off by the end",
        "Longest latency, all tools",
        "≥ 16,500 ms",
        "wrong answer, 391 calls",
        '{"a": 1, "b": 31}',
        '{"result": 32}',
        "2 more",
        "Red: calls were offered and none was answered",
        "Waiting for a CPU, as a share of the time",
        "21 % of the time that it wanted one",
        "Distribution of the latency",
        "p99 44.0 ms",
        "wait ends with the first byte",
        "Errors by tool",
    ):
        assert text in page.seen, text
    assert page.count("pre") == 3 * 4
    assert page.count("rect") > 20


def test_records_of_schema_1_have_none_of_the_new_parts(sample: Sample) -> None:
    page = page_of(sample("load"))
    for text in ("Failures", "Distribution", "Health", "Silence", "Waiting for a CPU", "Parts of a request"):
        assert text not in page.seen, text
    assert page.count("svg") == page.count("pre") == 0
    assert "Longest latency, all tools" in page.seen


def test_examples_of_failures_stay_text_and_are_short(sample: Sample, hostile_text: str) -> None:
    text = html.render(sample("hostile"))
    page = Page(text)
    assert page.count("pre") == 3
    assert page.count("img") == 0
    shown = text.partition("<pre>")[2].partition("</pre>")[0]
    assert shown.startswith("&lt;/script&gt;&lt;img src=")
    assert "more characters)" in shown
    assert len(shown) < 3_000
    assert len(text) < len(html.render(sample("benchmark"))) + 60_000


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_contrast_in_both_schemes(sample: Sample, scheme: int) -> None:
    """Text at 4.5:1 and lines at 3:1, WCAG 2.2 criteria 1.4.3 and 1.4.11."""
    style = html.render(sample("empty")).partition("<style>")[2].partition("</style>")[0]
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(blocks) == 2
    colours = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", blocks[scheme]))

    def contrast(one: str, other: str) -> float:
        lighter, darker = sorted((luminance(colours[one]), luminance(colours[other])), reverse=True)
        return (lighter + 0.05) / (darker + 0.05)

    for ground in ("--page", "--raised"):
        assert contrast("--text", ground) >= 4.5
        assert contrast("--soft", ground) >= 4.5
    for badge in ("--good", "--bad", "--unsure", "--neutral"):
        assert contrast("--on-badge", badge) >= 4.5
    for line in ("--line-1", "--line-2", "--line-3", "--line-4", "--line-bad"):
        assert contrast(line, "--page") >= 3


def test_every_colour_of_the_figure_is_a_colour_of_the_style(sample: Sample) -> None:
    for record in (sample("spike"), sample("stalled")):
        text = html.render(record)
        figure = json.loads(Page(text).script("figure"))
        named = {band["name"] for band in figure["layout"]["shapes"]}
        for trace in figure["data"]:
            meta = trace["meta"]
            named |= {meta["colour"]} if "colour" in meta else {colour for _, colour in meta["scale"]}
        assert len(named) > 5
        for name in named:
            assert f"{name}:" in text


def test_every_colour_of_the_page_is_defined(sample: Sample) -> None:
    text = html.render(sample("stalled"))
    for name in set(re.findall(r"var\((--[\w-]+)\)", text)):
        assert f"{name}: " in text, name
