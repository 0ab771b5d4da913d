"""Times of starts agree with the clock of a server that sleeps for known times."""

import sys
from pathlib import Path

import psutil
import pytest

from perf_core.adapter import Expectation, Launch, Step
from perf_core.analysis.cold_start import STEPS
from perf_core.errors import Interrupted, TargetError
from perf_core.interruption import Interruption
from perf_core.runs.cold_start.one_start import Starter
from perf_core.server.credentials.access import OPEN

pytestmark = pytest.mark.process

SERVERS = Path(__file__).parents[2] / "servers"
NAP = Step("nap", {}, Expectation.text("zzz"))
SLEEPS_S = {"listen": 0.15, "initialize": 0.08, "list": 0.05, "call": 0.1}

HOW = {
    "ready file": ("--ready-file", "{ready_file}"),
    "port": ("--port", "{port}"),
    "stdio": ("--stdio",),
}


def starter_of(how: str, folder: Path, *options: str, step: Step | None = NAP, **settings: float) -> Starter:
    argv = (sys.executable, str(SERVERS / "sleeper.py"), *HOW[how], *options)
    launch = Launch(
        argv,
        url="http://127.0.0.1:{port}/mcp" if how == "port" else None,
        transport="stdio" if how == "stdio" else "http",
        **settings,
    )
    return Starter(launch, "session", OPEN, step, folder / "log", Interruption())


@pytest.mark.parametrize("how", HOW)
def test_times_of_each_step_agree_with_the_servers_clock(how: str, tmp_path: Path) -> None:
    times = tmp_path / "times"
    options = [text for name, slept_s in SLEEPS_S.items() for text in (f"--{name}", str(slept_s))]
    start, handshake = starter_of(how, tmp_path, *options, "--times", str(times)).start("warm", 3)

    assert (handshake.server_name, handshake.tools) == ("sleeper", ("nap",))
    assert (start.cache, start.round) == ("warm", 3)
    own = {name: float(at_s) for name, at_s in (line.split() for line in times.read_text().splitlines())}
    took = {step: start.took_s(step) for step in STEPS}
    # Each answer came after the server wrote it and before it began to sleep for the next one, however busy
    # the machine is.
    assert SLEEPS_S["list"] <= took["tools_list"] <= own["first_call"] - SLEEPS_S["call"] - own["initialize"]
    assert took["first_call"] >= SLEEPS_S["call"]
    if how == "stdio":
        assert took["listening"] is None
        assert start.initialize_s >= SLEEPS_S["listen"] + SLEEPS_S["initialize"]
    else:
        assert took["listening"] >= SLEEPS_S["listen"]
        latest_s = own["tools_list"] - SLEEPS_S["list"] - own["listening"]
        assert SLEEPS_S["initialize"] <= took["initialize"] <= latest_s


@pytest.mark.parametrize("how", ["port", "stdio"])
def test_a_start_tells_what_the_server_used(how: str, tmp_path: Path) -> None:
    pids: list[int] = []
    start, _ = starter_of(how, tmp_path).start("warm", 0, pids.append)
    assert start.cpu_s is not None
    assert 0 < start.cpu_s < start.ready_s + 1
    assert start.rss_mb is not None
    assert start.rss_mb > 1
    assert start.processes == 1
    assert not psutil.pid_exists(pids[0]), "it has been ended"


@pytest.mark.parametrize("how", ["port", "stdio"])
def test_without_a_call_the_list_of_tools_is_the_last_step(how: str, tmp_path: Path) -> None:
    start, _ = starter_of(how, tmp_path, step=None).start("warm", 0)
    assert start.first_call_s is None
    assert start.ready_s == start.tools_list_s


@pytest.mark.parametrize("how", ["port", "stdio"])
def test_a_wrong_answer_is_no_start(how: str, tmp_path: Path) -> None:
    wrong = Step("nap", {}, Expectation.text("awake"))
    with pytest.raises(TargetError, match="right answer to the first call, of nap, got: wrong answer"):
        starter_of(how, tmp_path, step=wrong).start("warm", 0)


def test_stdio_server_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    argv = (sys.executable, str(SERVERS / "stdio_adder.py"), "--fault", "crash-at-start")
    starter = Starter(
        Launch(argv, transport="stdio"), "session", OPEN, None, tmp_path / "log", Interruption()
    )
    with pytest.raises(TargetError, match=r"(?s)initialize: expected an answer, .*no reactor at all"):
        starter.start("warm", 0)


def test_stdio_server_that_never_answers_is_given_up_and_ended(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", "import sys; print('x', file=sys.stderr, flush=True); sys.stdin.read()")
    launch = Launch(argv, transport="stdio", ready_timeout_s=0.3)
    starter = Starter(launch, "session", OPEN, None, tmp_path / "log", Interruption())
    with pytest.raises(TargetError, match=r"initialize: expected an answer in time, got none"):
        starter.start("warm", 0)


@pytest.mark.parametrize("how", ["ready file", "stdio"])
def test_an_interruption_ends_a_start(how: str, tmp_path: Path) -> None:
    starter = starter_of(how, tmp_path, "--listen", "30")
    starter.interruption.requested = True
    with pytest.raises(Interrupted):
        starter.start("warm", 0)


def test_stateless_wire_on_stdio_has_its_own_handshake(tmp_path: Path) -> None:
    argv = (sys.executable, str(SERVERS / "stdio_adder.py"))
    add = Step("add", {"a": 1, "b": 2}, Expectation.result({"result": 3}))
    starter = Starter(
        Launch(argv, transport="stdio"), "stateless", OPEN, add, tmp_path / "log", Interruption()
    )
    start, handshake = starter.start("warm", 0)
    assert (handshake.server_name, handshake.revision) == ("stdio-adder", "2026-07-28")
    assert start.first_call_s is not None


def test_requests_of_a_stdio_server_during_the_first_call_are_answered(tmp_path: Path) -> None:
    argv = (sys.executable, str(SERVERS / "stdio_adder.py"), "--fault", "asks")
    add = Step("add", {"a": 1, "b": 2}, Expectation.result({"result": 3}))
    starter = Starter(Launch(argv, transport="stdio"), "session", OPEN, add, tmp_path / "log", Interruption())
    start, _ = starter.start("warm", 0)
    assert start.first_call_s is not None
