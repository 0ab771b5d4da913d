from __future__ import annotations

from server_core.observability import metrics_aggregation
from server_core.observability.metrics import ServerMetrics


def text(*calls: tuple[str, float], failed: bool = False) -> str:
    metrics = ServerMetrics()
    for tool, duration_s in calls:
        metrics.observe_call(tool, duration_s, failed=failed)
    return metrics.exposition("")[0].decode()


def lines_of(*expositions: str, shared: tuple[str, ...] = ()) -> dict[str, str]:
    body, content_type = metrics_aggregation.exposition(
        metrics_aggregation.add(expositions, shared), "text/plain"
    )
    assert content_type.startswith("text/plain")
    samples = [line.rpartition(" ") for line in body.decode().splitlines() if not line.startswith("#")]
    return {name: value for name, _, value in samples}


def test_counters_and_histograms_are_added_up_by_label() -> None:
    added = lines_of(text(("a", 0.002), ("b", 0.2)), text(("a", 0.2), failed=True), text())
    assert added['mcp_tool_calls_total{tool="a"}'] == "2.0"
    assert added['mcp_tool_calls_total{tool="b"}'] == "1.0"
    assert added['mcp_tool_errors_total{tool="a"}'] == "1.0"
    assert added['mcp_tool_duration_seconds_count{tool="a"}'] == "2.0"
    assert added['mcp_tool_duration_seconds_bucket{le="0.0025",tool="a"}'] == "1.0"
    assert added['mcp_tool_duration_seconds_bucket{le="+Inf",tool="a"}'] == "2.0"
    assert float(added['mcp_tool_duration_seconds_sum{tool="a"}']) == 0.202


def test_times_and_flags_are_not_added_up() -> None:
    one = "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 5\n"
    one += "# TYPE process_uptime_seconds gauge\nprocess_uptime_seconds 9\n"
    one += '# TYPE mcp_fast_lane_tool gauge\nmcp_fast_lane_tool{tool="a",reason=""} 1\n'
    one += "# TYPE process_threads gauge\nprocess_threads 3\n"
    other = one.replace("seconds 5", "seconds 7").replace("seconds 9", "seconds 2")
    added = lines_of(one, other)
    assert added["process_start_time_seconds"] == "5.0"
    assert added["process_uptime_seconds"] == "9.0"
    assert added['mcp_fast_lane_tool{reason="",tool="a"}'] == "1.0"
    assert added["process_threads"] == "6.0"


def test_shared_metrics_are_not_added_up() -> None:
    one = "\n".join(
        [
            *("# TYPE orders gauge", "orders 5", "# TYPE sold_total counter", "sold_total 2"),
            *("# TYPE carts gauge", "carts 1", ""),
        ]
    )
    other = one.replace("orders 5", "orders 6").replace("sold_total 2", "sold_total 1")
    added = lines_of(one, other, shared=("orders", "sold"))
    assert added == {"orders": "6.0", "sold_total": "2.0", "carts": "2.0"}


def test_a_single_exposition_is_unchanged() -> None:
    own = text(("a", 0.002))
    body, _ = metrics_aggregation.exposition(metrics_aggregation.add([own]), "text/plain")
    assert sorted(body.decode().splitlines()) == sorted(own.splitlines())
    body, content_type = metrics_aggregation.exposition(
        metrics_aggregation.add([own]), "application/openmetrics-text"
    )
    assert content_type.startswith("application/openmetrics-text")
    assert body.decode().endswith("# EOF\n")


def test_the_largest_pause_of_all_workers_is_shown() -> None:
    one = "# TYPE mcp_gc_pause_max_seconds gauge\n"
    one += 'mcp_gc_pause_max_seconds{generation="2"} 0.5\n'
    one += "# TYPE mcp_event_loop_lag_max_seconds gauge\nmcp_event_loop_lag_max_seconds 0.25\n"
    other = one.replace("0.5", "0.125").replace("0.25", "2.0")
    assert lines_of(one, other) == {
        'mcp_gc_pause_max_seconds{generation="2"}': "0.5",
        "mcp_event_loop_lag_max_seconds": "2.0",
    }
