"""A recorded run, and copies of it with another manifest.

Makes the helper modules beside these tests importable, too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perf_core.results.record import MemoryTrend, RunRecord, Series, ServerUse, Trend

if TYPE_CHECKING:
    from conftest import Build

sys.path.insert(0, str(Path(__file__).parent))

WithManifest = Callable[..., RunRecord]

MANIFEST: dict[str, Any] = {
    "machine": {
        "cpu": "Example CPU",
        "cpus": 2,
        "memory_mb": 8000,
        "system": "Linux 6.1",
        "architecture": "x86_64",
        "load_before": 0.4,
    },
    "versions": {"perf_core": "0.1.0", "python": "3.11.2", "k6": "k6 v1.1.0", "adapter": "adder 1.2"},
    "server": {"name": "adder", "version": "1.2"},
    "plan": {
        "shape": "load",
        "settings": {"time_scale": 1.0, "duration_s": None, "vus": None, "think_time_s": 0.0, "seed": 1},
        "journeys": {"mix": 20000},
    },
    "commit": {"hash": "0123456789abcdef", "dirty": False},
    "command": ["perf-core", "run", "load"],
}


@pytest.fixture(scope="session")
def with_manifest() -> WithManifest:
    """Return a function that changes one value in the manifest of a record; None removes the key."""

    def change(part: dict[str, Any], keys: tuple[str, ...], value: Any) -> dict[str, Any]:
        if len(keys) > 1:
            return {**part, keys[0]: change(part[keys[0]], keys[1:], value)}
        rest = {key: item for key, item in part.items() if key != keys[0]}
        return rest if value is None else {**rest, keys[0]: value}

    def changed(record: RunRecord, *path: str, value: Any) -> RunRecord:
        return replace(record, manifest=change(dict(record.manifest), path, value))

    return changed


@pytest.fixture(scope="session")
def record(build: type[Build]) -> RunRecord:
    return RunRecord(
        run_id="20250101T000000Z-load-adder-session",
        scenario="load",
        target="adder",
        wire="session",
        started_at="2025-01-01T00:00:00.000+00:00",
        duration_s=25.0,
        verdict="pass",
        reasons=(),
        exit_code=0,
        metrics=build.metrics(session_creation_ms=build.latency(20.0, 100)),
        server=ServerUse(
            MemoryTrend(50.0, 80.0, 70.0), 2.0, 400.0, Trend(9, 12, 9), Trend(3, 3, 3), processes=1
        ),
        generator=build.generator(),
        targets=(),
        stages=(build.stage("ramp_10", 0, 5), build.stage("hold_10", 5, 25)),
        findings=(),
        series=Series(1.0, {}, {}),
        manifest=MANIFEST,
    )
