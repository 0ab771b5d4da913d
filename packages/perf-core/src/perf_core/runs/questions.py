"""Questions: one scenario of one server on one wire, checked as far as possible before anything starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from perf_core.adapter import WIRES, Journey, Launch, Scenario, Wire
from perf_core.analysis.catalogue import figure_names, labels_of, target_problems
from perf_core.errors import LabError, UsageError, WireNotOffered
from perf_core.load import k6_binary, k6_process
from perf_core.load.k6_process import Preview
from perf_core.load.plan import Plan, Settings
from perf_core.results.plan_file import encoded, write_plan
from perf_core.server.subject import Subject, access_of
from perf_core.shapes.registry import plan_scenario, shape_named

_NO_SERVER = "http://127.0.0.1:9/mcp"
"""URL for previews, which send nothing (the discard port)."""


@dataclass(frozen=True)
class Question:
    """One scenario of one server on one wire, ready to be asked.

    Attributes:
        is_optional: Whether the wire is the scenario's own and no choice of the user, so that a server need
            not offer it.
        not_offered: Wire of the scenario that the server does not offer, in whose place this one is measured.
    """

    subject: Subject
    scenario: Scenario
    wire: Wire
    plan: Plan = field(repr=False)
    preview: Preview = field(repr=False)
    k6: Path
    k6_version: str
    is_optional: bool = False
    not_offered: Wire | None = None

    @property
    def has_other_wire(self) -> bool:
        """Whether the other wire is measured in its place if the server does not offer this one."""
        return self.is_optional and len(self.scenario.wires) == 1

    @property
    def launch(self) -> Launch:
        """Start of the server for this scenario."""
        return self.scenario.launch or self.subject.adapter.launch


def wires_of(scenario: Scenario, wire: Wire | None) -> Sequence[tuple[Wire, bool]]:
    """Return the wires on which a scenario is measured, each with whether the server may lack it.

    Args:
        wire: The wire that the user named; None for the scenario's own.
    """
    if wire is not None:
        return [(wire, False)]
    return [(each, True) for each in scenario.wires]


def prepare(
    subject: Subject, scenario: Scenario, wire: Wire, settings: Settings, *, is_optional: bool = False
) -> Question:
    """Draw the plan of a question, preview it, and check the targets.

    Raises:
        UsageError: The settings, the journeys or the targets are wrong; lists every problem at once.
        GeneratorError: k6 is missing, or cannot load the plan.
    """
    # The lab does not know the tokens of a server that was already running.
    launch = scenario.launch or subject.adapter.launch
    access = access_of(launch, subject.access) if subject.url is None else subject.access
    plan = plan_scenario(scenario, wire, settings, identities=len(access.users))
    encoded(plan, "")  # a value that is not JSON would end the command halfway
    k6 = k6_binary.find_k6()
    question = Question(
        subject, scenario, wire, plan, preview(k6, plan), k6, k6_binary.k6_version(k6), is_optional
    )
    problems = list(_problems(question))
    if problems:
        raise UsageError(
            f"scenario {scenario.name} of {subject.name} cannot be judged: " + "; ".join(problems),
            "perf-core figures SCENARIO --target TARGET lists the figures of a scenario.",
        )
    return question


def on_other_wire(question: Question, error: LabError) -> Question | None:
    """Return the question on the other wire, if the server does not offer the only one of the scenario.

    Return None if the user chose the wire, if the scenario is measured on the other one anyway, and if it
    cannot be.

    Args:
        error: Why the question has no answer on its own wire.
    """
    if not question.has_other_wire or not isinstance(error, WireNotOffered):
        return None
    other = next(each for each in WIRES if each != question.wire)
    try:
        replacement = prepare(question.subject, question.scenario, other, question.plan.settings)
    except UsageError:
        return None
    return replace(replacement, not_offered=question.wire)


def preview(k6: Path, plan: Plan) -> Preview:
    """Return length, size and sub-metrics of a plan, as k6 computes them, without a server.

    They depend on the names of tools, kinds, journeys and pools alone, so that a few journeys are enough.

    Raises:
        GeneratorError: k6 cannot load the plan.
    """
    few = replace(plan, pools={name: _distinct(pool) for name, pool in plan.pools.items()})
    with TemporaryDirectory(prefix="perf-core-") as name:
        folder = Path(name)
        env = k6_process.script_env(write_plan(few, folder), _NO_SERVER, folder)
        return k6_process.preview(k6, plan.shape, env)


def _distinct(pool: Sequence[Journey]) -> list[Journey]:
    """Return one journey for each name, kind and sequence of tools."""
    return list({(j.name, j.kind, tuple(step.tool for step in j.steps)): j for j in pool}.values())


def figures_of(plan: Plan, sub_metrics: Sequence[str]) -> tuple[str, ...]:
    """Return the names of all figures that a run of a plan has."""
    return figure_names(labels_of(plan, sub_metrics), shape_named(plan.shape).figures)


def _problems(question: Question) -> Iterator[str]:
    scenario, plan = question.scenario, question.plan
    names = figures_of(plan, question.preview.sub_metrics)
    if plan.settings.vus is not None and any(
        "@" in target.figure and target.figure not in names for target in scenario.targets
    ):
        # Other levels have other stages: a target on a published stage is not judged, but it is no mistake.
        published = replace(plan, settings=replace(plan.settings, vus=None))
        names = (*names, *figures_of(published, preview(question.k6, published).sub_metrics))
    yield from target_problems(scenario.targets, names, scenario.name)
    if shape_named(plan.shape).kills_processes and not scenario.kill_pattern:
        yield f"{plan.shape} kills processes of the server: expected a kill_pattern in the scenario, got none"
