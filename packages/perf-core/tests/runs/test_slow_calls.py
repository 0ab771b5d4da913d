"""Calls that a server of known behaviour delays at known times, in the record of a run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perf_core.cli import main
from perf_core.report.slowest_calls import explanation
from perf_core.results import record_file

pytestmark = [pytest.mark.k6, pytest.mark.long]

FREEZE_S = 0.6
EVERY_S = 1.5


def test_calls_of_a_frozen_server_are_the_slowest_and_it_did_nothing(
    faulty: Any, target: Callable[..., str], tmp_path: Path
) -> None:
    server = faulty.start(freeze_s=FREEZE_S, freeze_every_s=EVERY_S)
    argv = ["run", "quick", "--wire", "session", "--duration", "4s", "--vus", "3"]
    argv += ["--target", target(command=False, url=server.url), "--output-dir", str(tmp_path / "out")]
    main(argv)
    (path,) = tmp_path.glob("out/*/record.json")
    record = record_file.read(path)
    assert len(record.slow_calls) == 20
    # Each freeze stops the call of each user; the first one is counted from the first call.
    slow = [call for call in record.slow_calls if call.duration_s > FREEZE_S / 2]
    assert len(slow) >= 6
    assert {call.vu for call in slow} == {1, 2, 3}
    for call in slow:
        assert FREEZE_S - 0.1 < call.duration_s < FREEZE_S + 0.3
        assert call.wait_s > 0.9 * call.duration_s
        assert call.server is not None
        assert call.server.cpu_cores is not None
        # What others use of the machine may slow the server, but it computes nothing meanwhile.
        assert call.server.cpu_cores < 0.5
        assert call.server.window_s < FREEZE_S + 1.0
        assert re.search("next to nothing|used 0.", explanation(call)), explanation(call)
    starts = sorted(call.at_s for call in slow)
    assert starts[2] - starts[0] < 0.1
    assert starts[5] - starts[3] < 0.1
    assert starts[3] - starts[0] == pytest.approx(EVERY_S, abs=0.3)
    assert "of the 20 slowest calls waited together" in (path.parent / "summary.md").read_text("utf-8")
