"""Builders of the data that modules exchange, so that a test names only the values that matter to it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import httpx2
import pytest

from perf_core import Expectation, Journey, Launch, Scenario, Step, Target
from perf_core.adapter import Pools
from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.analysis.k6_summary import SAMPLELESS_CLASSES
from perf_core.load.plan import Plan, Settings
from perf_core.results.record import Finding, GeneratorUse, Latency, Metrics, Stage
from perf_core.sampling.sampler import Reading, Sample
from perf_core.shapes.registry import plan_scenario

DATA = Path(__file__).parent / "data"
FAULTY_SERVER = Path(__file__).parents[3] / "truth" / "faulty_server.py"
SESSION_KEEPER = Path(__file__).parents[3] / "truth" / "session_keeper.py"
STARTED_AT_S = 1_700_000_000.0


def _latency(p95: float = 10.0, count: int = 1000) -> Latency:
    return Latency(count, p95 / 10, p95 / 2.5, p95 / 2, p95 * 0.8, p95, p95 * 2, p95 * 3)


def _stage(
    name: str = "hold_100",
    start_s: float = 0.0,
    end_s: float = 10.0,
    *,
    p95: float = 10.0,
    calls: int = 1000,
    error_rate: float = 0.0,
    samples: int | None = None,
) -> Stage:
    """Return a stage with the kind and the users of its name, such as `hold_100` or `recovery_1`."""
    kind, _, number = name.partition("_")
    vus = int(number) if kind in {"hold", "ramp"} and number.isdigit() else 10
    answered = calls if samples is None else samples
    return Stage(
        name=name,
        kind=kind,
        vus=vus,
        rate_per_s=None,
        start_s=start_s,
        end_s=end_s,
        calls=calls,
        calls_per_s=calls * (1 - error_rate) / (end_s - start_s),
        error_rate=error_rate,
        latency_ms=_latency(p95, answered) if answered else Latency(0, 0, 0, 0, 0, 0, 0, 0),
    )


def _metrics(**changes: Any) -> Metrics:
    values: dict[str, Any] = {
        "tool_calls": 1000,
        "tool_calls_per_s": 100.0,
        "error_rate": 0.0,
        "errors": {},
        "latency_ms": {"all": _latency(), "add": _latency()},
        "session_creation_ms": _latency(20.0, 10),
        "sessions_opened": 10,
        "sessions_closed": 10,
    }
    return Metrics(**{**values, **changes})


def _generator(**changes: Any) -> GeneratorUse:
    values: dict[str, Any] = {
        "cpu_s": 1.0,
        "cpu_us_per_call": 80.0,
        "cores_used": 0.3,
        "cores_available": 1.0,
        "saturated": False,
        "rss_peak_mb": 100.0,
        "dropped_iterations": 0,
        "scheduled_iterations": 1000,
        "exit_code": 0,
    }
    return GeneratorUse(**{**values, **changes})


def _load_columns(
    periods: Sequence[tuple[float | None, ...]], period_s: float = 1.0
) -> dict[str, tuple[float | None, ...]]:
    """Return columns for rows (calls_per_s, errors_per_s, median latency, VUs); the last may be missing."""
    rows = [(*row, *(0.0, 0.0, 5.0, 10.0)[len(row) :]) for row in periods]
    calls, errors, median, vus = zip(*rows, strict=True) if rows else ((), (), (), ())
    return {
        "t_s": tuple(period_s * (index + 1) for index in range(len(rows))),
        "vus": vus,
        "calls_per_s": calls,
        "errors_per_s": errors,
        "latency_med_ms": median,
        "latency_p95_ms": median,
        "latency_p99_ms": median,
    }


def _trend(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "trend", "contains": "time", "values": dict(values)}


@dataclass
class SummaryDocument:
    """A summary as `k6/lib/summary.js` writes it: metrics without samples are there, with zeros."""

    document: dict[str, Any]

    def trend(self, name: str, count: int, p95: float = 10.0) -> SummaryDocument:
        """Set the samples of a trend or one of its sub-metrics."""
        shape = {"min": 0.1, "avg": 0.4, "med": 0.5, "max": 3.0, "p(90)": 0.8, "p(95)": 1.0, "p(99)": 2.0}
        values = {statistic: share * p95 if count else 0 for statistic, share in shape.items()}
        self.document["metrics"][name] = _trend({"count": count, **values})
        return self

    def counter(self, name: str, count: int) -> SummaryDocument:
        """Set a counter or one of its sub-metrics."""
        self.document["metrics"][name] = {"type": "counter", "values": {"count": count, "rate": 0}}
        return self

    def calls(self, stage: str, count: int, p95: float = 10.0) -> SummaryDocument:
        """Add answered calls of `add` to a stage and to the whole run."""
        name = "mcp_tool_call_duration_ms"
        self.trend(f"{name}{{stage:{stage}}}", count, p95)
        self.counter("http_reqs", count + self.count("http_reqs"))
        for total in (name, f"{name}{{tool:add}}"):
            self.trend(total, count + self.count(total), p95)
        return self

    def errors(self, error_class: str, stage: str, count: int) -> SummaryDocument:
        """Add errors of a class to a stage and to the whole run, with calls if they are no samples."""
        if error_class in SAMPLELESS_CLASSES:
            self.counter("http_reqs", count + self.count("http_reqs"))
        self.counter(f"mcp_errors{{class:{error_class},stage:{stage}}}", count)
        for total in (
            "mcp_errors",
            f"mcp_errors{{class:{error_class}}}",
            f"mcp_errors{{class:{error_class},tool:add}}",
        ):
            self.counter(total, count + self.count(total))
        return self

    def unopened(self, error_class: str, stage: str, count: int) -> SummaryDocument:
        """Add sessions that could not be opened: errors without a call."""
        requests, of_add = self.count("http_reqs"), self.count(f"mcp_errors{{class:{error_class},tool:add}}")
        self.errors(error_class, stage, count)
        self.counter("http_reqs", requests)
        self.counter(f"mcp_errors{{class:{error_class},tool:add}}", of_add)
        self.counter(f"mcp_errors{{class:{error_class},stage:{stage},tool:initialize}}", count)
        self.counter(f"mcp_errors{{class:{error_class},tool:initialize}}", count)
        return self

    def count(self, name: str) -> int:
        """Return the number of samples of a metric so far."""
        return int(self.document["metrics"].get(name, {}).get("values", {}).get("count", 0))


def _summary(*stages: tuple[str, float, float], ran_s: float | None = None) -> SummaryDocument:
    planned = [
        {
            "name": name,
            "kind": name.partition("_")[0],
            "vus": int(name.partition("_")[2]) if name.partition("_")[2].isdigit() else 10,
            "rate_per_s": None,
            "start_s": start_s,
            "end_s": end_s,
        }
        for name, start_s, end_s in stages
    ]
    length_s = max(end_s for _, _, end_s in stages) if ran_s is None else ran_s
    return SummaryDocument(
        {
            "schema": 1,
            "scenario": "load",
            "shape": "load",
            "wire": "session",
            "started_at_ms": STARTED_AT_S * 1000,
            "aborted": None,
            "stages": planned,
            "state": {"testRunDurationMs": length_s * 1000},
            "metrics": {},
            "options": {},
        }
    )


def _samples(
    t_s: Sequence[float],
    server_cpu_s: Callable[[float], float] | None = None,
    generator_cpu_s: Callable[[float], float] | None = None,
    *,
    rss_mb: Callable[[float], float] = lambda _t: 50.0,
    server_lives_until_s: float = float("inf"),
) -> tuple[Sample, ...]:
    """Return samples at times of the load; a process without a function is not visible."""

    def server(t: float) -> Reading | None:
        if server_cpu_s is None:
            return None
        if t > server_lives_until_s:
            return Reading(0.0, server_cpu_s(server_lives_until_s), 0, 0, 0)
        return Reading(rss_mb(t), server_cpu_s(t), 10, 4, 1)

    def generator(t: float) -> Reading | None:
        return Reading(80.0 + t, generator_cpu_s(t), 20, 9, 1) if generator_cpu_s is not None else None

    return tuple(Sample(STARTED_AT_S + t, server(t), generator(t)) for t in t_s)


def _evidence(stages: Sequence[Stage], **changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "metrics": _metrics(),
        "stages": stages,
        "planned_stages": [stage.name for stage in stages],
        "server": None,
        "load": _load_columns([(10.0,)] * 10),
        "period_s": 1.0,
        **changes,
    }
    return Evidence(**values)


def _finding(found: ShapeFindings, title: str) -> Finding:
    """Return the finding with this title."""
    return next(each for each in found.findings if each.title == title)


def _add(a: int = 1, b: int = 2, kind: str = "") -> Journey:
    return Journey("add", (Step("add", {"a": a, "b": b}, Expectation.result({"result": a + b})),), kind)


def _scenario(
    shape: str = "load", pools: Pools | None = None, targets: tuple[Target, ...] = (), name: str = ""
) -> Scenario:
    return Scenario(name or shape, shape, "A question.", lambda _seed: pools or {"mix": [_add()]}, targets)


def _plan(shape: str = "load", pools: Pools | None = None, **settings: Any) -> Plan:
    return plan_scenario(_scenario(shape, pools), "session", Settings(**settings))


@dataclass
class AnyAdapter:
    """An adapter that could be installed."""

    scenarios: Mapping[str, Scenario]
    name: str = "adder"
    server_name: str | None = None
    launch: Launch = field(default_factory=lambda: Launch(("adder", "--ready-file", "{ready_file}")))


class Build:
    """Builders under short names."""

    latency = staticmethod(_latency)
    stage = staticmethod(_stage)
    metrics = staticmethod(_metrics)
    generator = staticmethod(_generator)
    load_columns = staticmethod(_load_columns)
    summary = staticmethod(_summary)
    samples = staticmethod(_samples)
    evidence = staticmethod(_evidence)
    finding = staticmethod(_finding)
    scenario = staticmethod(_scenario)
    journey = staticmethod(_add)
    plan = staticmethod(_plan)
    adapter = AnyAdapter
    started_at_s = STARTED_AT_S


@pytest.fixture(scope="session")
def build() -> type[Build]:
    """Return builders of stages, metrics, summaries, samples, plans and adapters."""
    return Build


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of recorded files."""
    return DATA


class FakeEntryPoint(EntryPoint):
    """An entry point that loads the object that it was given, or raises it."""

    def load(self) -> Any:
        loaded = self._loaded  # type: ignore[attr-defined] # EntryPoint is immutable, so it is set below
        if isinstance(loaded, BaseException):
            raise loaded
        return loaded


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that installs adapters by name; an exception is raised on import."""

    def installed(**adapters: object) -> None:
        entries = []
        for name, loaded in adapters.items():
            entry = FakeEntryPoint(name, f"some_package:{name}", "perf_core.adapters")
            vars(entry)["_loaded"] = loaded
            vars(entry)["dist"] = None
            entries.append(entry)
        monkeypatch.setattr("perf_core.targets.registry.entry_points", lambda **_group: entries)

    return installed


@dataclass(frozen=True)
class FaultyServer:
    """A server of known behaviour that runs; `truth` is its own account of what it did."""

    url: str
    pid: int

    @property
    def truth(self) -> dict[str, Any]:
        response = httpx2.get(self.url.removesuffix("/mcp") + "/truth", timeout=10, trust_env=False)
        return response.json()  # type: ignore[no-any-return] # it is an object


class FaultyServers:
    """Starts servers of known behaviour; the modes are in truth/modes.py."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def launch(self, truth_file: Path | None = None, **modes: object) -> Launch:
        """Return the launch of a server, for an adapter; its account is appended to `truth_file`."""
        words = [f"{name}={value}" for name, value in modes.items()]
        truth = ["--truth-file", str(truth_file)] if truth_file else []
        command = (sys.executable, str(FAULTY_SERVER), "--ready-file", "{ready_file}", *truth, *words)
        return Launch(command)

    def start(self, **modes: object) -> FaultyServer:
        """Start a server, which ends with the test."""
        ready_file = self._folder / f"faulty-{len(self._processes)}.json"
        command = [part.replace("{ready_file}", str(ready_file)) for part in self.launch(**modes).argv]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self._processes.append(process)
        deadline = time.monotonic() + 20
        while not ready_file.exists():
            assert process.poll() is None, f"the faulty server ended with exit code {process.returncode}"
            assert time.monotonic() < deadline, "the faulty server was not ready within 20 s"
            time.sleep(0.01)
        return FaultyServer(json.loads(ready_file.read_text(encoding="utf-8"))["url"], process.pid)

    def stop(self) -> None:
        """Stop all of them."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(10)


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyServers]:
    """Return a starter of servers of known behaviour, such as `faulty.start(hang_after_s=3)`."""
    servers = FaultyServers(tmp_path)
    yield servers
    servers.stop()


@dataclass(frozen=True)
class Streamer:
    """A server of `servers/streamer.py` that runs in this process."""

    url: str
    server: Any

    @property
    def counts(self) -> Mapping[str, int]:
        """Requests and calls so far, by what they are."""
        return self.server.counts  # type: ignore[no-any-return] # it is a Counter


@pytest.fixture
def streamer() -> Iterator[Callable[..., Streamer]]:
    """Return a starter of servers that stream, such as `streamer(streams="held")`."""
    module = _loaded("streamer")
    started: list[Any] = []

    def start(streams: str = "refused", *, one_at_a_time: bool = False) -> Streamer:
        server = module.make_server(streams, one_at_a_time=one_at_a_time)
        started.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return Streamer(f"http://127.0.0.1:{server.server_port}/mcp", server)

    yield start
    for server in started:
        server.stopped.set()
        server.shutdown()
        server.server_close()


def _loaded(name: str) -> Any:
    """Return a module of `servers/` that runs in this process."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "servers" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class KeptSessions:
    """A server of `truth/session_keeper.py` in a thread of this process; `keeper` has its sessions."""

    url: str
    keeper: Any


@pytest.fixture
def keeper() -> Iterator[Callable[..., KeptSessions]]:
    """Return a starter of servers with sessions of known behaviour, such as `keeper(cap=10)`."""
    spec = importlib.util.spec_from_file_location("session_keeper", SESSION_KEEPER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["session_keeper"] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    servers: list[asyncio.Server] = []

    async def serve(modes: Any) -> KeptSessions:
        kept = module.Keeper(modes)
        server = await loop.create_server(lambda: module.Connection(kept), "127.0.0.1", 0)
        servers.append(server)
        return KeptSessions(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp", kept)

    def start(**modes: Any) -> KeptSessions:
        return asyncio.run_coroutine_threadsafe(serve(module.KeeperModes(**modes)), loop).result(10)

    async def stop() -> None:
        for server in servers:
            server.close()

    yield start
    asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@dataclass(frozen=True)
class Certificates:
    """Certificates of an authority of our own; ``tls`` is the server's context."""

    ca_file: Path
    tls: Any


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return certificates for the loopback addresses."""
    import trustme  # it loads cryptography, which the other tests do without

    authority = trustme.CA()
    ca_file = tmp_path_factory.mktemp("certificates") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "::1", "localhost").configure_cert(tls)
    return Certificates(ca_file, tls)


@pytest.fixture
def guarded() -> Iterator[Callable[..., Any]]:
    """Return a starter of servers of `servers/guarded.py`, such as `guarded(tls=certificates.tls)`."""
    module = _loaded("guarded")
    started: list[Any] = []

    def start(**options: Any) -> Any:
        server = module.Server(**options)
        started.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()
