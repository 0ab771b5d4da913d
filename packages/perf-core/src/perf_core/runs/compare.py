"""Comparing two servers: launches, slices, and looks at what they show so far."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from perf_core import report
from perf_core.adapter import Scenario, Wire
from perf_core.analysis.measurements import Summary
from perf_core.comparison import model
from perf_core.comparison.contenders import Entrant
from perf_core.comparison.cpu_log import CpuLog
from perf_core.comparison.model import Bars, Comparison, Contender, Design, Launch
from perf_core.comparison.same_answers import expect_same_answers
from perf_core.comparison.schedule import SIDES, Lengths, Side, SlicePlan, draw_schedule
from perf_core.comparison.slice_figures import figures_of
from perf_core.errors import Interrupted, LabError, NotComparable, TargetError, UsageError
from perf_core.interruption import Interruption, OnProgress
from perf_core.load import k6_process
from perf_core.load.k6_process import Generator
from perf_core.load.plan import Plan, Settings, make_plan
from perf_core.load.plan import write as write_plan
from perf_core.results.folder import new_folder
from perf_core.results.manifest import commit, machine
from perf_core.sampling.affinity import Split, keep_to, split_cpus
from perf_core.sampling.sampler import TreeMeter
from perf_core.server.client import connect
from perf_core.server.live import Live, Place, live_server
from perf_core.server.subject import Described, Subject

MOST_JOURNEYS = 5000
"""k6 reads the plan anew in each launch; more calls would only lengthen that."""

FEWEST_LAUNCHES = 2
"""An interval needs a spread between launches."""

SHORTEST_SLICE_S = 0.1

_REST_S = 0.1
_SHORTEST_TURN_S = 0.01
_CALLS_PER_TURN = 4
_GAP_SHARE = 0.4
"""Of a turn: time for the calls under way, of which each user has one."""

_POLL_S = 0.1
_OVERDUE_S = 60.0


@dataclass(frozen=True)
class Effort:
    """How long to compare.

    Attributes:
        launches: Starts of both servers, at least two.
        pairs: Pairs of slices in each launch.
        slice_s: Load on one server in one pair.
        until_decided: Whether to go on while the verdict is inconclusive.
        most_pairs: Pairs after which a comparison that goes on ends.
        longest_s: Time after which no further launch begins.
        pin: Whether both servers keep to one half of the CPUs and the generator to the other, where that is
            possible and the lab started both.
    """

    launches: int = 6
    pairs: int = 6
    slice_s: float = 0.5
    until_decided: bool = False
    most_pairs: int = 60
    longest_s: float = 600.0
    pin: bool = True

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of launches after which the verdict is looked at."""
        if not self.until_decided:
            return (self.launches,)
        last = max(self.launches, self.most_pairs // self.pairs)
        return tuple(sorted({self.launches, (self.launches + last + 1) // 2, last}))


@dataclass(frozen=True)
class Load:
    """What is called and how: the same for both.

    Attributes:
        scenario: Whose journeys are called.
        vus: Virtual users.
        seed: Seed of everything drawn.
    """

    scenario: Scenario
    vus: int = 4
    seed: int = 1


@dataclass(frozen=True)
class Finished:
    """A comparison that has been written."""

    comparison: Comparison
    folder: Path


def compare(
    a: Entrant,
    b: Entrant,
    load: Load,
    effort: Effort,
    *,
    bars: Bars,
    output_dir: Path,
    interruption: Interruption,
    tell: OnProgress,
) -> Finished:
    """Compare two servers and write ``model.json``.

    Raises:
        UsageError: The request makes no sense.
        NotComparable: The two answer differently.
        TargetError: A server did not start in the first launch.
        GeneratorError: k6 is missing or failed by itself.
        ResultsError: The results cannot be written.
        Interrupted: The user stopped before two launches were done.
    """
    _expect_usable(effort)
    plan = _plan(load, a.wire)
    k6 = k6_process.find_k6()
    k6_version = k6_process.k6_version(k6)
    folder = new_folder(output_dir, f"compare-{a.name}-{b.name}")
    # A server that runs already is somebody else's: it stays where it is.
    split = split_cpus() if effort.pin and a.subject.url is None and b.subject.url is None else None
    design = Design(
        scenario=load.scenario.name,
        wires={"a": a.wire, "b": b.wire},
        vus=load.vus,
        seed=load.seed,
        launches=effort.launches,
        pairs_per_launch=effort.pairs,
        slice_s=effort.slice_s,
        turn_s=0.0,
        pinned=split is not None,
        looks=effort.looks,
        bars=bars,
    )
    began, started_at = time.monotonic(), datetime.now(UTC)
    course = _Course(
        plan, design, {"a": a, "b": b}, k6=k6, folder=folder, split=split, interruption=interruption
    )
    found = None
    try:
        for number in range(1, design.looks[-1] + 1):
            tell("launch", (number - 1) / design.looks[-1])
            course.launch(number)
            spent_s = time.monotonic() - began
            out_of_time = spent_s * (number + 1) / number > effort.longest_s and number >= effort.launches
            if number in design.looks or out_of_time:
                found = model.conclude(course.launches, design)
                if found.verdict != "inconclusive" or out_of_time:
                    break
    except Interrupted:
        if len(course.launches) < FEWEST_LAUNCHES:
            raise
        known = model.conclude(course.launches, design)
        found = model.Found("interrupted", ("the user ended it; the figures so far stand",), known.metrics)
    if found is None:
        raise AssertionError("the last launch is a look")
    finished = Comparison(
        run_id=folder.name,
        started_at=started_at.isoformat(timespec="seconds"),
        duration_s=round(time.monotonic() - began, 1),
        verdict=found.verdict,
        reasons=found.reasons,
        a=course.contenders["a"],
        b=course.contenders["b"],
        design=course.design,
        metrics=found.metrics,
        launches=tuple(course.launches),
        manifest={"machine": machine(), "k6": k6_version, "commit": commit(Path.cwd())},
    )
    model.write(finished, folder)
    report.write_comparison(finished, folder)
    return Finished(finished, folder)


def _expect_usable(effort: Effort) -> None:
    problems = [
        f"{name} is at least {least:g}, {value:g} came"
        for name, value, least in (
            ("--launches", effort.launches, FEWEST_LAUNCHES),
            ("--pairs", effort.pairs, 1),
            ("--slice", effort.slice_s, SHORTEST_SLICE_S),
        )
        if value < least
    ]
    if problems:
        raise UsageError("the comparison cannot be made like this: " + "; ".join(problems))


def _plan(load: Load, wire: Wire) -> Plan:
    settings = Settings(vus=load.vus, seed=load.seed)
    plan = make_plan(replace(load.scenario, shape="slices"), wire, settings)
    return replace(plan, pools={"mix": plan.pools["mix"][:MOST_JOURNEYS]})


class _Course:
    """The launches of one comparison.

    Attributes:
        design: How they are made; the length of a turn is known after the first answers.
        launches: Those that are done.
        contenders: Who they were, known after the first launch.
    """

    def __init__(
        self,
        plan: Plan,
        design: Design,
        entrants: Mapping[Side, Entrant],
        *,
        k6: Path,
        folder: Path,
        split: Split | None,
        interruption: Interruption,
    ) -> None:
        self._plan = plan
        self.design = design
        self._entrants = entrants
        self._k6 = k6
        self._folder = folder
        self._split = split
        self._interruption = interruption
        self.launches: list[Launch] = []
        self.contenders: dict[Side, Contender] = {}

    def launch(self, number: int) -> None:
        """Start both servers, load them by turns, end them, and keep what was seen.

        A launch that fails after the first one is kept as a fault: servers may fail now and then.
        """
        folder = self._folder / f"launch-{number}"
        folder.mkdir()
        # Python takes hash seeds of 32 bits.
        seed = (self.design.seed * 1000 + number) % 2**32
        try:
            with self._both_live(folder, seed) as live:
                if number == 1:
                    self._introduce(live)
                self.launches.append(self._measure(live, folder, seed))
        except (Interrupted, NotComparable):
            raise
        except LabError as error:
            if number == 1:
                raise
            self.launches.append(Launch((), {"a": {}, "b": {}}, (error.message,)))

    @contextlib.contextmanager
    def _both_live(self, folder: Path, seed: int) -> Iterator[dict[Side, Live]]:
        # Both at once: each has a core of its own, and waiting for one after the other takes twice as long.
        with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
            starting = {
                side: pool.submit(_entered, self._server(side, folder, seed), stack) for side in SIDES
            }
            yield {side: future.result() for side, future in starting.items()}

    def _server(self, side: Side, folder: Path, seed: int) -> AbstractContextManager[Live]:
        entrant = self._entrants[side]
        subject = replace(entrant.subject, adapter=_with_hash_seed(entrant.subject, seed))
        return live_server(subject, entrant.wire, Place(folder / f"server_{side}.log"), self._interruption)

    def _introduce(self, live: Mapping[Side, Live]) -> None:
        for side in SIDES:
            entrant, shaken = self._entrants[side], live[side].handshake
            self.contenders[side] = Contender(
                entrant.name,
                shaken.server_name,
                shaken.server_version,
                entrant.subject.package,
                entrant.commit,
            )
        with (
            connect(live["a"].url, self._entrants["a"].wire) as first,
            connect(live["b"].url, self._entrants["b"].wire) as second,
        ):
            call_s = expect_same_answers(first, second, self._plan.pools["mix"])
        # Timed alone; users wait for each other, the longer the more there are.
        crowd = max(1.0, self.design.vus / Load.vus)
        turn_s = min(self.design.slice_s, max(_SHORTEST_TURN_S, _CALLS_PER_TURN * call_s * crowd))
        self.design = replace(self.design, turn_s=round(turn_s, 4))

    def _measure(self, live: Mapping[Side, Live], folder: Path, seed: int) -> Launch:
        design = self.design
        lengths = Lengths(design.slice_s, design.turn_s, _GAP_SHARE * design.turn_s, _REST_S)
        schedule = draw_schedule(design.pairs_per_launch, lengths, seed)
        slices = SlicePlan(schedule, dict(design.wires))
        plan_path = write_plan(replace(self._plan, slices=slices.to_document()), folder)
        env = k6_process.script_env(plan_path, live["a"].url, folder, rival_url=live["b"].url)
        if self._split is not None:
            # Only now: starting on one CPU would take twice as long.
            for side in SIDES:
                keep_to(live[side].pid or 0, self._split.servers)
        cpus = self._split.generator if self._split is not None else None
        with (
            CpuLog({side: live[side].pid for side in SIDES}) as log,
            Generator(
                self._k6, "slices", env, folder, period_s=None, max_vus=design.vus, cpus=cpus
            ) as k6_run,
        ):
            faults = self._wait(k6_run, live, slices.end_s)
            generated = k6_run.result()
        rss_mb = {side: _rss_mb(live[side].pid) for side in SIDES}
        faults += [f"{side}: {change}" for side in SIDES if not faults and (change := live[side].changed())]
        if generated.summary is None:
            raise TargetError("; ".join(faults) or f"k6 wrote no summary:\n{generated.log_tail}")
        figures: dict[Side, dict[str, float]] = {side: {} for side in SIDES}
        for side in SIDES:
            for name, value in (("rss_mb", rss_mb[side]), ("ready_s", live[side].ready_s)):
                if value:
                    figures[side][name] = value
        found = figures_of(schedule, Summary(generated.summary), log.readings, design.vus)
        return Launch(found, figures, tuple(faults))

    def _wait(self, k6_run: Generator, live: Mapping[Side, Live], longest_s: float) -> list[str]:
        began = time.monotonic()
        while not k6_run.wait(_POLL_S):
            faults = [f"{side}: {ended}" for side in SIDES if (ended := live[side].ended())]
            if time.monotonic() - began > longest_s + _OVERDUE_S:
                faults.append(f"k6 hung: it should have ended after {longest_s:.0f} s")
            if faults or self._interruption.requested:
                k6_run.interrupt()
                self._interruption.check()
                return faults
        return []


def _entered(server: AbstractContextManager[Live], stack: ExitStack) -> Live:
    return stack.enter_context(server)


def _with_hash_seed(subject: Subject, seed: int) -> Described:
    """Return its adapter with the hash seed of this launch.

    The seed decides how dictionaries lie in memory, which moves a Python server's speed by a few percent.
    Both servers get the same one, so that this noise cancels, and each launch another, so that a verdict
    does not rest on one layout. Servers in other languages ignore it.
    """
    adapter = subject.adapter
    env = {"PYTHONHASHSEED": str(seed), **adapter.launch.env}
    return Described(adapter.name, adapter.server_name, replace(adapter.launch, env=env), adapter.scenarios)


def _rss_mb(pid: int | None) -> float | None:
    return TreeMeter(pid).read().rss_mb if pid is not None else None
