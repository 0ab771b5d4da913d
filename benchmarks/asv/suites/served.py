"""Calls over HTTP, per wire, and their ratio to the bare ASGI reference server at the same time."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

from .comparison import STOPPED_WITHIN_S, TIME_LIMIT_S, compare, lab_command
from .subject import subject

WIRES = ("session", "stateless")

Outcome = Mapping[str, Any]


class Served:
    """One comparison per wire; each track returns one of its figures.

    Judge a commit by the ratios. Absolute figures drift with the machine; ratios hardly do, because the
    reference server and the calculator are measured alternately. Each ratio has tracks of the ends of its
    interval: two commits whose intervals overlap need not differ.
    """

    params = WIRES
    param_names = ("wire",)
    version = "1"
    timeout = 30

    def setup_cache(self) -> dict[str, Outcome]:
        """Compare on each wire; a failure on one wire does not affect the other."""
        try:
            subject("calculator_server")
        except NotImplementedError as reason:
            return {wire: {"absent": str(reason)} for wire in WIRES}
        return {wire: _outcome(wire) for wire in WIRES}

    setup_cache.timeout = len(WIRES) * (TIME_LIMIT_S + 2 * STOPPED_WITHIN_S)

    def setup(self, outcomes: dict[str, Outcome], wire: str) -> None:
        """Load the wire's figures.

        Raises:
            NotImplementedError: The commit has no calculator.
            RuntimeError: The comparison failed, or the lab is missing.
        """
        outcome = outcomes[wire]
        if "absent" in outcome:
            raise NotImplementedError(outcome["absent"])
        if "failure" in outcome:
            raise RuntimeError(outcome["failure"])
        self.metrics = outcome["metrics"]

    def track_time_per_call(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the median time of a call as the client sees it, in seconds."""
        return self._figure("latency_ms.med", "b") / 1e3

    def track_time_per_call_ratio(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the time of a call as a multiple of the reference server's."""
        return self._figure("latency_ms.med", "ratio")

    def track_server_cpu_per_call(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the CPU time of the server per call, in seconds."""
        return self._figure("cpu_us_per_call", "b") / 1e6

    def track_server_cpu_per_call_ratio(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the CPU time per call as a multiple of the reference server's."""
        return self._figure("cpu_us_per_call", "ratio")

    def track_start_up(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the time from the start of the process to a handshake, in seconds."""
        return self._figure("ready_s", "b")

    def track_start_up_ratio(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the start-up time as a multiple of the reference server's."""
        return self._figure("ready_s", "ratio")

    def track_time_per_call_ratio_low(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the lower end of the interval of the ratio of the time of a call."""
        return self._figure("latency_ms.med", "low")

    def track_time_per_call_ratio_high(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the upper end of the interval of the ratio of the time of a call."""
        return self._figure("latency_ms.med", "high")

    def track_server_cpu_per_call_ratio_low(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the lower end of the interval of the ratio of the CPU time per call."""
        return self._figure("cpu_us_per_call", "low")

    def track_server_cpu_per_call_ratio_high(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the upper end of the interval of the ratio of the CPU time per call."""
        return self._figure("cpu_us_per_call", "high")

    def track_start_up_ratio_low(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the lower end of the interval of the ratio of the start-up time."""
        return self._figure("ready_s", "low")

    def track_start_up_ratio_high(self, _outcomes: dict[str, Outcome], _wire: str) -> float:
        """Return the upper end of the interval of the ratio of the start-up time."""
        return self._figure("ready_s", "high")

    def _figure(self, metric: str, value: str) -> float:
        # The lab omits a figure that this machine cannot provide; asv shows NaN as n/a.
        return round(float(self.metrics.get(metric, {}).get(value, math.nan)), 9)


def _outcome(wire: str) -> Outcome:
    try:
        return {"metrics": compare(lab_command(), sys.executable, wire)}
    except Exception as error:  # noqa: BLE001 - reported by the tracks of this wire, as their failure
        return {"failure": f"{type(error).__name__}: {error}"}


for _track, _name, _unit in (
    (Served.track_time_per_call, "Time per call", "seconds"),
    (Served.track_time_per_call_ratio, "Time per call over bare ASGI", "times"),
    (Served.track_server_cpu_per_call, "Server CPU per call", "seconds"),
    (Served.track_server_cpu_per_call_ratio, "Server CPU per call over bare ASGI", "times"),
    (Served.track_time_per_call_ratio_low, "Time per call over bare ASGI, lower end", "times"),
    (Served.track_time_per_call_ratio_high, "Time per call over bare ASGI, upper end", "times"),
    (Served.track_server_cpu_per_call_ratio_low, "Server CPU per call over bare ASGI, lower end", "times"),
    (Served.track_server_cpu_per_call_ratio_high, "Server CPU per call over bare ASGI, upper end", "times"),
    (Served.track_start_up_ratio_low, "Start-up over bare ASGI, lower end", "times"),
    (Served.track_start_up_ratio_high, "Start-up over bare ASGI, upper end", "times"),
    (Served.track_start_up, "Start-up", "seconds"),
    (Served.track_start_up_ratio, "Start-up over bare ASGI", "times"),
):
    _track.pretty_name = _name
    _track.unit = _unit
