"""Mistakes in the calls, journeys and targets of a file whose fields can be read; pure functions."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from perf_core.analysis.catalogue import PROTOCOL_FIGURES, STAGE_FIGURES, Labels, figure_names
from perf_core.load.placeholders import placeholders
from perf_core.load.plan import RESERVED_LABELS, is_label
from perf_core.load.step_problems import expectation_problem, save_problems
from perf_core.server.subject import closest_name
from perf_core.shapes.registry import all_shapes
from perf_core.targets.file_model import TargetFile, TargetTable
from perf_core.targets.requests import MixTable, RequestTable, label_of, mix_tables, step_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def content_problems(file: TargetFile, scenarios: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with calls, journeys and targets, as far as it can be told without k6.

    Args:
        scenarios: Names of the scenarios that a file has.
    """
    methods: dict[str, str] = {}
    names: set[str] = set()
    for index, call in enumerate(file.calls):
        place = f"calls[{index}]"
        yield from _values_problems(place, call, [(place, call)])
        yield from _request_problems(place, call, methods)
    for index, journey in enumerate(file.journeys):
        place = f"journeys[{index}]"
        steps = [(f"{place}.steps[{number}]", step) for number, step in enumerate(journey.steps)]
        yield from _values_problems(place, journey, steps)
        if journey.name in names:
            yield f"{place}.name: expected another name than those of other journeys, got {journey.name!r}"
        names.add(journey.name)
        if not is_label(journey.name):
            yield f"{place}.name: {_LABEL}, got {journey.name!r}"
        for step_place, step in steps:
            yield from _request_problems(step_place, step, methods)
    for place, each in mix_tables(file):
        if each.kind and not is_label(each.kind):
            yield f"{place}.kind: {_LABEL}, got {each.kind!r}"
    yield from _target_problems(file, scenarios)


_LABEL = "expected a name that can label figures (no blanks at an end, no commas, braces or quotes)"


def _request_problems(place: str, table: RequestTable, methods: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong with one request; `methods` has the method of each name in figures so far."""
    step = step_of(table)
    if table.tool is not None and table.name is not None:
        yield f"{place}.name: expected none for a tool, whose own name stands in figures, got {table.name!r}"
    if table.arguments and (table.resource is not None or table.completion is not None):
        kind = "resource" if table.resource is not None else "completion"
        yield f"{place}.arguments: expected none for a {kind}, got {json.dumps(table.arguments)}"
    if table.prompt is not None:
        for name, value in table.arguments.items():
            if not isinstance(value, str):
                yield f"{place}.arguments.{name}: expected a text for a prompt, got {json.dumps(value)}"
    if not is_label(step.tool):
        hint = "" if table.tool is not None else "; give the request a name"
        yield f"{place}: {_LABEL}, got {step.tool!r}{hint}"
    if step.tool in RESERVED_LABELS:
        hint = "" if table.tool is not None else "; give the request another name"
        yield f"{place}: expected a name that means nothing else in figures, got {step.tool!r}{hint}"
    if methods.setdefault(step.tool, step.method) != step.method:
        yield (
            f"{place}: expected a name that no request of another kind has in figures, got {step.tool!r}; "
            "give it a name of its own"
        )
    problem = expectation_problem(step.expect, step.method)
    if problem:
        yield f"{place}.expect: {problem}"
    for problem in save_problems(step.save, step.expect):
        yield f"{place}.save: {problem}"


def _values_problems(place: str, table: MixTable, steps: Sequence[tuple[str, RequestTable]]) -> Iterator[str]:
    """Yield what is wrong with the names of drawn and saved values, and with their use."""
    available = {"unique"}
    for name in table.draw:
        if not _NAME.fullmatch(name) or name == "unique":
            yield f"{place}.draw: expected a name of letters, digits and _ other than 'unique', got {name!r}"
        available.add(name)
    saved_later = {name for _, step in steps for name in step_of(step).save}
    used: set[str] = set()
    for step_place, request in steps:
        step = step_of(request)
        in_answer = set(placeholders(step.expect.value))
        in_step = set(placeholders(dict(step.arguments))) | in_answer
        used |= in_step
        early = sorted((in_step & saved_later) - available)
        if early:
            yield (
                f"{step_place}: expected values that earlier steps save, got {{{early[0]}}}, which is saved "
                "in this step or later"
            )
        if request.resource is not None:
            for name in sorted(set(placeholders(request.resource)) - available - saved_later):
                yield f"{step_place}.resource: expected {{{name}}} to be drawn or saved before, got neither"
        if step.expect.kind == "regex" and in_answer & (set(table.draw) | saved_later):
            yield f"{step_place}.expect.regex: expected a pattern without drawn or saved values; use contains"
        for name in step.save:
            if name in available:
                yield f"{step_place}.save: expected a name that no other value has, got {name!r}"
            available.add(name)
    for name in table.draw:
        if name not in used:
            yield f'{place}.draw.{name}: expected "{{{name}}}" where the value is to stand, got it nowhere'


def _target_problems(file: TargetFile, scenarios: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the targets, as far as it can be told without k6, which names the stages."""
    shapes = all_shapes()
    names = {name: figure_names(_labels(file), shapes[name].figures) for name in scenarios}
    for index, target in enumerate(file.targets):
        place = f"targets[{index}]"
        unknown = [name for name in target.scenarios or () if name not in names]
        for name in unknown:
            yield f"{place}.scenarios: expected names of scenarios, got {name!r}{closest_name(name, names)}"
        if not unknown:
            problem = _figure_problem(target, names)
            if problem:
                yield f"{place}.figure: {problem}"


def _labels(file: TargetFile) -> Labels:
    requests: list[tuple[str, str]] = [(label_of(call), call.kind) for call in file.calls]
    requests += [(label_of(step), journey.kind) for journey in file.journeys for step in journey.steps]
    return Labels(
        tools=tuple(sorted({label for label, _ in requests})),
        kinds=tuple(sorted({(tool, kind) for label, kind in requests if kind for tool in ("all", label)})),
        journeys=tuple(sorted(journey.name for journey in file.journeys if len(journey.steps) > 1)),
    )


def _figure_problem(target: TargetTable, names: Mapping[str, Collection[str]]) -> str:
    """Return what is wrong with the figure of a target, given the figures of each scenario."""
    figure, at, _ = target.figure.partition("@")
    got = f"got {target.figure!r}"
    if at and figure not in STAGE_FIGURES:
        return f"expected a figure that stages have, {got}{closest_name(figure, STAGE_FIGURES)}"
    having = [name for name, figures in names.items() if not at and figure in figures]
    is_of_k6 = bool(at) or figure.startswith(PROTOCOL_FIGURES)
    if not having and not is_of_k6:
        candidates = dict.fromkeys(itertools.chain.from_iterable(names.values()))
        return f"expected the name of a figure, {got}{closest_name(figure, candidates)}"
    if target.scenarios is None and len(having) < len(names):
        example = json.dumps(having or ["load" if at else "benchmark"])
        return f"expected a figure of every scenario, or scenarios = {example} beside it, {got}"
    lacking = [name for name in target.scenarios or () if not is_of_k6 and name not in having]
    if lacking:
        return f"expected a figure of {' and '.join(lacking)}, {got}, which only {' and '.join(having)} has"
    return ""
