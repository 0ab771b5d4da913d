"""The launches of a comparison: all servers started, loaded alternately and ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from perf_core.analysis import failures as failure_examples
from perf_core.analysis.k6_summary import Summary
from perf_core.analysis.token_cost import token_cost
from perf_core.analysis.tokenizer import tokenizer
from perf_core.comparison.contenders import Contender
from perf_core.comparison.cpu_log import CpuLog
from perf_core.comparison.model import ComparedServer, Design, Launch
from perf_core.comparison.same_answers import expect_same_answers
from perf_core.comparison.schedule import (
    BASELINE,
    Lengths,
    Room,
    Side,
    SlicePlan,
    choose_lengths,
    draw_schedule,
)
from perf_core.comparison.slice_figures import figures_of, tail_figures
from perf_core.errors import Interrupted, LabError, NotComparable, TargetError
from perf_core.interruption import Interruption, OnProgress
from perf_core.load import k6_process
from perf_core.load.k6_access import LoadedServer, k6_access
from perf_core.load.k6_process import Generator
from perf_core.load.plan import Plan
from perf_core.results.plan_file import write_plan
from perf_core.sampling.affinity import Split, keep_to
from perf_core.sampling.pulse import Pulse
from perf_core.sampling.sampler import TreeMeter
from perf_core.server.client.connection import connect
from perf_core.server.credentials.masking import masked_errors
from perf_core.server.interruptible import interruptible
from perf_core.server.live import LiveServer, StartOptions, live_server
from perf_core.server.subject import DerivedAdapter, Subject

_POLL_S = 0.1
_OVERDUE_S = 60.0


@dataclass
class LaunchRunner:
    """Runs the launches of one comparison and keeps their results.

    Attributes:
        design: Settings of the comparison; the first launch sets the lengths of a turn and a slice.
        slice_s: Length of a slice that the user chose; None to choose it from the time of a call.
        longest_s: Time that all launches together may take.
        split: CPUs for the servers and the generator; None binds neither.
        servers: Identities of the servers, set by the first launch.
    """

    plan: Plan
    contenders: Mapping[Side, Contender]
    design: Design
    k6: Path
    folder: Path
    split: Split | None
    interruption: Interruption
    slice_s: float | None
    longest_s: float
    on_progress: OnProgress
    launches: list[Launch] = field(default_factory=list)
    servers: dict[Side, ComparedServer] = field(default_factory=dict)
    _lengths: Lengths | None = None

    def launch(self, number: int) -> None:
        """Start all servers, load them alternately, end them and keep the figures.

        A failure after the first launch becomes a fault of that launch, since servers may fail now and then.
        """
        folder = self.folder / f"launch-{number}"
        folder.mkdir()
        # Python's hash seeds have 32 bits.
        seed = (self.design.seed * 1000 + number) % 2**32
        try:
            with self._all_live(folder, seed) as live, masked_errors(lambda: _secrets(live)):
                if number == 1:
                    self._introduce(live)
                self.launches.append(self._measure(live, folder, seed))
        except (Interrupted, NotComparable):
            raise
        except LabError as error:
            if number == 1:
                raise
            self.launches.append(Launch((), {side: {} for side in self.contenders}, (error.message,)))

    @contextlib.contextmanager
    def _all_live(self, folder: Path, seed: int) -> Iterator[dict[Side, LiveServer]]:
        # Started at the same time, as far as there are cores; one after the other would take longer.
        with ExitStack() as stack, ThreadPoolExecutor(len(self.contenders)) as pool:
            starting = {
                side: pool.submit(stack.enter_context, self._server(side, folder, seed))
                for side in self.contenders
            }
            yield {side: future.result() for side, future in starting.items()}

    def _server(self, side: Side, folder: Path, seed: int) -> AbstractContextManager[LiveServer]:
        contender = self.contenders[side]
        subject = replace(contender.subject, adapter=_with_hash_seed(contender.subject, seed))
        options = StartOptions(folder / f"server_{side}.log")
        return live_server(subject, contender.wire, options, self.interruption)

    def _introduce(self, live: Mapping[Side, LiveServer]) -> None:
        """Keep the servers' identities, check that they answer alike, and set the lengths."""
        for side, contender in self.contenders.items():
            handshake = live[side].handshake
            self.servers[side] = ComparedServer(
                contender.name,
                handshake.server_name,
                handshake.server_version,
                contender.subject.package,
                contender.commit,
                token_cost(handshake.listed, handshake.instructions, tokenizer()),
            )
        # A tool may take as long here as under the load.
        timeout_s = self.plan.settings.request_timeout_s
        connections = [
            partial(connect, live[side].url, contender.wire, timeout_s, access=live[side].access)
            for side, contender in self.contenders.items()
        ]
        compare_answers = partial(
            expect_same_answers,
            connections,
            self.plan.pools["mix"],
            interruption=self.interruption,
            on_progress=self.on_progress,
        )
        call_s = interruptible(compare_answers, self.interruption)
        design = self.design
        room = Room(design.launches, design.pairs_per_launch, self.longest_s, len(design.sides))
        self._lengths = choose_lengths(call_s, design.vus, self.slice_s, room)
        self.design = replace(design, slice_s=self._lengths.slice_s, turn_s=self._lengths.turn_s)

    def _measure(self, live: Mapping[Side, LiveServer], folder: Path, seed: int) -> Launch:
        design = self.design
        assert self._lengths is not None, "the first launch sets them"  # noqa: S101
        schedule = draw_schedule(design.sides, design.pairs_per_launch, self._lengths, seed)
        slices = SlicePlan(schedule, dict(design.wires))
        plan_path = write_plan(replace(self.plan, slices=slices.to_document()), folder)
        sides = design.sides
        loaded = [
            LoadedServer(live[side].url, live[side].access, live[side].handshake.revision) for side in sides
        ]
        pids = {side: live[side].pid for side in sides}
        if self.split is not None:
            # Not earlier: starting all on one CPU would take longer.
            for pid in filter(None, pids.values()):
                keep_to(pid, self.split.servers)
        cpus = self.split.generator if self.split is not None else None
        with (
            k6_access(*loaded) as k6_variables,
            CpuLog(pids, [side for side in sides if _is_below_bridge(live[side])]) as log,
            Generator(
                self.k6,
                "slices",
                {**k6_process.script_env(plan_path, live[BASELINE].url, folder), **k6_variables.env},
                folder,
                period_s=None,
                max_vus=design.vus,
                cpus=cpus,
                secrets=lambda: _secrets(live),
            ) as k6_run,
            Pulse(k6_run.pid) as pulse,
        ):
            faults, side_faults = self._wait(k6_run, live, slices.end_s)
            generated = k6_run.result()
        faults += [*k6_variables.problems, *generated.script_faults]
        rss_mb = {side: _rss_mb(live[side]) for side in sides}
        for side in sides:
            if not faults and side not in side_faults:
                change = interruptible(partial(_change, live[side]), self.interruption)
                side_faults |= {side: change} if change else {}
        faults += self._faults_of_all(side_faults)
        if generated.summary is None:
            raise TargetError("; ".join(faults) or f"k6 wrote no summary:\n{generated.log_tail}")
        once: dict[Side, dict[str, float]] = {side: {} for side in sides}
        for side in sides:
            for name, value in (("rss_mb", rss_mb[side]), ("ready_s", live[side].ready_s)):
                if value:
                    once[side][name] = value
        summary = Summary(generated.summary)
        every = figures_of(schedule, summary, log.readings, design.vus, pulse.stills)
        counted = tuple(each for each in every if each.pair > 0)
        # The slowest calls of a k6 that stood still are not the servers'.
        if not faults and not pulse.stills:
            for side in sides:
                once[side] |= tail_figures(summary, side, counted)
        warm_up = tuple(each for each in every if each.pair == 0)
        failures = failure_examples.examples(generated.events.failures, secrets=_secrets(live))
        return Launch(counted, once, tuple(faults), warm_up, failures, {} if faults else side_faults)

    def _faults_of_all(self, side_faults: Mapping[Side, str]) -> list[str]:
        """Return the faults of single servers if they leave no pair of servers that could be compared."""
        rivals = self.design.rivals
        if BASELINE in side_faults or all(side in side_faults for side in rivals):
            return [f"{side}: {fault}" for side, fault in side_faults.items()]
        return []

    def _wait(
        self, k6_run: Generator, live: Mapping[Side, LiveServer], planned_s: float
    ) -> tuple[list[str], dict[Side, str]]:
        """Wait until k6 has ended.

        Returns:
            Faults for which it was ended early, and the servers that have ended, with how.
        """
        began = time.monotonic()
        ended: dict[Side, str] = {}
        while not k6_run.wait(_POLL_S):
            self.on_progress(
                f"launch {len(self.launches) + 1}", min(1.0, (time.monotonic() - began) / max(planned_s, 0.1))
            )
            ended |= {side: how for side in live if side not in ended and (how := live[side].ended())}
            faults = self._faults_of_all(ended)
            if time.monotonic() - began > planned_s + _OVERDUE_S:
                faults.append(f"k6 hung: expected it to end after {planned_s:.0f} s")
            if faults or self.interruption.requested:
                k6_run.interrupt()
                self.interruption.check()
                return faults, ended
        return [], ended


def _secrets(live: Mapping[Side, LiveServer]) -> list[str]:
    return [secret for server in live.values() for secret in server.access.secrets()]


def _with_hash_seed(subject: Subject, seed: int) -> DerivedAdapter:
    """Return the subject's adapter with the hash seed of this launch in its environment.

    The seed decides the memory layout of dictionaries, which changes a Python server's speed by a few
    percent. All servers get the same seed, so that this effect cancels, and each launch another, so that a
    verdict does not rest on one layout. Servers in other languages ignore it.
    """
    adapter = subject.adapter
    env = {"PYTHONHASHSEED": str(seed), **adapter.launch.env}
    launch = replace(adapter.launch, env=env)
    return DerivedAdapter(adapter.name, adapter.server_name, launch, adapter.scenarios)


def _change(server: LiveServer) -> str:
    """Return how a server differs from the one at the start, or that it does not answer; empty if neither."""
    try:
        return server.changed()
    except TargetError as error:
        return error.message


def _is_below_bridge(server: LiveServer) -> bool:
    return server.bridge_pid is not None and server.bridge_pid == server.pid


def _rss_mb(server: LiveServer) -> float | None:
    if server.pid is None:
        return None
    return TreeMeter(server.pid, root_apart=_is_below_bridge(server)).read().rss_mb
