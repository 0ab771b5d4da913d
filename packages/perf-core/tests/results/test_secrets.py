"""Records without secrets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from perf_core.results import record_file
from perf_core.results.record import Failure, Finding, RunRecord, Series
from perf_core.results.secrets import masked_parts, without_secrets
from perf_core.results.session_costs import Answer, Cap

if TYPE_CHECKING:
    from conftest import Build

SECRET = "s3cr3t-of-the-user"


@pytest.fixture
def record(build: type[Build]) -> RunRecord:
    failure = Failure("add", "wrong_answer", "hold", 0.1, f'{{"k":"{SECRET}"}}', "x", f"got {SECRET}")
    return RunRecord(
        run_id="run",
        scenario="quick",
        target="adder",
        wire="session",
        started_at="2026-01-01",
        duration_s=1.0,
        verdict="fail",
        reasons=(f"it said {SECRET}",),
        exit_code=99,
        metrics=build.metrics(failures=(failure,)),
        server=None,
        generator=None,
        targets=(),
        stages=(build.stage(),),
        findings=(Finding("A", f"text {SECRET}", {"value": SECRET}),),
        series=Series(1.0, {}, {}),
        manifest={"server": {"command": ["x", SECRET], "tools": ["add"]}, "count": 3},
    )


def test_every_text_is_masked_and_numbers_are_kept(record: RunRecord) -> None:
    masked = without_secrets(record, ["short", SECRET, ""])
    text = record_file.to_json(masked)
    assert SECRET not in text
    assert text.count("***") == record_file.to_json(record).count(SECRET) == 6
    assert record_file.from_json(text) == masked
    assert masked.manifest["count"] == 3
    assert replace(masked, reasons=(), findings=(), manifest={}, metrics=None) == replace(
        record, reasons=(), findings=(), manifest={}, metrics=None
    )


def test_words_of_the_lab_are_no_secrets(record: RunRecord) -> None:
    unfortunate = without_secrets(record, ["fail", "session", "quick"])
    assert (unfortunate.verdict, unfortunate.wire, unfortunate.scenario) == ("fail", "session", "quick")
    assert without_secrets(record, ["", "abc"]) is record


def test_other_results_have_no_secrets_at_any_depth() -> None:
    cap = Cap("refuses", 3, Answer("initialize", 503, 1, f"not for {SECRET}"))
    masked = masked_parts(cap, [SECRET])
    assert masked.answer is not None
    assert SECRET not in masked.answer.excerpt
    assert masked_parts(cap, [""]) == cap
