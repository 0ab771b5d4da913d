"""Comparing servers: launches, looks at the results so far, and the report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from perf_core.adapter import Scenario, Wire
from perf_core.comparison.comparison_file import COMPARISONS
from perf_core.comparison.contenders import Contender
from perf_core.comparison.intervals import MIN_LAUNCHES
from perf_core.comparison.model import Bars, Comparison, Design
from perf_core.comparison.schedule import USUAL_VUS, sides_of
from perf_core.comparison.statistics import Conclusion, conclude
from perf_core.errors import Interrupted, UsageError
from perf_core.interruption import Interruption, OnProgress
from perf_core.load import k6_binary
from perf_core.load.plan import Plan, PlanNeeds, Settings, make_plan
from perf_core.report import documents
from perf_core.results.folder import expect_writable, new_folder
from perf_core.results.manifest import commit, machine
from perf_core.runs.launches import LaunchRunner
from perf_core.sampling.affinity import split_cpus

MAX_JOURNEYS = 5000
"""k6 reads the plan in each launch; more journeys would only take longer to read."""

MIN_SLICE_S = 0.1


@dataclass(frozen=True)
class Effort:
    """Length and thoroughness of a comparison.

    Attributes:
        launches: Launches of all servers, at least two.
        slice_s: Load on one server in one pair; None to choose it from the time of a call.
        until_decided: Whether to continue while the verdict is inconclusive.
        most_pairs: Number of pairs after which a comparison that continues ends.
        longest_s: Time after which no further launch begins; slices are not chosen so long that the planned
            launches would take longer.
        pin: Whether to bind all servers to one half of the CPUs and the generator to the other, if the
            system allows it and the lab starts all servers.
    """

    launches: int = 6
    pairs: int = 6
    slice_s: float | None = None
    until_decided: bool = False
    most_pairs: int = 60
    longest_s: float = 600.0
    pin: bool = True

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of launches after which the verdict is computed."""
        if not self.until_decided:
            return (self.launches,)
        last = max(self.launches, self.most_pairs // self.pairs)
        return tuple(sorted({self.launches, (self.launches + last + 1) // 2, last}))


@dataclass(frozen=True)
class Workload:
    """Calls that all servers get."""

    scenario: Scenario
    vus: int = USUAL_VUS
    seed: int = 1


@dataclass(frozen=True)
class ComparisonRun:
    """A comparison and the folder that it was written to."""

    comparison: Comparison
    folder: Path


def compare(
    contenders: Sequence[Contender],
    workload: Workload,
    effort: Effort,
    *,
    bars: Bars,
    output_dir: Path,
    interruption: Interruption,
    on_progress: OnProgress,
) -> ComparisonRun:
    """Compare servers, and write ``comparison.json`` and its reports.

    Args:
        contenders: At least two servers; the first is the baseline.

    Raises:
        UsageError: The request is invalid.
        NotComparable: The servers answer differently.
        TargetError: A server did not start in the first launch.
        GeneratorError: k6 is missing or failed.
        ResultsError: The results cannot be written.
        Interrupted: The user interrupted before two launches were complete.
    """
    expect_usable(effort, workload.vus, output_dir)
    plan = _plan(workload, contenders[0].wire)
    k6 = k6_binary.find_k6()
    k6_version = k6_binary.k6_version(k6)
    folder = new_folder(output_dir, _folder_name(contenders))
    # A server that was already running is not the lab's to bind to CPUs.
    are_started = all(each.subject.url is None for each in contenders)
    split = split_cpus() if effort.pin and are_started else None
    by_side = dict(zip(sides_of(len(contenders)), contenders, strict=True))
    design = Design(
        scenario=workload.scenario.name,
        wires={side: each.wire for side, each in by_side.items()},
        vus=workload.vus,
        seed=workload.seed,
        launches=effort.launches,
        pairs_per_launch=effort.pairs,
        # The first launch sets both lengths.
        slice_s=effort.slice_s or 0.0,
        turn_s=0.0,
        pinned=split is not None,
        looks=effort.looks,
        bars=bars,
    )
    began, started_at = time.monotonic(), datetime.now(UTC)
    runner = LaunchRunner(
        plan,
        by_side,
        design,
        k6,
        folder,
        split,
        interruption,
        slice_s=effort.slice_s,
        longest_s=effort.longest_s,
        on_progress=on_progress,
    )
    conclusion = _launch_until_decided(runner, effort, on_progress)
    comparison = Comparison(
        run_id=folder.name,
        started_at=started_at.isoformat(timespec="seconds"),
        duration_s=round(time.monotonic() - began, 1),
        verdict=conclusion.verdict,
        reasons=conclusion.reasons,
        servers=runner.servers,
        design=runner.design,
        pairings=conclusion.pairings,
        launches=tuple(runner.launches),
        manifest={"machine": machine(), "k6": k6_version, "commit": commit(Path.cwd())},
        own_figures=conclusion.own_figures,
        rankings=conclusion.rankings,
    )
    documents.save(COMPARISONS, comparison, folder)
    return ComparisonRun(comparison, folder)


def _folder_name(contenders: Sequence[Contender]) -> str:
    a, b, *others = contenders
    return f"compare-{a.name}-and-{len(others) + 1}-others" if others else f"compare-{a.name}-{b.name}"


def _launch_until_decided(runner: LaunchRunner, effort: Effort, on_progress: OnProgress) -> Conclusion:
    looks = runner.design.looks
    began = time.monotonic()
    try:
        for number in range(1, looks[-1] + 1):
            on_progress(f"starting launch {number} of up to {looks[-1]}", None)
            runner.launch(number)
            next_end_s = (time.monotonic() - began) * (number + 1) / number
            out_of_time = next_end_s > effort.longest_s and number >= effort.launches
            if number in looks or out_of_time:
                conclusion = conclude(runner.launches, runner.design)
                if out_of_time or not conclusion.is_open:
                    break
    except Interrupted as error:
        done = len(runner.launches)
        if done < MIN_LAUNCHES:
            raise Interrupted(
                f"interrupted in launch {done + 1}: expected at least {MIN_LAUNCHES} complete launches for a "
                f"comparison, got {done}; no figures were recorded"
            ) from error
        return conclude(runner.launches, runner.design).interrupted()
    return conclusion


def expect_usable(effort: Effort, vus: int, output_dir: Path) -> None:
    """Check all that can be known before revisions are built, which takes minutes.

    Raises:
        UsageError: A number is too small; lists every problem at once.
        GeneratorError: There is no k6.
        ResultsError: The results cannot be written.
    """
    problems = [
        f"expected {name} of at least {least:g}, got {value:g}"
        for name, value, least in (
            ("--launches", effort.launches, MIN_LAUNCHES),
            ("--pairs", effort.pairs, 1),
            ("--vus", vus, 1),
            ("--slice", effort.slice_s, MIN_SLICE_S),
        )
        if value is not None and value < least
    ]
    if problems:
        raise UsageError("; ".join(problems), "See perf-core compare --help.")
    k6_binary.find_k6()
    expect_writable(output_dir)


def _plan(workload: Workload, wire: Wire) -> Plan:
    settings = Settings(vus=workload.vus, seed=workload.seed)
    plan = make_plan(replace(workload.scenario, shape="slices"), wire, settings, PlanNeeds())
    return replace(plan, pools={"mix": plan.pools["mix"][:MAX_JOURNEYS]})
