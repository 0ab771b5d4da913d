"""The bridge's own cost per call, measured with a child that answers at once.

On the otherwise idle machine before the load, a few hundred calls go through the bridge to an echo child, and
as many to an echo child without the bridge. The difference is what the bridge adds to a latency.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from perf_core.server.bridge import echo_child
from perf_core.server.bridge.pages import COUNTS_PATH, ECHO_PATH, Exchanges, counts_from

CALLS = 400
_WARM_UP_CALLS = 50
_LONGEST_S = 0.4
"""For each of the two measurements."""

_END_S = 2.0

_INITIALIZE = b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}'


@dataclass(frozen=True)
class BridgeCost:
    """Cost of the bridge per call, with a child that answers at once.

    Attributes:
        calls: Calls through the bridge.
        p50_us: Median time from the request of an HTTP client to its answer, in microseconds; the child is
            included.
        direct_p50_us: Median time of the same child over its pipes, without the bridge.
        cpu_us_per_call: CPU time of the bridge, in microseconds per call.
    """

    calls: int
    p50_us: float
    direct_p50_us: float
    cpu_us_per_call: float

    @property
    def added_us(self) -> float:
        """Microseconds that the bridge adds to the median latency."""
        return max(0.0, self.p50_us - self.direct_p50_us)


def measure_cost(url: str, calls: int = CALLS) -> BridgeCost | None:
    """Measure the cost of the bridge at a URL, in about a second; None if that fails.

    Args:
        url: MCP endpoint of the bridge.
    """
    try:
        direct_us = _direct_us(calls)
        with Exchanges(url) as http:
            return _through_bridge(http, calls, direct_us)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _through_bridge(http: Exchanges, calls: int, direct_us: list[float]) -> BridgeCost:
    head, _ = http.exchange(http.request("POST", ECHO_PATH, _INITIALIZE))
    session_id = head.lower().partition(b"mcp-session-id:")[2].split(b"\r\n")[0].decode().strip()
    if not session_id:
        raise ValueError(f"expected a session with the echo child, got {head[:200]!r}")
    try:
        requests = [http.request("POST", ECHO_PATH, body, session_id) for body in _bodies(calls)]
        _timed_us(requests[:_WARM_UP_CALLS], http.exchange)
        before_s = counts_from(json.loads(http.get(COUNTS_PATH))).cpu_s
        times_us = _timed_us(requests[_WARM_UP_CALLS:], http.exchange)
        used_s = counts_from(json.loads(http.get(COUNTS_PATH))).cpu_s - before_s
    finally:
        http.exchange(http.request("DELETE", ECHO_PATH, session_id=session_id))
    return BridgeCost(
        calls=len(times_us),
        p50_us=statistics.median(times_us),
        direct_p50_us=statistics.median(direct_us),
        cpu_us_per_call=used_s * 1e6 / len(times_us),
    )


def _direct_us(calls: int) -> list[float]:
    """Return the times of calls to an echo child over its pipes."""
    with subprocess.Popen(echo_child.ARGV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        assert child.stdin is not None  # noqa: S101 - it is a pipe
        assert child.stdout is not None  # noqa: S101
        write, read = child.stdin.write, child.stdout.read

        def exchange(line: bytes) -> None:
            write(line)
            if not read(65536):
                raise OSError("the echo child ended")

        try:
            lines = [body + b"\n" for body in _bodies(calls)]
            _timed_us(lines[:_WARM_UP_CALLS], exchange)
            return _timed_us(lines[_WARM_UP_CALLS:], exchange)
        finally:
            child.stdin.close()
            try:
                child.wait(_END_S)
            except subprocess.TimeoutExpired:
                child.kill()


def _bodies(calls: int) -> list[bytes]:
    """Return requests as k6 writes them."""
    return [
        b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{}}}' % number
        for number in range(1, calls + _WARM_UP_CALLS + 1)
    ]


def _timed_us(requests: list[bytes], exchange: Callable[[bytes], object]) -> list[float]:
    """Return the time of each exchange in microseconds, for as many as there is time for, at least one."""
    times_us = []
    deadline = time.perf_counter() + _LONGEST_S
    for request in requests:
        began = time.perf_counter()
        exchange(request)
        ended = time.perf_counter()
        times_us.append((ended - began) * 1e6)
        if ended > deadline:
            break
    return times_us
