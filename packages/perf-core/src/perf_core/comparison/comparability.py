"""Reasons against comparing two recorded runs, and remarks for those who do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from perf_core.load.plan import Settings
from perf_core.results.record import RunRecord

MEMORY_TOLERANCE = 0.05
"""Relative difference between the memory sizes that machines of the same kind report."""


def obstacles(before: RunRecord, after: RunRecord) -> Iterator[str]:
    """Yield the reasons why two runs cannot be compared, except differences of the machines."""
    for when, record in (("before", before), ("after", after)):
        if record.verdict in {"invalid", "interrupted"} or record.metrics is None:
            why = f" ({'; '.join(record.reasons)})" if record.reasons else ""
            verdict = record.verdict if record.metrics is not None else "without figures"
            yield f"the run {when} is {verdict}{why}"
        elif record.health is not None and record.health.state in {"bounded", "invalid"}:
            # Its figures of time are bounds: a difference may be one of the machine's other work.
            yield f"the run {when} was disturbed ({'; '.join(record.health.problems)})"
    yield from _differences({"scenario": before.scenario}, {"scenario": after.scenario})
    yield from _differences({"wire": before.wire}, {"wire": after.wire})
    plans = manifest_part(before, "plan"), manifest_part(after, "plan")
    yield from _differences(*({"shape": plan.get("shape")} for plan in plans))
    for when, plan in zip(("before", "after"), plans, strict=True):
        if not _settings(plan):
            yield f"the record {when} has no settings"
    if all(map(_settings, plans)):
        # A setting that a record lacks did not exist yet: the run did what is now the default.
        yield from _differences(*({**asdict(Settings()), **_settings(plan)} for plan in plans))
        yield from _differences(*({"journeys": plan.get("journeys")} for plan in plans))
        # Not a setting of the load, but the server's CPU time depends on it.
        yield from _differences(*({"--pin": _is_pinned(record)} for record in (before, after)))


def machine_differences(before: RunRecord, after: RunRecord) -> Iterator[str]:
    """Yield the differences between the machines of two runs."""
    machines = manifest_part(before, "machine"), manifest_part(after, "machine")
    for when, machine in zip(("before", "after"), machines, strict=True):
        if not machine:
            yield f"the record {when} has no machine"
    if not all(machines):
        return
    for key in ("cpu", "cpus", "architecture"):
        yield from _differences(*({key: machine.get(key)} for machine in machines))
    # Without the release, which changes with each update of the kernel.
    yield from _differences(*({"system": str(m.get("system")).partition(" ")[0]} for m in machines))
    sizes_mb = sorted(_number(machine.get("memory_mb")) for machine in machines)
    if sizes_mb[1] > sizes_mb[0] * (1 + MEMORY_TOLERANCE):
        yield from _differences(*({"memory_mb": machine.get("memory_mb")} for machine in machines))


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield f"{key}: {_in_words(before.get(key))} before, {_in_words(after.get(key))} after"


def _in_words(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def manifest_part(record: RunRecord, name: str) -> Mapping[str, Any]:
    """Return a part of the manifest by name, empty if it is missing."""
    part = record.manifest.get(name)
    return part if isinstance(part, Mapping) else {}


def _settings(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    settings = plan.get("settings")
    return settings if isinstance(settings, Mapping) else {}


def _is_pinned(record: RunRecord) -> bool:
    command = record.manifest.get("command")
    return isinstance(command, list | tuple) and "--pin" in command


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def remarks(before: RunRecord, after: RunRecord) -> Iterator[str]:
    """Yield what a reader of the comparison must know, one sentence each."""
    if before.run_id == after.run_id:
        yield "Both are the same run."
    if before.target != after.target:
        yield (
            f"These are two servers, {before.target} before and {after.target} after, "
            "not two versions of one."
        )
    for when, record in (("before", before), ("after", after)):
        if manifest_part(record, "commit").get("dirty"):
            yield f"The checkout {when} had uncommitted changes, so its commit does not identify the server."
    versions = manifest_part(before, "versions"), manifest_part(after, "versions")
    kernels = ({"system": manifest_part(record, "machine").get("system")} for record in (before, after))
    for difference in (*_differences(*versions), *_differences(*kernels)):
        # The version of the adapter is expected to differ.
        if not difference.startswith("adapter:"):
            yield f"Besides the server, this changed: {difference}."
