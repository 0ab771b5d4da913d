from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from perf_core.report import prometheus
from perf_core.report.wording import plain
from perf_core.results.record import RunRecord, Trend

Sample = Callable[..., RunRecord]


def families(record: RunRecord) -> dict[str, Metric]:
    parsed = list(text_string_to_metric_families(prometheus.render(record)))
    assert len({family.name for family in parsed}) == len(parsed)
    return {family.name: family for family in parsed}


def value(family: Metric, suffix: str = "", **labels: str) -> float:
    (sample,) = [
        sample
        for sample in family.samples
        if sample.name == family.name + suffix and labels.items() <= sample.labels.items()
    ]
    return float(sample.value)


def test_second_target_for_a_figure_has_samples_of_its_own(sample: Sample) -> None:
    record = sample("load")
    first, *others = record.targets
    again = replace(first, target=first.target + 1, outcome="missed")
    by_name = families(replace(record, targets=(first, again, *others)))
    levels = by_name["mcp_perf_target_level"]
    figure = {"figure": first.figure, "level": "target"}
    of_figure = [each for each in levels.samples if figure.items() <= each.labels.items()]
    assert [each.labels.get("number") for each in of_figure] == [None, "2"]
    assert [each.value for each in of_figure] == [first.target, first.target + 1]


def test_names_that_differ_in_control_characters_alone_are_different_series(sample: Sample) -> None:
    record = sample("load")
    assert record.metrics is not None
    errors = {"a\x07": {"timeout": 1}, "a\x1b": {"timeout": 2}}
    samples = families(replace(record, metrics=replace(record.metrics, errors_by_tool=errors)))[
        "mcp_perf_tool_errors"
    ].samples
    assert len({tuple(sorted(each.labels.items())) for each in samples}) == len(samples) == 2


def test_every_family_has_name_help_and_type(any_record: RunRecord) -> None:
    by_name = families(any_record)
    assert "mcp_perf_run_verdict" in by_name
    for family in by_name.values():
        assert re.fullmatch(r"mcp_perf_[a-z0-9_]+", family.name)
        assert family.type in {"gauge", "summary"}
        assert family.documentation.endswith(".")
        assert family.samples


def test_samples_are_unique_finite_and_labelled(any_record: RunRecord) -> None:
    seen = set()
    for family in families(any_record).values():
        for sample in family.samples:
            assert {"scenario", "target", "wire"} <= sample.labels.keys()
            assert math.isfinite(sample.value)
            seen.add((sample.name, *sorted(sample.labels.items())))
    # The hostile record repeats one name on purpose: its targets and stages share their labels.
    if "evil" not in any_record.target:
        assert len(seen) == sum(len(family.samples) for family in families(any_record).values())


def test_units_are_base_units(sample: Sample) -> None:
    record = sample("load")
    assert record.metrics is not None
    assert record.server is not None
    by_name = families(record)
    add = record.metrics.latency_ms["add"]
    latency = by_name["mcp_perf_tool_call_duration_seconds"]
    assert value(latency, tool="add", quantile="0.95") == pytest.approx(add.p95 / 1000)
    assert value(latency, "_sum", tool="add") == pytest.approx(add.avg * add.count / 1000)
    assert value(latency, "_count", tool="add") == add.count
    assert not [item for item in latency.samples if item.labels["tool"] == "all"]
    memory = by_name["mcp_perf_server_resident_memory_bytes"]
    assert value(memory, at="peak") == pytest.approx(record.server.rss_mb.peak * 1e6)
    slope = by_name["mcp_perf_server_resident_memory_slope_bytes_per_second"]
    assert value(slope, estimate="middle") == pytest.approx(4.0e6 / 3600)
    per_call = value(by_name["mcp_perf_server_cpu_seconds_per_call"])
    assert per_call == pytest.approx(record.server.cpu_us_per_call / 1e6)
    assert value(by_name["mcp_perf_server_uptime_ratio"]) == 1.0
    assert value(by_name["mcp_perf_run_start_timestamp_seconds"]) == 1772446500.0


def test_targets_and_verdict_are_exported(sample: Sample) -> None:
    by_name = families(sample("load"))
    figure = "tool_calls_per_s@hold_100"
    assert value(by_name["mcp_perf_run_verdict"], verdict="fail") == 1
    assert value(by_name["mcp_perf_run_verdict"], verdict="pass") == 0
    assert value(by_name["mcp_perf_target_outcome"], figure=figure, outcome="missed") == 1
    assert value(by_name["mcp_perf_target_outcome"], figure=figure, outcome="met") == 0
    assert value(by_name["mcp_perf_target_level"], figure=figure, level="target") == 1000
    assert value(by_name["mcp_perf_target_level"], figure=figure, level="stretch") == 2000
    assert 800 < value(by_name["mcp_perf_target_value"], figure=figure) < 900


def test_missing_figures_have_no_sample(sample: Sample) -> None:
    by_name = families(sample("invalid"))
    assert not [name for name in by_name if "server" in name or "generator" in name or "tool_call" in name]
    assert "mcp_perf_target_value" not in by_name
    record = sample("load")
    assert record.metrics is not None
    odd = replace(record, targets=(replace(record.targets[0], value=math.nan),), duration_s=math.inf)
    assert not {"mcp_perf_target_value", "mcp_perf_run_duration_seconds"} & families(odd).keys()
    silent = families(replace(record, metrics=replace(record.metrics, tool_calls=0)))
    assert "mcp_perf_error_ratio" not in silent


def test_silence_health_calls_and_phases_are_exported(sample: Sample) -> None:
    by_name = families(sample("stalled"))
    assert value(by_name["mcp_perf_longest_silence_seconds"]) == 16.5
    assert value(by_name["mcp_perf_stage_longest_silence_seconds"], stage="hold_20") == 16.5
    assert value(by_name["mcp_perf_stage_silent"], stage="hold_20") == 1
    assert value(by_name["mcp_perf_stage_silent"], stage="hold_10") == 0
    assert value(by_name["mcp_perf_health"], state="bounded") == 1
    assert value(by_name["mcp_perf_health"], state="sound") == 0
    assert value(by_name["mcp_perf_cpu_wait_ratio"], process="server") == 0.21
    assert value(by_name["mcp_perf_cpu_wait_ratio"], process="generator") == 0.08
    assert value(by_name["mcp_perf_machine_cpu_pressure_ratio"]) == 0.48
    assert value(by_name["mcp_perf_machine_cpu_steal_ratio"]) == 0
    assert value(by_name["mcp_perf_machine_other_cores"]) == 0.92
    assert value(by_name["mcp_perf_generator_longest_gap_seconds"]) == 0.03
    assert value(by_name["mcp_perf_tool_errors"], tool="multiply", **{"class": "wrong_answer"}) == 391
    ended = by_name["mcp_perf_calls_ended"]
    assert value(by_name["mcp_perf_calls_begun"]) == sum(item.value for item in ended.samples) == 2_689
    assert value(ended, outcome="cut_off") == 3
    assert value(by_name["mcp_perf_lower_bound_calls"], tool="add") == 11
    phase = by_name["mcp_perf_request_phase_seconds"]
    assert value(phase, phase="wait", quantile="1") == pytest.approx(16.489)


def test_slopes_are_per_second(sample: Sample) -> None:
    record = sample("load")
    assert record.server is not None
    server = replace(
        record.server, fds=Trend(14, 20, 20, 36.0, (18.0, 54.0)), sessions=Trend(0, 7, 7, 3.6, None)
    )
    by_name = families(replace(record, server=server))
    files = by_name["mcp_perf_server_open_fds_slope_per_second"]
    assert value(files, estimate="middle") == pytest.approx(0.01)
    assert value(files, estimate="low") == pytest.approx(0.005)
    assert value(by_name["mcp_perf_server_sessions"], at="peak") == 7
    assert value(by_name["mcp_perf_server_sessions_slope_per_second"], estimate="middle") == pytest.approx(
        0.001
    )
    assert "mcp_perf_server_threads_slope_per_second" not in by_name


def test_records_of_schema_1_have_no_sample_of_the_new_figures(sample: Sample) -> None:
    names = families(sample("load")).keys()
    assert not [
        name for name in names if re.search("health|cpu_wait|calls_begun|phase|longest_silence_s$", name)
    ]
    assert "mcp_perf_longest_silence_seconds" not in names


def test_labels_survive_escaping(sample: Sample, hostile_text: str) -> None:
    by_name = families(sample("hostile"))
    for family in by_name.values():
        assert {item.labels["target"] for item in family.samples} == {plain(hostile_text)}
    awkward = families(replace(sample("load"), target='back\\nslash "quoted"\nline'))
    labels = awkward["mcp_perf_run_duration_seconds"].samples[0].labels
    assert labels["target"] == 'back\\nslash "quoted" line'


def test_tokens_and_slow_calls_are_exported(sample: Sample) -> None:
    by_name = families(sample("stalled"))
    assert value(by_name["mcp_perf_tool_list_tokens"], tokenizer="o200k_base") == 1_410
    assert value(by_name["mcp_perf_tool_list_tokens_estimated"]) == 0
    assert value(by_name["mcp_perf_instructions_tokens"]) == 21
    assert value(by_name["mcp_perf_tool_definition_tokens"], tool="tool_2") == 170
    assert value(by_name["mcp_perf_slow_call_seconds"], rank="2", tool="divide") == 1.2
    assert value(by_name["mcp_perf_slow_call_start_seconds"], rank="1") == 13.4
    assert "mcp_perf_tool_list_tokens" not in families(sample("load"))
