"""Drawn calls under real load: sound answers pass, and an answer of another session is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from perf_core import Launch
from perf_core.adapter import WIRES, Wire
from perf_core.interruption import Interruption
from perf_core.load.plan import Settings
from perf_core.runs.measure import MeasuredRun, Options, measure
from perf_core.runs.questions import prepare
from perf_core.server.process import ServerProcess
from perf_core.server.subject import DerivedAdapter, Subject
from perf_core.targets.discovery.discover import Discovered

pytestmark = pytest.mark.k6

SOUND = (
    "sum;greet;forecast;note;line;dice;noise;whoami;clock;picture;grüße;get_user;list_users;tree;no_schema"
)


def measured(drawn: Discovered, folder: Path, wire: Wire = "session") -> MeasuredRun:
    question = prepare(drawn.subject, drawn.subject.scenario("quick"), wire, Settings(duration_s=2.0, vus=8))
    return measure(
        question, Options(folder), interruption=Interruption(), on_progress=lambda _text, _share: None
    )


@pytest.mark.parametrize(("tool", "strictness"), [("sum", "exact"), ("forecast", "members")])
def test_one_swapped_answer_in_two_hundred_is_found(
    tool: str,
    strictness: str,
    started: Callable[..., Subject],
    discovered: Callable[..., Discovered],
    tmp_path: Path,
) -> None:
    launch = started("--tools", tool, "--swap-every", "200").adapter.launch
    with ServerProcess(launch, "session", tmp_path / "server.log") as process:
        subject = Subject(DerivedAdapter("varied", None, Launch(()), {}), process.url)
        drawn = discovered(subject, tmp_path / "log")
        idle = httpx2.get(process.url.replace("/mcp", "/counts"), trust_env=False).json()
        run = measured(drawn, tmp_path / "results")
        counts = httpx2.get(process.url.replace("/mcp", "/counts"), trust_env=False).json()
    assert [check.strictness for check in drawn.discovery.checks] == [strictness]
    assert idle["swapped"] == 0, "the server is right while it is idle"
    assert counts["swapped"] >= 2
    assert run.record.metrics is not None
    assert run.record.metrics.errors == {"wrong_answer": counts["swapped"]}
    assert run.record.verdict == "fail"


@pytest.mark.long
def test_sound_server_passes_with_every_kind_of_expectation(
    started: Callable[..., Subject], discovered: Callable[..., Discovered], tmp_path: Path
) -> None:
    drawn = discovered(started("--tools", SOUND), tmp_path / "log")
    kinds = {call.step.expect.kind for call in drawn.calls}
    assert {"result", "text", "whole", "paths", "json", "contains", "shape", "any"} <= kinds | {"members"}
    for wire in WIRES:
        run = measured(drawn, tmp_path / wire, wire)
        record = run.record
        assert record.metrics is not None
        assert record.metrics.errors == {}, record.metrics.failures
        assert record.verdict == "pass", record.reasons
        assert set(record.metrics.latency_ms) == {*SOUND.split(";"), "all"}
        assert record.discovery == drawn.discovery
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "Drawn calls" in page
    assert "cannot be noticed" in page
    assert "Drawn calls" in (run.folder / "summary.md").read_text(encoding="utf-8")
