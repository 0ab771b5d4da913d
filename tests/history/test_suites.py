"""The suites of the history: they call a lab for the served figures, and measure the rest themselves."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import ModuleType

import pytest

FIGURES = {
    "cpu_us_per_call": {"a": 60.0, "b": 900.0, "ratio": 15.0, "verdict": "worse"},
    "latency_ms.med": {"a": 0.5, "b": 2.0, "ratio": 4.0, "low": 3.8, "high": 4.2},
    "error_rate": {"a": 0.0, "b": 0.0, "ratio": None, "low": -0.001, "high": 0.001},
    "ready_s": {"a": 0.25, "b": 1.5, "ratio": None},
}

LAB = """#!{python}
import json, sys
from pathlib import Path
words = sys.argv[1:]
folder = Path(words[words.index("--output-dir") + 1])
(folder / "run").mkdir(parents=True)
(folder.parent / "calculator.toml").rename({saved!r})
metrics = [dict(figures, name=name) for name, figures in {figures!r}.items()]
document = {{"schema": 3, "kind": "comparison", "pairings": [{{"metrics": metrics}}]}}
(folder / "run" / "comparison.json").write_text(json.dumps(document))
print("words:", *words)
sys.exit(3 if "session" in words else {code})
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that creates a fake lab, whose exit code on the stateless wire is the argument."""

    def create(code: int = 0) -> Path:
        path = tmp_path / "perf-core"
        saved = tmp_path / "calculator.toml"
        path.write_text(LAB.format(python=sys.executable, saved=str(saved), figures=FIGURES, code=code))
        path.chmod(0o755)
        monkeypatch.setenv("PERF_CORE", str(path))
        return saved

    return create


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="the fake lab is a script that needs a shebang line")
def test_tracks_report_the_figures_of_the_lab(suite, lab) -> None:
    from perf_core.targets.toml_file import read_target_file

    target_file = lab()
    served = suite("served").Served()
    outcomes = served.setup_cache()
    served.setup(outcomes, "session")
    assert served.track_time_per_call(outcomes, "session") == 0.002
    assert served.track_time_per_call_ratio(outcomes, "session") == 4.0
    assert served.track_server_cpu_per_call(outcomes, "session") == 0.0009
    assert served.track_server_cpu_per_call_ratio(outcomes, "session") == 15.0
    assert served.track_start_up(outcomes, "session") == 1.5
    ratio = served.track_start_up_ratio(outcomes, "session")
    assert math.isnan(ratio), "a missing figure is NaN, which asv shows as n/a"
    assert served.track_time_per_call_ratio_low(outcomes, "session") == 3.8
    assert served.track_time_per_call_ratio_high(outcomes, "session") == 4.2
    assert math.isnan(served.track_server_cpu_per_call_ratio_high(outcomes, "session"))
    adapter = read_target_file(target_file)
    assert adapter.launch.argv[0] == sys.executable, "the suite's Python has the commit's packages"
    assert "quick" in adapter.scenarios


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="the fake lab is a script that needs a shebang line")
def test_a_failing_wire_does_not_affect_the_other(suite, lab) -> None:
    lab(code=5)
    served = suite("served").Served()
    outcomes = served.setup_cache()
    served.setup(outcomes, "session")
    with pytest.raises(RuntimeError, match=r"exit code 5(.|\n)*words: compare reference-asgi"):
        served.setup(outcomes, "stateless")


def test_suite_reads_the_schema_of_this_lab_and_uses_enough_launches_for_an_interval(suite) -> None:
    from perf_core.comparison.model import SCHEMA

    comparison = suite("comparison")
    assert comparison.SCHEMA == SCHEMA
    assert comparison.LAUNCHES >= 5
    arguments = comparison.comparison_arguments(Path("calculator.toml"), "session", Path("results"))
    assert arguments[arguments.index("--launches") + 1] == str(comparison.LAUNCHES)


@pytest.fixture(params=[None, "", "/nowhere/perf-core", "python", ".nox/bench/bin/perf-core"])
def unusable_lab(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERF_CORE", raising=False)
    if request.param is not None:
        monkeypatch.setenv("PERF_CORE", request.param)


@pytest.mark.usefixtures("unusable_lab")
def test_a_missing_lab_fails_each_served_benchmark(suite) -> None:
    served = suite("served").Served()
    outcomes = served.setup_cache()
    for wire in served.params:
        with pytest.raises(RuntimeError, match="expected PERF_CORE to be the absolute path"):
            served.setup(outcomes, wire)


@pytest.mark.usefixtures("unusable_lab")
def test_a_missing_lab_ends_the_history_before_anything_is_measured(
    history: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine without results, so that there is a commit to measure and asv need not register this one.
    monkeypatch.setattr(history, "registered_machine", lambda: "a machine without results")
    assert history.main([]) == 1
    assert "expected PERF_CORE to be the absolute path" in capsys.readouterr().err


def test_a_missing_module_makes_a_suite_not_applicable(suite, tmp_path: Path, monkeypatch) -> None:
    subject = suite("subject").subject
    for name in ("absent_server", "absent_server.settings", "perf_core.not_yet"):
        with pytest.raises(NotImplementedError, match=name):
            subject(name)
    (tmp_path / "broken_server.py").write_text("import a_dependency_that_is_missing")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_dependency"):
        subject("broken_server")


def test_call_suites_get_right_answers_on_both_wires(suite) -> None:
    dispatch = suite("dispatch")
    fastmcp = dispatch.FastMcpDispatch()
    fastmcp.setup()
    fastmcp.time_100_calls()
    fastmcp.teardown()
    for wire in dispatch.AsgiApp.params:
        app = dispatch.AsgiApp()
        app.setup(wire)
        app.time_100_calls(wire)
        app.teardown(wire)


def test_series_suite_reads_a_recording(suite) -> None:
    series = suite("series").Series()
    series.setup()
    series.time_600_periods()


@pytest.mark.process
def test_open_sessions_cost_memory(suite) -> None:
    sessions = suite("sessions").Sessions()
    sessions.setup()
    # A light session is a record of a few hundred bytes; pages of 4 kB make the figure uneven.
    assert 100 < sessions.track_memory_per_session() < 10_000
