from __future__ import annotations

import re
from collections.abc import Callable

from perf_core.report import markdown
from perf_core.results.record import RunRecord

Sample = Callable[..., RunRecord]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def tables(text: str) -> list[list[list[str]]]:
    tables: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            tables[-1].append(cells(line))
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if table]


def test_tables_are_rectangular_and_ruled(any_record: RunRecord) -> None:
    tables_of_report = tables(markdown.render(any_record))
    assert tables_of_report or any_record.metrics is None
    for table in tables_of_report:
        assert {len(row) for row in table} == {len(table[0])}
        assert all(re.fullmatch(r":?-+:?", rule) for rule in table[1])
        assert len(table) > 2


def test_it_starts_with_the_verdict(any_record: RunRecord) -> None:
    first = markdown.render(any_record).splitlines()[0]
    assert first.startswith("## ")
    assert f" {any_record.verdict.upper()}: " in first


def test_targets_have_value_target_stretch_and_outcome(sample: Sample) -> None:
    rows = {row[0]: row[1:] for row in tables(markdown.render(sample("load")))[0]}
    assert rows["Error rate"][1:] == ["0.00996 %", "&lt; 0.1 %", "&lt; 0.05 %: met"]
    assert rows["Error rate"][0] == "✅ met"
    assert rows["Tool calls per second at 100 VUs"][0] == "❌ missed"


def test_findings_reasons_and_manifest_are_there(sample: Sample) -> None:
    assert "- **Knee**: Throughput stops growing" in markdown.render(sample("stress"))
    assert "- p95 latency, all tools: expected at least 30 s of load, got 4.2 s" in markdown.render(
        sample("interrupted")
    )
    assert "<details><summary>Manifest</summary>" in markdown.render(sample("load"))
    assert "- No metrics came from k6" in markdown.render(sample("invalid"))


def test_failing_run_can_be_diagnosed(sample: Sample) -> None:
    text = markdown.render(sample("stalled"))
    assert (
        "- ❌ **Silence**: 16.5 s with calls offered and none answered. Silent: hold\\_20 for 16.5 s." in text
    )
    assert "- ⚠️ **Health**: Figures of time are only bounds. Other processes used 0.92 of 2 cores." in text
    assert "**Calls**: 2,689 begun = 2,275 answered" in text
    (failures,) = [table for table in tables(text) if table[0][:2] == ["class", "calls"]]
    assert failures[2] == [
        "wrong answer",
        "391 calls",
        "multiply",
        r'\{"a": 1, "b": 31\}',
        r'\{"result": 31\}',
        r'\{"result": 32\}',
        r"at 1.4 s in hold\_10",
    ]


def test_sound_run_has_none_of_these_lines(sample: Sample) -> None:
    assert not re.search("Silence|Health|Calls|Failures", markdown.render(sample("load")))


def test_empty_sections_leave_no_heading(sample: Sample) -> None:
    assert "###" not in markdown.render(sample("empty"))
    assert "details" not in markdown.render(sample("empty"))


def test_text_from_a_record_cannot_become_markup(sample: Sample) -> None:
    text = markdown.render(sample("hostile"))
    assert set(re.findall(r"<[^>]*>", text)) == {"<details>", "<summary>", "</summary>", "</details>"}
    assert "evil.example" in text
    assert "http://" not in text
    assert not re.search(r"(?<!\\)`", text)
    assert "\x1b" not in text
    assert text.encode()
