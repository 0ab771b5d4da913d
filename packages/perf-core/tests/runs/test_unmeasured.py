"""Records of questions that ended before there were figures, and their reports."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perf_core import report
from perf_core.errors import ExitCode, GeneratorError, LabError, NotAskable, TargetError, WireNotOffered
from perf_core.load.k6_process import Preview
from perf_core.results import record_file
from perf_core.runs.questions import Question
from perf_core.runs.unmeasured import unmeasured_record
from perf_core.server.subject import Subject

if TYPE_CHECKING:
    from conftest import Build


def question(build: type[Build], *, is_optional: bool) -> Question:
    scenario, plan = replace(build.scenario("quick"), wires=("session", "stateless")), build.plan("quick")
    subject = Subject(build.adapter({"quick": scenario}))
    preview = Preview(30.0, 30.0, 10)
    return Question(subject, scenario, "session", plan, preview, Path("k6"), "k6 v1.1.0", is_optional)


@pytest.mark.parametrize(
    ("error", "is_optional", "expected"),
    [
        (WireNotOffered("only stateless", "try --wire"), True, ("skipped", ExitCode.PASS)),
        (WireNotOffered("only stateless", "try --wire"), False, ("invalid", ExitCode.INVALID)),
        (NotAskable("no process is visible", "run it there"), True, ("invalid", ExitCode.INVALID)),
        (TargetError("it did not start", "start it by hand"), True, ("invalid", ExitCode.LAB_FAILED)),
        (GeneratorError("k6 failed", "look"), False, ("invalid", ExitCode.LAB_FAILED)),
    ],
)
def test_error_becomes_a_record_with_every_report(
    error: LabError, is_optional: bool, expected: tuple[str, ExitCode], build: type[Build], tmp_path: Path
) -> None:
    verdict, code = expected
    record = unmeasured_record(question(build, is_optional=is_optional), "a-run", error)
    assert (record.verdict, record.exit_code, record.metrics) == (verdict, code, None)
    if verdict == "skipped":
        # There is nothing that anybody has to mend.
        assert record.reasons == ("the server does not offer the session wire, on which quick is optional",)
    else:
        assert record.reasons == (error.message, error.hint)
    record_file.write(record, tmp_path)
    assert record_file.read(tmp_path) == record
    report.write_all(record, tmp_path)
    assert json.loads((tmp_path / "record.json").read_text())["exit_code"] == code
    case = ET.parse(tmp_path / "junit.xml").find("testsuite/testcase")  # noqa: S314 - our own output
    assert case is not None
    assert [child.tag for child in case] == [{"skipped": "skipped", "invalid": "error"}[verdict]]
    for name in ("report.html", "summary.md"):
        assert record.reasons[0].split()[-1] in (tmp_path / name).read_text()
    assert f'verdict="{verdict}"}} 1' in (tmp_path / "metrics.prom").read_text()


def test_only_wire_of_a_scenario_is_not_skipped(build: type[Build]) -> None:
    asked = replace(question(build, is_optional=True), scenario=build.scenario("quick"))
    record = unmeasured_record(asked, "a-run", WireNotOffered("only stateless"))
    assert (record.verdict, record.exit_code) == ("invalid", ExitCode.INVALID)
    assert record.manifest["protocol"]["not_offered"] == ["session"]
