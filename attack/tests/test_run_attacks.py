"""Tests of the command line, and one short soak of each server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import run_attacks
from attack_tables import NAME
from cases import CASES, Case
from soaking import soak, tracebacks_in
from tallies import Footprint, GoodCalls, HostileInputs, Kill, Soak

from perf_core.errors import TargetError
from perf_core.interruption import Interruption

REST = Footprint(100.0, 50, 3, {"open sessions": 0})


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def soaked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Names and lengths of the soaks that were asked for; none takes place."""
    asked: list[tuple[str, float]] = []

    def pretend(case: Case, attack_s: float, *_: object) -> Soak:
        asked.append((case.name, attack_s))
        good = GoodCalls(answered=1, wrong=("3",) if attack_s == 13 else ())
        hostile = HostileInputs({"odd": 1}, {("odd", 400): 1})
        kills = (Kill(1, "1"),)
        return Soak(
            case.server, case.workers, attack_s, kills, bool(case.patterns), good, hostile, REST, REST
        )

    monkeypatch.setattr(run_attacks, "soak", pretend)
    return asked


def test_all_servers_share_at_least_five_minutes(soaked: list[tuple[str, float]], tmp_path: Path) -> None:
    document = tmp_path / "attacks.md"
    document.write_text(f"before\n<!-- {NAME} -->\n<!-- end of {NAME} -->\nafter\n", encoding="utf-8")
    assert run_attacks.main(["--write", str(document)]) == 0
    assert [name for name, _ in soaked] == [case.name for case in CASES]
    assert sum(seconds for _, seconds in soaked) >= 300
    assert document.read_text(encoding="utf-8").count("| as promised |") == 4


def test_a_broken_promise_is_an_error(
    soaked: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_attacks.main(["--only", "calculator-server-1", "--minutes", str(13 / 60)]) == 1
    assert "calculator-server, 1 worker: wrong answer to a good client: 3" in capsys.readouterr().out
    assert len(soaked) == 1


@pytest.mark.parametrize("arguments", [["--only", "no such server"], ["--minutes", "0"]])
def test_an_attack_on_nothing_is_an_error(soaked: list[tuple[str, float]], arguments: list[str]) -> None:
    assert run_attacks.main(arguments) == 1
    assert soaked == []


def test_a_server_that_does_not_survive_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def die(*_: object) -> Soak:
        raise TargetError("expected the server to survive the attack, got its end by signal 9")

    monkeypatch.setattr(run_attacks, "soak", die)
    assert run_attacks.main(["--only", "music21"]) == 1
    assert "music21-server-1: expected the server to survive" in capsys.readouterr().err


def test_only_the_known_traceback_does_not_count() -> None:
    usual = "ERROR Exception in ASGI application\\nTraceback (most recent call last):\\n  File"
    race = "ERROR asyncio handle: <Handle Future.set_result>\\nTraceback (most recent call last):\\n  File"
    assert tracebacks_in("\n".join(["WARNING Invalid HTTP request received.", usual, race, usual])) == 2


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_short_attack_breaks_no_promise(case: Case, tmp_path: Path) -> None:
    one = soak(case, 15.0, 1, tmp_path, Interruption())
    # Fifteen seconds are too short to tell a leak from the first use of a buffer.
    steady = replace(one, after=replace(one.after, memory_mb=one.before.memory_mb))
    assert steady.problems == ()
    assert one.after.memory_mb < one.before.memory_mb * 1.3
    assert sum(one.hostile.sent.values()) > 50
    assert one.good.answered > 20
    assert bool(one.kills) == bool(case.patterns)
