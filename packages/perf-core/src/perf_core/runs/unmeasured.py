"""The record of a question without an answer: nothing was measured, and the record has the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from perf_core.adapter import Wire
from perf_core.analysis.resource_use import server_columns
from perf_core.analysis.series import load_columns
from perf_core.errors import ExitCode, LabError, WireNotOffered
from perf_core.load import k6_binary
from perf_core.load.k6_process import Preview
from perf_core.load.plan import Settings
from perf_core.results.manifest import make_manifest
from perf_core.results.record import RunRecord, Series
from perf_core.runs.questions import Question
from perf_core.runs.settings import without_calls
from perf_core.server.subject import Subject
from perf_core.shapes.registry import plan_scenario

_PERIOD_S = 1.0
_NO_LOAD = Preview(0.0, 0.0, 0)


def unasked(subject: Subject, name: str, wire: Wire | None, settings: Settings) -> Question:
    """Return the question of a scenario to a server that has no calls, for its record alone.

    Args:
        name: Name of the scenario.
        wire: The wire that the user named; None for the first of the scenario.

    Raises:
        UsageError: There is no such scenario, or it cannot run with these settings.
        GeneratorError: There is no k6.
    """
    scenario = without_calls(subject, name)
    its_wire = wire or scenario.wires[0]
    plan = replace(plan_scenario(scenario, its_wire, settings), pools={})
    k6 = k6_binary.find_k6()
    return Question(subject, scenario, its_wire, plan, _NO_LOAD, k6, k6_binary.k6_version(k6))


def unmeasured_record(question: Question, run_id: str, error: LabError) -> RunRecord:
    """Return the record of a question that ended with an error before there were figures.

    It is ``skipped`` if the server lacks a wire that was measured by default only, else ``invalid``.
    """
    has_others = len(question.scenario.wires) > 1
    skipped = question.is_optional and has_others and isinstance(error, WireNotOffered)
    remark = (
        f"the server does not offer the {question.wire} wire, on which {question.plan.scenario} is optional"
    )
    now = datetime.now(UTC)
    launch = question.launch
    return RunRecord(
        run_id=run_id,
        scenario=question.plan.scenario,
        target=question.subject.name,
        wire=question.wire,
        started_at=now.isoformat(timespec="milliseconds"),
        duration_s=0.0,
        verdict="skipped" if skipped else "invalid",
        reasons=(remark,) if skipped else tuple(text for text in (error.message, error.hint) if text),
        exit_code=ExitCode.PASS if skipped else error.exit_code,
        metrics=None,
        server=None,
        generator=None,
        targets=(),
        stages=(),
        findings=(),
        series=Series(
            _PERIOD_S,
            load_columns((), now.timestamp(), 0.0, _PERIOD_S),
            server_columns((), now.timestamp(), 0.0),
        ),
        manifest=make_manifest(
            question.subject,
            question.plan,
            None,
            question.k6_version,
            None,
            launch=launch,
            not_offered=[question.wire] if isinstance(error, WireNotOffered) else (),
        ),
    )
