"""The plan as k6 reads it: the content of ``plan.json``; pure functions.

Arguments and expected answers are serialised here, once, so that the measured loop neither builds nor
parses them. The scripts in ``perf_core/k6`` read the file; docs/architecture.md describes it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from pydantic import JsonValue

from perf_core.adapter import Expectation, Journey, Step
from perf_core.load.placeholders import filled, with_marked_names
from perf_core.load.plan import Plan

SCHEMA = 1


def _compact(value: JsonValue) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _expected_text(expect: Expectation) -> str:
    has_none = expect.kind in {"error", "any"} or (expect.kind == "rpc_error" and expect.value is None)
    return "" if has_none else _compact(expect.value)


def _journey_row(journey: Journey, *, has_think_times: bool) -> list[object]:
    row: list[object] = [journey.name, journey.kind, list(map(_step_row, journey.steps))]
    if has_think_times and journey.think_time is not None:
        row.append([journey.think_time.distribution, *journey.think_time.values_s])
    return row


_ESCAPED_BRACE = "\\u007b"
_MARKS = tuple(map(chr, range(0xFDD0, 0xFDF0)))
"""Characters that Unicode reserves for use within programs."""


def _texts(step: Step) -> tuple[str, str]:
    """Return arguments and expected answer of a step as JSON texts.

    Names in braces that a literal value has get an escaped brace: k6 replaces nothing there, and for JSON it
    is the same.
    """
    if not step.literals:
        return _compact(dict(step.arguments)), _expected_text(step.expect)
    plain = _compact([dict(step.arguments), step.expect.value, dict(step.literals)])
    mark = next(each for each in _MARKS if each not in plain)
    step = filled(replace(step, literals=with_marked_names(step.literals, mark)), {})
    texts = _compact(dict(step.arguments)), _expected_text(step.expect)
    return texts[0].replace(mark, _ESCAPED_BRACE), texts[1].replace(mark, _ESCAPED_BRACE)


def _step_row(step: Step) -> list[object]:
    arguments, expected = _texts(step)
    row: list[object] = [step.tool, arguments, step.expect.kind, expected]
    options: dict[str, object] = {} if step.method == "tools/call" else {"method": step.method}
    if step.save:
        options["save"] = dict(step.save)
    return [*row, options] if options else row


def to_document(plan: Plan, run_id: str) -> dict[str, object]:
    """Return the plan as the JSON document that k6 reads."""
    document: dict[str, object] = {
        "schema": SCHEMA,
        "run_id": run_id,
        "scenario": plan.scenario,
        "shape": plan.shape,
        "wire": plan.wire,
        "settings": asdict(plan.settings),
        "tools": list(plan.tools),
        "kinds": list(plan.kinds),
        "journeys": list(plan.journey_names),
        "pools": {
            name: [_journey_row(journey, has_think_times=plan.has_think_times) for journey in pool]
            for name, pool in plan.pools.items()
        },
    }
    if plan.slices is not None:
        document["slices"] = dict(plan.slices)
    if plan.paced is not None:
        document["paced"] = dict(plan.paced)
    if plan.limits is not None:
        document["limits"] = asdict(plan.limits)
    if plan.identities:
        document["identities"] = plan.identities
    return document
