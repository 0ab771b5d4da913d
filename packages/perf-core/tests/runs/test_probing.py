"""The probe beside real loads: what streams is in the record, and the load does not notice."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode
from perf_core.interruption import Interruption
from perf_core.load.k6_process import Preview
from perf_core.load.probe.stream_probe import StreamProbe
from perf_core.results import record_file
from perf_core.results.record import RunRecord
from perf_core.runs.probing import stream_probe
from perf_core.server.credentials.access import OPEN
from perf_core.shapes.registry import all_shapes

STREAMER = Path(__file__).parents[1] / "servers" / "streamer.py"


def measured(tmp_path: Path, tools: tuple[str, ...], *options: str, **lab: str) -> RunRecord:
    command = [sys.executable, str(STREAMER), "--ready-file", "{ready_file}", *options]
    calls = "\n".join(f'[[calls]]\ntool = "{tool}"' for tool in tools)
    target = tmp_path / "streamer.toml"
    target.write_text(f'name = "streamer"\ncommand = {command!r}\n{calls}\n'.replace("'", '"'))
    arguments = [part for name, value in lab.items() for part in (f"--{name}", value)]
    results = tmp_path / "results"
    code = main(["run", "quick", "--target", str(target), *arguments, "--output-dir", str(results)])
    assert code == ExitCode.PASS
    (path,) = results.glob("*/record.json")
    return record_file.read(path)


@pytest.mark.k6
def test_tool_that_streams_is_measured_beside_the_load(tmp_path: Path) -> None:
    record = measured(
        tmp_path, ("quick", "steps"), "--streams", "held", wire="session", vus="4", duration="3s"
    )
    streams = record.streams
    assert streams is not None
    assert streams.problem == ""
    (tool,) = streams.tools
    assert (tool.tool, tool.failed, tool.progress_per_call, tool.is_idle) == ("steps", 0, 3, False)
    assert 60 <= tool.first_ms.med < 500
    assert 50 <= tool.gap_ms.med < 500
    assert 240 <= tool.answer_ms.med < 1000
    assert streams.held is not None
    assert (streams.held.opened, streams.held.kept) == (3, 3)
    assert streams.held.longest_s > 3
    assert record.metrics is not None
    # One call a second, and not one of k6's.
    assert 1 <= streams.calls <= 5
    assert streams.calls == tool.calls
    assert streams.share_of_calls <= 0.05
    assert "Streams in ms" in (tmp_path / "results" / record.run_id / "report.html").read_text()
    assert record.server is not None
    calls = record.metrics.tool_calls + streams.calls
    assert record.server.cpu_us_per_call == pytest.approx(record.server.cpu_s * 1e6 / calls)


@pytest.mark.k6
@pytest.mark.long
def test_load_without_streams_is_undisturbed(tmp_path: Path) -> None:
    record = measured(tmp_path, ("quick",), wire="session", vus="2", duration="2s")
    assert record.streams is not None
    assert (record.streams.calls, record.streams.tools) == (0, ())
    assert record.streams.held is not None
    assert record.streams.held.refused_status == 405
    assert "Streams" not in (tmp_path / "results" / record.run_id / "summary.md").read_text()


def is_probed(shape: str, transport: str = "http") -> bool:
    settings = SimpleNamespace(request_timeout_s=30.0)
    plan = SimpleNamespace(shape=shape, settings=settings, pools={"mix": []}, longest_think_time_s=0.5)
    question: Any = SimpleNamespace(plan=plan, preview=Preview(40, 30, 10))
    live: Any = SimpleNamespace(
        url="http://127.0.0.1:9/mcp",
        handshake=SimpleNamespace(wire="session"),
        access=OPEN,
        transport=transport,
    )
    return isinstance(stream_probe(question, live, Interruption()), StreamProbe)


def test_shapes_that_count_or_call_alone_have_no_probe() -> None:
    without = {name for name in all_shapes() if not is_probed(name)}
    assert without == {"benchmark", "cleanup", "large-scores", "rate-limit", "recovery", "tools"}


@pytest.mark.parametrize(
    ("transport", "expected"), [("stdio", False), ("stdio-shared", True), ("http+sse", True)]
)
def test_server_with_a_process_for_each_session_has_no_probe(transport: str, expected: bool) -> None:
    assert is_probed("load", transport) is expected
