"""Messages of remote write: what k6 says of its metrics while it runs."""

from __future__ import annotations

import math

import pytest
from remote_write_messages import counter, gauge, message, trend

from perf_core.load.remote_write import Buckets, added, quantile, read_message, together


def test_series_have_names_labels_and_values() -> None:
    body = message(
        counter("mcp_errors", 3, tool="add"), gauge("vus", 10), trend("http_req_duration", {1: 2, 4: 5})
    )
    errors, users, durations = read_message(body)
    assert (errors.name, errors.value) == ("k6_mcp_errors_total", 3)
    assert ("tool", "add") in errors.key
    assert (users.name, users.value, users.buckets) == ("k6_vus", 10, None)
    assert durations.value == 7
    assert durations.buckets is not None
    assert dict(durations.buckets.counts) == {1: 2, 4: 5}


def test_buckets_below_one_second_have_negative_numbers() -> None:
    (durations,) = read_message(message(trend("http_req_duration", {-60: 1, -59: 4, -20: 2})))
    assert durations.buckets is not None
    assert dict(durations.buckets.counts) == {-60: 1, -59: 4, -20: 2}


@pytest.mark.parametrize("body", [b"", b"no snappy", b"\x03\x08abc"])
def test_other_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="expected a message of Prometheus remote write"):
        list(read_message(body))


def test_only_what_was_added_since_the_last_message_counts() -> None:
    before = Buckets(3, zeros=1, total=2.0, counts={1: 2, 4: 5})
    after = Buckets(3, zeros=1, total=5.0, counts={1: 2, 4: 6, 9: 1})
    assert added(before, after) == Buckets(3, zeros=0, total=3.0, counts={4: 1, 9: 1})
    assert added(None, after) == after


def test_histograms_of_several_tools_are_one() -> None:
    assert together(Buckets(3, 1, 1.0, {4: 1}), Buckets(3, 0, 2.0, {4: 2, 5: 1})) == Buckets(
        3, 1, 3.0, {4: 3, 5: 1}
    )


@pytest.mark.parametrize("value", [0.0003, 0.0425, 1.0, 30.0])
def test_quantiles_are_exact_to_half_a_bucket(value: float) -> None:
    index = math.ceil(math.log2(value) * 8)
    assert quantile(Buckets(3, counts={index: 20}), 0.5) == pytest.approx(value, rel=0.046)


def test_quantiles_rank_all_values() -> None:
    buckets = Buckets(0, zeros=50, counts={1: 45, 3: 4, 10: 1})
    assert quantile(buckets, 0.5) == 0.0
    assert 1 < quantile(buckets, 0.95) < 2
    assert 4 < quantile(buckets, 0.99) < 8
    assert 512 < quantile(buckets, 1.0) < 1024
    assert quantile(Buckets(0), 0.5) == 0.0
