"""The keeper of sessions keeps what its modes say, and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from session_keeper import Keeper, KeeperModes, metrics, parse_modes


@pytest.fixture(scope="module")
def growth_kb() -> dict[str, float]:
    """Growth of a process of its own per session, in kB, as the kernel counts it."""
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from session_keeper import Keeper, KeeperModes
def anonymous_kb():
    text = Path("/proc/self/smaps_rollup").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("Pss_Anon")).split()[1]) * 1.024
for kb in (0, 5, 50):
    keeper = Keeper(KeeperModes(session_kb=kb, noise_kb=0))
    for _ in range(200):
        keeper.start()
    before = anonymous_kb()
    for _ in range(1000):
        keeper.start()
    print(kb, (anonymous_kb() - before) / 1000)
"""
    folder = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, timeout=60, check=True
    )
    return {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="smaps_rollup is Linux's")
@pytest.mark.parametrize("kb", ["0", "5", "50"])
def test_a_session_keeps_what_it_should_and_not_a_percent_more(growth_kb: dict[str, float], kb: str) -> None:
    assert growth_kb[kb] == pytest.approx(float(kb), rel=0.01, abs=0.02)


def test_a_cap_refuses_or_replaces() -> None:
    refusing = Keeper(KeeperModes(cap=2))
    assert [refusing.start() is not None for _ in range(3)] == [True, True, False]
    replacing = Keeper(KeeperModes(cap=2, cap_mode="replace", session_kb=1))
    ids = [replacing.start() or "" for _ in range(3)]
    assert [replacing.uses(each) for each in ids] == [False, True, True]


def test_deleted_and_invented_sessions_are_unknown() -> None:
    keeper = Keeper(KeeperModes(session_kb=1))
    session = keeper.start() or ""
    assert keeper.uses(session)
    assert keeper.delete(session)
    assert not keeper.delete(session)
    assert not keeper.uses(session)
    assert not keeper.uses("0-0000000000000000")
    assert not keeper.uses("5")
    assert Keeper(KeeperModes(serves_deleted=True)).open == 0


def test_deleted_sessions_may_live_on() -> None:
    keeper = Keeper(KeeperModes(serves_deleted=True))
    session = keeper.start() or ""
    keeper.delete(session)
    assert keeper.uses(session)


def test_the_metrics_have_the_open_sessions_and_the_idle_timeout() -> None:
    keeper = Keeper(KeeperModes(ttl_s=60))
    keeper.start()
    page = metrics(keeper).decode()
    assert "mcp_sessions_open 1\n" in page
    assert "mcp_session_idle_timeout_seconds 60\n" in page


def test_modes_are_parsed() -> None:
    assert parse_modes(["session_kb=5", "on_heap=true", "cap=3"]) == KeeperModes(5.0, on_heap=True, cap=3)
    with pytest.raises(ValueError, match="expected a mode such as session_kb"):
        parse_modes(["sesion_kb=5"])
