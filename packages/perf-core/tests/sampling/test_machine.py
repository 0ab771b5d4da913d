"""CPU counters of the machine."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest

from perf_core.sampling import machine
from perf_core.sampling.machine import MachineMeter

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these counters")


@LINUX
def test_work_of_this_process_counts_as_busy_and_as_the_labs() -> None:
    meter = MachineMeter()
    before = meter.read()
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    after = meter.read()
    assert before is not None
    assert after is not None
    assert before.cpus == len(psutil.Process().cpu_affinity())
    assert 0.3 <= after.lab_cpu_s - before.lab_cpu_s < 1
    assert after.busy_s - before.busy_s >= 0.25  # counted in ticks of 10 ms
    assert after.steal_s >= before.steal_s


@LINUX
def test_only_usable_cpus_count(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu_times = psutil._pslinux.scputimes
    rows = [dict.fromkeys(cpu_times._fields, 0.0) | {"user": 10.0**n, "idle": 5.0} for n in range(3)]
    monkeypatch.setattr(machine.psutil, "cpu_times", lambda **_options: [cpu_times(**row) for row in rows])
    monkeypatch.setattr(machine.psutil.Process, "cpu_affinity", lambda _process: [0, 2])
    reading = MachineMeter().read()
    assert reading is not None
    assert (reading.cpus, reading.busy_s) == (2, 101.0)


@LINUX
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("some avg10=0.00 avg60=0.00 avg300=1.33 total=2500000\nfull avg10=0.00 total=0\n", 2.5),
        ("", None),
        ("some avg10=0.00\n", None),
        (None, None),
    ],
)
def test_pressure_is_read_where_the_kernel_reports_it(
    text: str | None, expected: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cpu"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(machine, "_PRESSURE", path)
    reading = MachineMeter().read()
    assert reading is not None
    assert reading.pressure_s == expected


def test_other_systems_have_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sys, "platform", "darwin")
    assert MachineMeter().read() is None
