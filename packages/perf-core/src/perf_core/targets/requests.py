"""Requests of a target file as steps of journeys; pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perf_core.adapter import Expectation, Step
from perf_core.targets.file_model import CallTable, CompletionTable, JourneyTable, StepTable, TargetFile

RequestTable = CallTable | StepTable
MixTable = CallTable | JourneyTable


def mix_tables(file: TargetFile) -> Iterator[tuple[str, MixTable]]:
    """Yield the calls and journeys of a file, each with its place."""
    yield from ((f"calls[{index}]", call) for index, call in enumerate(file.calls))
    yield from ((f"journeys[{index}]", journey) for index, journey in enumerate(file.journeys))


def step_of(table: RequestTable) -> Step:
    """Return the step that a table describes, with placeholders where values are drawn or saved."""
    expect = table.expect.expectation() if table.expect else Expectation.anything()
    save = table.save if isinstance(table, StepTable) else {}
    name = label_of(table)
    if table.resource is not None:
        return Step(name, {"uri": table.resource}, expect, "resources/read", save)
    if table.prompt is not None:
        params: dict[str, Any] = {"name": table.prompt}
        if table.arguments:
            params["arguments"] = table.arguments
        return Step(name, params, expect, "prompts/get", save)
    if table.completion is not None:
        return Step(name, _completion(table.completion), expect, "completion/complete", save)
    return Step(name, table.arguments, expect, save=save)


def _completion(table: CompletionTable) -> dict[str, Any]:
    reference = (
        {"type": "ref/prompt", "name": table.prompt}
        if table.prompt is not None
        else {"type": "ref/resource", "uri": table.resource}
    )
    return {"ref": reference, "argument": {"name": table.argument, "value": table.value}}


def label_of(table: RequestTable) -> str:
    """Return the name of a request in figures.

    Placeholders of a URI stand in angle brackets, since k6 takes braces for its own.
    """
    if table.name is not None and table.tool is None:
        return table.name
    if table.completion is not None:
        return f"completion of {_bracketed(str(table.completion.prompt or table.completion.resource))}"
    return _bracketed(str(table.resource)) if table.resource is not None else str(table.prompt or table.tool)


def _bracketed(uri: str) -> str:
    return uri.replace("{", "<").replace("}", ">")
