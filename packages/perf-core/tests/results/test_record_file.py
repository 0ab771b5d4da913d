"""Records: written completely, read back unchanged, and refused with reasons."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_core.errors import ResultsError
from perf_core.results.record import (
    SCHEMA,
    Finding,
    HeldStreams,
    Latency,
    MemoryTrend,
    RunRecord,
    Series,
    ServerUse,
    SlowReader,
    Streams,
    TargetResult,
    ToolStream,
    Trend,
)
from perf_core.results.record_file import from_json, read, to_json, write
from perf_core.results.slow_calls import ServerMeanwhile, SlowCall
from perf_core.results.token_cost import TokenCost, ToolTokens

if TYPE_CHECKING:
    from conftest import Build

SINCE_SCHEMA_3 = ("discovery", "bridge", "streams")
SINCE_SCHEMA_4 = {"slow_calls": (), "token_cost": None}


@pytest.fixture(scope="module")
def rich(build: type[Build]) -> RunRecord:
    """Return a record with a value in every field."""
    return RunRecord(
        run_id="20250101T000000Z-load-adder-session",
        scenario="load",
        target="adder",
        wire="session",
        started_at="2025-01-01T00:00:00.000+00:00",
        duration_s=25.0,
        verdict="fail",
        reasons=("latency_ms.all.p95 is 120, < 100 was wanted", "é"),
        exit_code=99,
        metrics=build.metrics(
            errors={"timeout": 3},
            journey_ms={"visit": build.latency()},
            kinds_ms={"add": {"small": build.latency()}},
            protocol_ms={"ping": build.latency()},
        ),
        server=ServerUse(
            rss_mb=MemoryTrend(50.0, 80.0, 70.0, 2.5, (2.0, 3.0)),
            cpu_s=2.0,
            cpu_us_per_call=400.0,
            fds=Trend(9, 12, 9),
            threads=Trend(3, 3, 3),
            processes=1,
            sessions_left=0,
            uptime_percent=99.5,
        ),
        generator=build.generator(saturated=True),
        targets=(
            TargetResult(
                "latency_ms.all.p95", "<", 100.0, 75.0, "People wait.", 120.0, 1000, "missed", False, False
            ),
            TargetResult(
                "spike.recovery_s", "<", 30.0, None, "A rush.", None, 0, "not judged", reason="short"
            ),
        ),
        stages=(build.stage("ramp_10", 0, 5), build.stage("hold_10", 5, 25)),
        findings=(Finding("Knee", "At 10 VUs.", {"knee_vus": 10.0, "manner": "gracefully", "none": None}),),
        series=Series(1.0, build.load_columns([(10.0, 0.0, None, None)] * 3), {"t_s": (0.5, 1.5)}),
        manifest={"machine": {"cpus": 2}, "commit": None, "list": [1, "a"]},
        slow_calls=(
            SlowCall(
                1.0,
                0.5,
                0.1,
                0.3,
                0.1,
                "add",
                "hold_10",
                "",
                3,
                "0a1b2c3d",
                "4e5f6071",
                ServerMeanwhile(0.6, 0.9),
            ),
            SlowCall(2.0, 0.4, 0.0, 0.4, 0.0, "add", "hold_10", "timeout", 4, "", "4e5f6071"),
        ),
        token_cost=TokenCost("o200k_base", False, 90, 7, (ToolTokens("add", 90, 40, 30, 12, 400),)),
    )


# --- round trip ---


def test_record_is_read_back_unchanged(rich: RunRecord) -> None:
    assert from_json(to_json(rich)) == rich


def test_former_slopes_of_files_and_threads_are_ignored(rich: RunRecord) -> None:
    document = json.loads(to_json(rich))
    for name in ("fds", "threads"):
        document["server"][name] |= {"slope_per_h": None, "slope_interval": None}
    assert from_json(json.dumps(document)) == rich


def test_minimal_record_is_read_back_unchanged(rich: RunRecord) -> None:
    bare = replace(
        rich,
        metrics=None,
        server=None,
        generator=None,
        targets=(),
        stages=(),
        findings=(),
        reasons=(),
        series=Series(0.2, {}, {}),
        manifest={},
    )
    assert from_json(to_json(bare)) == bare


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(
    latency=st.builds(Latency, st.integers(0, 10**9), *[NUMBERS] * 7),
    memory=st.builds(
        MemoryTrend, NUMBERS, NUMBERS, NUMBERS, st.none() | NUMBERS, st.none() | st.tuples(NUMBERS, NUMBERS)
    ),
    column=st.lists(st.none() | NUMBERS, max_size=5).map(tuple),
    text=st.text(),
)
def test_any_numbers_and_texts_are_read_back_unchanged(
    rich: RunRecord, latency: Latency, memory: MemoryTrend, column: Any, text: str
) -> None:
    assert rich.server is not None
    assert rich.metrics is not None
    changed = replace(
        rich,
        metrics=replace(rich.metrics, latency_ms={text: latency}),
        server=replace(rich.server, rss_mb=memory),
        series=Series(1.0, {"t_s": column}, {}),
        reasons=(text,),
    )
    assert from_json(to_json(changed)) == changed


def test_file_is_read_by_folder_or_name(rich: RunRecord, tmp_path: Path) -> None:
    path = write(rich, tmp_path)
    assert path == tmp_path / "record.json"
    assert read(tmp_path) == read(path) == rich
    assert [entry.name for entry in tmp_path.iterdir()] == ["record.json"]


def test_series_are_on_one_line(rich: RunRecord) -> None:
    lines = to_json(rich).splitlines()
    assert lines[1] == f' "schema": {SCHEMA},'
    assert sum('"series"' in line for line in lines) == 1
    assert lines[-1] == "}"


# --- fields ---


def names(document: Any) -> set[str]:
    return set(document)


def test_record_has_its_public_fields(rich: RunRecord) -> None:
    document = json.loads(to_json(rich))
    assert document["schema"] == SCHEMA
    assert {
        "schema",
        "run_id",
        "scenario",
        "target",
        "wire",
        "started_at",
        "duration_s",
        "verdict",
        "reasons",
        "metrics",
        "server",
        "generator",
        "targets",
        "manifest",
    } <= names(document)
    metrics = document["metrics"]
    assert {
        "tool_calls",
        "tool_calls_per_s",
        "error_rate",
        "errors",
        "latency_ms",
        "session_creation_ms",
    } <= names(metrics)
    statistics = {"count", "min", "avg", "med", "p90", "p95", "p99", "max", "lower_bounds"}
    assert names(metrics["latency_ms"]["add"]) == names(metrics["session_creation_ms"]) == statistics
    server = document["server"]
    assert {"rss_mb", "cpu_s", "cpu_us_per_call", "fds", "threads"} <= names(server)
    assert names(server["rss_mb"]) == {"start", "peak", "end", "slope_mb_per_h", "slope_interval"}
    assert {"start", "peak", "end"} <= names(server["fds"])
    assert {"cpu_s", "dropped_iterations"} <= names(document["generator"])
    assert isinstance(document["reasons"], list)
    assert isinstance(document["targets"], list)


# --- writing ---


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("place", ["manifest", "series", "duration"])
def test_numbers_that_are_not_finite_are_not_written(
    rich: RunRecord, tmp_path: Path, number: float, place: str
) -> None:
    changed = {
        "manifest": replace(rich, manifest={"load": number}),
        "series": replace(rich, series=Series(1.0, {"t_s": (number,)}, {})),
        "duration": replace(rich, duration_s=number),
    }[place]
    with pytest.raises(ResultsError, match="expected finite numbers"):
        write(changed, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_lone_surrogates_are_replaced(rich: RunRecord, tmp_path: Path) -> None:
    # They come from undecodable bytes in a command line or in a server's name.
    write(replace(rich, manifest={"command": ["perf-core", "caf\udce9"]}), tmp_path)
    assert read(tmp_path).manifest == {"command": ["perf-core", "caf?"]}


def test_file_instead_of_a_folder_is_a_results_error(rich: RunRecord, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ResultsError, match=r"cannot write .*record\.json") as caught:
        write(rich, file)
    assert "--output-dir" in caught.value.hint


# --- reading ---


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (("metrics", "error_rate"), "much", "metrics.error_rate: Input should be a valid number"),
        (("verdict",), "good", "verdict: Input should be 'pass'"),
        (("wire",), "http", "wire: Input should be 'session'"),
        (("server", "rss_mb", "peak"), None, "server.rss_mb.peak"),
        (("targets", 0, "comparison"), "=", "targets.0.comparison"),
        (("series", "load", "t_s"), 5, "series.load.t_s"),
    ],
)
def test_malformed_field_is_named_with_its_value(
    rich: RunRecord, where: Any, value: Any, message: str
) -> None:
    document = json.loads(to_json(rich))
    part = document
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = value
    with pytest.raises(ResultsError) as caught:
        from_json(json.dumps(document), "some.json")
    assert message in caught.value.message
    assert f"got {value!r}" in caught.value.message
    assert caught.value.message.startswith(f"some.json is not a record of schema {SCHEMA}")


@pytest.mark.parametrize("field", ["run_id", "metrics", "series", "schema"])
def test_missing_field_is_named(rich: RunRecord, field: str) -> None:
    document = json.loads(to_json(rich))
    del document[field]
    with pytest.raises(ResultsError, match=f"{field}: .*required"):
        from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", '{"schema": "x"}'])
def test_text_that_is_not_a_record_is_refused(text: str) -> None:
    with pytest.raises(ResultsError, match=f"not a record of schema {SCHEMA}"):
        from_json(text)


def test_record_of_another_schema_is_refused(rich: RunRecord) -> None:
    document = json.loads(to_json(rich)) | {"schema": SCHEMA + 1}
    del document["metrics"]  # a later schema may have changed anything
    with pytest.raises(
        ResultsError,
        match=rf"expected a record of schema 1 to {SCHEMA} in record\.json, got schema {SCHEMA + 1}",
    ):
        from_json(json.dumps(document))


def test_record_of_schema_1_can_be_read(rich: RunRecord) -> None:
    document = json.loads(to_json(rich)) | {"schema": 1}
    for name in ("health", "longest_silence_s", *SINCE_SCHEMA_3, *SINCE_SCHEMA_4):
        del document[name]
    for name in ("errors_by_tool", "accounting", "failures", "phases_ms", "quantiles_ms"):
        del document["metrics"][name]
    assert from_json(json.dumps(document)).metrics == rich.metrics


def test_record_of_schema_2_can_be_read(rich: RunRecord) -> None:
    document = json.loads(to_json(rich)) | {"schema": 2}
    for name in (*SINCE_SCHEMA_3, *SINCE_SCHEMA_4):
        del document[name]
    old = from_json(json.dumps(document))
    assert old == replace(rich, schema=2, **dict.fromkeys(SINCE_SCHEMA_3), **SINCE_SCHEMA_4)


def test_record_of_schema_3_can_be_read(rich: RunRecord) -> None:
    document = json.loads(to_json(rich)) | {"schema": 3}
    for name in SINCE_SCHEMA_4:
        del document[name]
    assert from_json(json.dumps(document)) == replace(rich, schema=3, **SINCE_SCHEMA_4)


def test_streams_are_read_back_unchanged(rich: RunRecord, build: type[Build]) -> None:
    times = build.latency()
    streams = Streams(
        calls=20,
        share_of_calls=0.01,
        tools=(ToolStream("export", 20, 3.0, 3.0, times, times, times, 1, "no answer", True),),
        held=HeldStreams(3, 1, 1, 1, 0, 0, None, 12, 4.5, 60.0),
        slow_reader=SlowReader("export", 8_000_000, 5.1, True, 12.0, None, True),
        server_methods={"elicitation/create": 2},
        problem="ended early",
    )
    record = replace(rich, streams=streams)
    assert from_json(to_json(record)) == record


def test_folder_without_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"cannot read .*record\.json") as caught:
        read(tmp_path)
    assert "folder of a run" in caught.value.hint
