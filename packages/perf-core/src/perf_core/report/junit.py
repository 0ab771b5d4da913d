"""The report as JUnit XML: one test suite per run, one test case per target and one for validity.

A run that failed for another reason than its targets, such as a silence, has a case for that as well:
otherwise all cases of a failed run could pass.
"""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from perf_core.report import summary
from perf_core.report.summary import TargetRow
from perf_core.report.wording import plain, printable, sentence
from perf_core.results.record import RunRecord, TargetResult

VALIDITY_CASE = "the run is valid"
OTHER_FAILURES_CASE = "no failure beside the targets"


def render(record: RunRecord) -> str:
    """Return the report as an XML document.

    A missed target is a failure, an invalid one an error, one that was not judged is skipped. The
    case :data:`VALIDITY_CASE` is an error when the run is invalid or was interrupted, which also covers runs
    without targets; it is skipped with the run. :data:`OTHER_FAILURES_CASE` is there only if it fails.
    """
    outcomes = [target.outcome for target in record.targets]
    others = _other_failures(record)
    is_sound = record.verdict not in {"invalid", "interrupted"}
    name = ".".join(plain(part) for part in (record.scenario, record.target, record.wire))
    counts = {
        "tests": len(outcomes) + 1 + bool(others),
        "failures": outcomes.count("missed") + bool(others),
        "errors": outcomes.count("invalid") + (not is_sound),
        "skipped": outcomes.count("not judged") + (record.verdict == "skipped"),
    }
    seconds = f"{record.duration_s:.3f}" if math.isfinite(record.duration_s) else "0"
    totals = {**{key: str(number) for key, number in counts.items()}, "time": seconds}
    suites = ET.Element("testsuites", {"name": "perf-core", **totals})
    suite = ET.SubElement(
        suites, "testsuite", {"name": name, "timestamp": _timestamp(record.started_at), **totals}
    )
    _properties(record, suite)
    _validity(record, suite, name, seconds)
    for target, row in zip(record.targets, summary.target_rows(record), strict=True):
        _target(target, row, suite, name)
    if others:
        case = ET.SubElement(suite, "testcase", {"classname": name, "name": OTHER_FAILURES_CASE, "time": "0"})
        ET.SubElement(case, "failure", {"type": "failed", "message": others[0]}).text = "\n".join(others)
    for element in suites.iter():
        _make_printable(element)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _make_printable(element: ET.Element) -> None:
    """Replace what XML cannot hold, or what could control a terminal, wherever a record may have it."""
    element.text = None if element.text is None else printable(element.text)
    for name, value in element.items():
        element.set(name, plain(value))


def _other_failures(record: RunRecord) -> list[str]:
    """Return the reasons of a failed run that are not about a missed target: they come before those."""
    if record.verdict != "fail":
        return []
    missed = tuple(f"{target.figure}: " for target in record.targets if target.outcome == "missed")
    reasons = itertools.takewhile(lambda reason: not reason.startswith(missed), record.reasons)
    return [sentence(plain(reason)) for reason in reasons]


def _properties(record: RunRecord, suite: ET.Element) -> None:
    properties = ET.SubElement(suite, "properties")
    values = {
        "run_id": record.run_id,
        "verdict": record.verdict,
        "exit_code": str(record.exit_code),
        **{figure.name: figure.text for figure in summary.key_figures(record)},
        **{f"grade.{each.figure}": each.grade for each in record.grades},
    }
    for key, text in values.items():
        ET.SubElement(properties, "property", {"name": key, "value": plain(text)})


def _validity(record: RunRecord, suite: ET.Element, classname: str, seconds: str) -> None:
    case = ET.SubElement(suite, "testcase", {"classname": classname, "name": VALIDITY_CASE, "time": seconds})
    head = summary.headline(record)
    if record.verdict == "skipped":
        skipped = ET.SubElement(case, "skipped", {"message": head.summary})
        skipped.text = "\n".join([head.summary, *head.further])
    if record.verdict in {"invalid", "interrupted"}:
        error = ET.SubElement(case, "error", {"type": record.verdict, "message": head.summary})
        error.text = "\n".join([head.summary, *head.further, head.meaning])


def _target(target: TargetResult, row: TargetRow, suite: ET.Element, classname: str) -> None:
    case = ET.SubElement(
        suite, "testcase", {"classname": classname, "name": f"{row.figure} {row.target}", "time": "0"}
    )
    message = f"{row.figure}: {row.value}, target {row.target}"
    details = "\n".join(
        line
        for line in (
            f"{message} ({target.outcome}, {row.samples} samples)",
            row.reason,
            f"stretch {row.stretch}" if row.stretch else "",
            row.need,
        )
        if line
    )
    match target.outcome:
        case "met":
            ET.SubElement(case, "system-out").text = details
        case "missed":
            ET.SubElement(case, "failure", {"type": "missed", "message": message}).text = details
        case "invalid":
            ET.SubElement(case, "error", {"type": "invalid", "message": row.reason or message}).text = details
        case "not judged":
            ET.SubElement(case, "skipped", {"message": row.reason or "not judged"}).text = details


def _timestamp(started_at: str) -> str:
    # The JUnit schema allows neither a time zone nor a fraction here.
    try:
        moment = datetime.fromisoformat(started_at)
    except ValueError:
        return plain(started_at)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}"
