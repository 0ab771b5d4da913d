"""Tests of kills, with processes of the tests' own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import kills
import pytest
from kills import Killer, victims
from tallies import Kill

pytestmark = [pytest.mark.anyio, pytest.mark.process]

SCRIPT = "import sys; sys.stdin.read()"


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two processes, with different words in their command lines."""
    started = [
        subprocess.Popen([sys.executable, "-c", SCRIPT, word], stdin=subprocess.PIPE)
        for word in ("attack-first", "attack-second")
    ]
    yield started
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def test_only_processes_with_a_pattern_below_the_root_are_victims(
    children: list[subprocess.Popen[bytes]],
) -> None:
    matches = victims(os.getpid(), ["attack-first", "no-such-word"])
    assert {name: [each.pid for each in group] for name, group in matches.items()} == {
        "attack-first": [children[0].pid]
    }
    assert victims(children[0].pid, ["attack-second"]) == {}


async def test_a_process_is_killed_per_interval_until_the_end(
    children: list[subprocess.Popen[bytes]],
) -> None:
    killer = Killer(os.getpid(), ["attack-second"], 0.001, seed=1)
    assert not killer.killed_lately()
    await killer.run(lambda: bool(killer.kills))
    (kill,) = killer.kills
    assert kill.process == str(children[1].pid)
    assert children[1].wait(30) == -9
    assert children[0].poll() is None
    assert killer.killed_lately()


async def test_a_kill_explains_broken_connections_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    killer = Killer(1, [], 1.0, seed=1)
    killer._kills.append(Kill(100.0, "1"))
    monkeypatch.setattr(kills.time, "monotonic", lambda: 100.0 + kills.SETTLED_S - 1)
    assert killer.killed_lately()
    monkeypatch.setattr(kills.time, "monotonic", lambda: 100.0 + kills.SETTLED_S + 1)
    assert not killer.killed_lately()
