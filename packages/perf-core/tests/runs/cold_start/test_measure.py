"""Servers take turns; every start is told, a failed one too, and servers are compared round by round."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from perf_core.adapter import Expectation, Journey, Launch, Scenario, Step
from perf_core.errors import Interrupted, NotAskable, TargetError
from perf_core.interruption import Interruption
from perf_core.runs.cold_start.measure import measure
from perf_core.runs.cold_start.one_start import Starter
from perf_core.runs.cold_start.prepare import Effort, Preparation, first_call
from perf_core.scenarios import with_pools_by_tool
from perf_core.server.subject import DerivedAdapter, Subject

SERVERS = Path(__file__).parents[2] / "servers"
NAP = Step("nap", {}, Expectation.text("zzz"))
REFUSED = Step("nap", {"long": True}, Expectation.error())
WARM = Effort(starts=2, caches=("warm",))


def subject_of(name: str, *options: str, steps: tuple[Step, ...] = (NAP,)) -> Subject:
    argv = (sys.executable, str(SERVERS / "sleeper.py"), "--stdio", *options)
    journeys = [Journey(step.tool, (step,)) for step in steps]
    scenario = Scenario("quick", "quick", "Does it work?", lambda _seed: with_pools_by_tool(journeys))
    adapter = DerivedAdapter(
        name, "sleeper", Launch(argv, transport="stdio"), {"quick": scenario} if steps else {}
    )
    return Subject(adapter)


def measured(
    *subjects: Subject,
    effort: Effort = WARM,
    folder: Path,
    interruption: Interruption | None = None,
    steps: list[str] | None = None,
):
    done = steps if steps is not None else []
    preparation = Preparation(
        None, effort, folder, interruption or Interruption(), lambda step, _share: done.append(step)
    )
    return measure(subjects, preparation, {})


@pytest.mark.process
@pytest.mark.long
def test_servers_are_compared_with_the_first_and_their_imports_told(tmp_path: Path) -> None:
    done = measured(subject_of("quick"), subject_of("slow", "--listen", "0.3"), folder=tmp_path)
    quick, slow = done.servers
    assert (quick.name, quick.transport, quick.call, len(quick.starts)) == ("quick", "stdio", "nap", 2)
    assert [start.round for start in slow.starts] == [0, 1]
    assert quick.imports is not None
    assert "http.server" in {module.name for module in quick.imports.slowest}
    ratio, *of_cpu = done.ratios
    assert [each.figure for each in of_cpu] in ([], ["cpu_s"])
    assert (ratio.name, ratio.baseline, ratio.rounds) == ("slow", "quick", 2)
    assert ratio.ratio > 1.5
    assert quick.failures == slow.failures == ()


@pytest.mark.process
@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux evicts single files")
def test_cold_starts_evict_the_files_that_the_server_reads(tmp_path: Path) -> None:
    done = measured(subject_of("quick"), effort=Effort(starts=2), folder=tmp_path)
    (server,) = done.servers
    assert server.evicted is not None
    assert server.evicted.files > 20, "modules and libraries"
    cold = server.with_cache("cold")
    assert (cold is not None and cold.starts == 2) or "cold starts: cannot tell" in server.remarks[0]


def test_first_call_expects_no_error() -> None:
    assert first_call(subject_of("a", steps=(REFUSED, NAP)), 1) == NAP
    assert first_call(subject_of("a", steps=(REFUSED,)), 1) is None
    assert first_call(subject_of("a", steps=()), 1) is None


def test_server_that_runs_already_cannot_be_started(tmp_path: Path) -> None:
    running = replace(subject_of("there"), url="http://127.0.0.1:9/mcp")
    with pytest.raises(NotAskable, match="expected a server that the lab can start, got there"):
        measured(running, folder=tmp_path)


@pytest.fixture
def without_processes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Starts that succeed at once, except those whose number is in the returned list."""
    from perf_core.analysis.cold_start import Start
    from perf_core.runs.cold_start import prepare as module
    from perf_core.server.client.handshake import Handshake

    failing: list[int] = []
    hands = Handshake("", "session", "sleeper", "1", ("nap",), 0.1, "2025-11-25")

    def start(starter: Starter, cache, number, look=None):
        starter.interruption.check()
        if number in failing:
            raise TargetError("no reactor")
        return Start(cache, number, None, 0.1, 0.2, 0.3), hands

    monkeypatch.setattr(Starter, "start", start)
    monkeypatch.setattr(module, "import_times", lambda _starter: None)
    monkeypatch.setattr(Preparation, "introduce", lambda *_: (hands, "stdio"))
    return failing


def test_failed_starts_are_told_and_have_no_figures(tmp_path: Path, without_processes: list[int]) -> None:
    without_processes.append(3)
    (server,) = measured(subject_of("a"), effort=Effort(starts=10, caches=("warm",)), folder=tmp_path).servers
    assert [start.round for start in server.starts] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert server.failures == ("warm start 4: no reactor",)


def test_server_that_mostly_fails_is_given_up(tmp_path: Path, without_processes: list[int]) -> None:
    without_processes += range(1, 10)
    with pytest.raises(TargetError, match="no reactor"):
        measured(subject_of("a"), effort=Effort(starts=10, caches=("warm",)), folder=tmp_path)


def test_nobody_is_always_the_first_of_a_round(
    tmp_path: Path, without_processes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    plain = Starter.start

    def start(starter: Starter, *arguments):
        order.append(starter.log_path.stem)
        return plain(starter, *arguments)

    monkeypatch.setattr(Starter, "start", start)
    measured(subject_of("a"), subject_of("b"), folder=tmp_path)
    assert order[2:] == ["server-a", "server-b", "server-b", "server-a"]


def test_interrupted_measurement_keeps_what_it_has(tmp_path: Path, without_processes: list[int]) -> None:
    interruption = Interruption()
    steps: list[str] = []

    class AfterThree(list):
        def append(self, step: str) -> None:
            super().append(step)
            interruption.requested = step.startswith("warm start 4")

    (server,) = measured(
        subject_of("a"),
        effort=Effort(starts=10, caches=("warm",)),
        folder=tmp_path,
        interruption=interruption,
        steps=AfterThree(steps),
    ).servers
    assert len(server.starts) == 3
    assert server.remarks == ("interrupted after 3 starts",)


def test_measurement_that_is_interrupted_at_once_has_no_figures(
    tmp_path: Path, without_processes: list[int]
) -> None:
    interruption = Interruption()
    interruption.requested = True
    with pytest.raises(Interrupted):
        measured(subject_of("a"), folder=tmp_path, interruption=interruption)


def test_variable_that_forbids_bytecode_is_remarked(
    tmp_path: Path, without_processes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from perf_core.analysis.import_times import ModuleImport, summarize
    from perf_core.runs.cold_start import prepare as module

    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(module, "import_times", lambda _: summarize([[ModuleImport("site", 1.0, 1.0)]]))
    (server,) = measured(subject_of("a"), folder=tmp_path).servers
    assert "PYTHONDONTWRITEBYTECODE is set" in server.remarks[0]
