from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_core.layers.token_buckets import TABLE_BYTES, Rate, TokenBuckets

KEY = b"k" * 16


def buckets(per_s: float = 1.0, burst: int = 3) -> TokenBuckets:
    return TokenBuckets(Rate(per_s, burst), bytearray(TABLE_BYTES), KEY)


class Bucket:
    """A textbook token bucket: an amount that grows with time."""

    def __init__(self, rate: Rate) -> None:
        self.rate, self.amount, self.at_s = rate, float(rate.burst), 0.0

    def take(self, now_s: float) -> float:
        self.amount = min(self.rate.burst, self.amount + (now_s - self.at_s) * self.rate.per_s)
        self.at_s = now_s
        if self.amount >= 1 - 1e-6:
            self.amount -= 1
            return 0.0
        return (1 - self.amount) / self.rate.per_s


@given(
    per_s=st.sampled_from([0.1, 0.5, 1.0, 3.0, 7.0, 1000.0]),
    burst=st.integers(1, 20),
    steps=st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.integers(0, 40)), max_size=80),
)
def test_it_behaves_like_a_token_bucket_per_client(
    per_s: float, burst: int, steps: list[tuple[bytes, int]]
) -> None:
    rate = Rate(per_s, burst)
    limited = TokenBuckets(rate, bytearray(TABLE_BYTES), KEY)
    expected = {name: Bucket(rate) for name in (b"a", b"b")}
    now_s = 0.0
    for client, tenths in steps:
        now_s += tenths / 10 / per_s
        assert limited.take(client, now_s) == pytest.approx(expected[client].take(now_s), abs=1e-6)


def test_the_burst_and_the_wait_are_exact() -> None:
    limited = buckets(per_s=10.0, burst=5)
    assert [limited.take(b"a", 100.0) for _ in range(5)] == [0.0] * 5
    wait_s = limited.take(b"a", 100.0)
    assert wait_s == pytest.approx(0.1)
    assert limited.take(b"a", 100.0 + wait_s - 0.001) > 0
    assert limited.take(b"a", 100.0 + wait_s) == 0


def test_the_rate_holds_in_the_long_run() -> None:
    limited = buckets(per_s=50.0, burst=10)
    admitted = sum(limited.take(b"a", tick / 1000) == 0 for tick in range(20_000))
    assert admitted == 10 + 50 * 20 - 1


def test_a_crowd_does_not_take_the_tokens_of_other_clients() -> None:
    limited = buckets(per_s=0.001, burst=2)
    assert [limited.take(b"patient", 0.0) for _ in range(3)][:2] == [0.0, 0.0]
    refused = sum(limited.take(b"%d" % number, 1.0) > 0 for number in range(100_000))
    assert refused == 0, "each client has its own bucket"
    crowd = [b"%d" % number for number in range(1000)]
    fresh = buckets(per_s=0.001, burst=2)
    for client in crowd * 2:
        assert fresh.take(client, 1.0) == 0
    assert all(fresh.take(client, 1.0) > 0 for client in crowd), "a thousand clients are all remembered"


TAKER = """
import sys
from pathlib import Path
from server_core.layers.token_buckets import Rate, shared_buckets

shared = shared_buckets(Rate(0.001, 300), Path(sys.argv[1]), b"k" * 16)
print("ready", flush=True)
sys.stdin.readline()
print(sum(shared.take(b"one client", 1.0) == 0 for _ in range(20_000)))
"""


@pytest.mark.process
@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="workers need Unix")
def test_processes_share_a_burst(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKER, str(tmp_path / "rates")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    takers = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]
    for taker in takers:
        assert taker.stdout is not None
        assert taker.stdout.readline() == "ready\n"
    for taker in takers:  # both at once
        assert taker.stdin is not None
        taker.stdin.write("go\n")
        taker.stdin.flush()
    assert sum(int(taker.communicate(timeout=30)[0]) for taker in takers) == 300
