"""The bridge's own cost is measured with a child that answers at once."""

import pytest

from perf_core.server.bridge.cost import BridgeCost, measure_cost
from perf_core.server.bridge.pages import read_counts


@pytest.mark.process
def test_cost_is_measured_and_leaves_nothing(bridge: object) -> None:
    before = bridge.counts
    cost = measure_cost(bridge.url, calls=100)
    assert cost is not None
    assert 1 <= cost.calls <= 100
    assert cost.p50_us > cost.direct_p50_us > 0
    assert 0 < cost.cpu_us_per_call < 10_000
    assert cost.added_us == cost.p50_us - cost.direct_p50_us
    assert bridge.children() == []
    assert bridge.counts.requests == before.requests, "its calls are not among those of the load"


def test_added_time_is_never_negative() -> None:
    assert BridgeCost(1, 10.0, 12.0, 5.0).added_us == 0.0


def test_nothing_is_measured_where_no_bridge_answers() -> None:
    # Port 9 (discard) is closed on machines that do not serve it.
    assert read_counts("http://127.0.0.1:9/mcp") is None
