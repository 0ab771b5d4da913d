"""The adapter that a target file makes: launch, scenarios, access."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from perf_core.adapter import Journey, Launch, Pools, Scenario, Target, Transport
from perf_core.load.placeholders import drawn
from perf_core.scenarios import STANDARD, further_scenarios, standard_scenarios, with_pools_by_tool
from perf_core.server.client.replies import Answers
from perf_core.server.credentials.access import Access
from perf_core.server.credentials.access_settings import AccessSettings, access_from, filled_from
from perf_core.server.subject import Pace
from perf_core.targets.draws import Drawing, draw
from perf_core.targets.file_model import CallTable, TargetFile, TargetTable
from perf_core.targets.requests import MixTable, label_of, step_of

_JOURNEYS = 1000
_DRAWN_JOURNEYS = 5000
"""Journeys of a mix with drawn values: calls in flight should hardly ever be the same."""

FURTHER = ("concurrent", "memory", "tools", "cleanup", "stability")
"""Further scenarios that need only calls; the others need sizes, limits or processes that may be killed."""

FILE_SCENARIOS = (*STANDARD, *FURTHER)
"""Names of the scenarios of a file with calls."""


@dataclass(frozen=True)
class FileAdapter:
    """Adapter made from a TOML file.

    Attributes:
        drawings: Sources of the drawn values of each call and journey, in their order in the file.
    """

    path: Path
    _file: TargetFile
    drawings: tuple[Mapping[str, Drawing], ...] = field(default=(), repr=False)

    @property
    def like(self) -> str | None:
        """Name of the installed adapter whose scenarios it uses; None if the file has its own calls."""
        return self._file.adapter

    @property
    def running_url(self) -> str | None:
        """URL of a server that is already running; None if the lab starts it."""
        return None if self._file.command else self._file.url

    @property
    def name(self) -> str:
        """Name of the server."""
        return self._file.name

    @property
    def server_name(self) -> str | None:
        """Name that the handshake must report; None accepts any."""
        return self._file.server_name

    @property
    def launch(self) -> Launch:
        """Launch of the server; its command runs in the folder of the file, or in ``cwd`` beside it.

        Raises:
            UsageError: The environment lacks a variable to which ``env`` refers.
        """
        file = self._file
        stdio: Transport = "stdio-shared" if file.shared else "stdio"
        return Launch(
            argv=tuple(file.command or ()),
            url=file.url,
            env=filled_from(file.env, os.environ),
            cwd=self.path.resolve().parent / (file.cwd or ""),
            ready_timeout_s=file.ready_timeout_s,
            stop_timeout_s=file.stop_timeout_s,
            transport=stdio if file.transport == "stdio" else "http",
        )

    @property
    def pace(self) -> Pace:
        """Pauses and time limit of calls that are drawn, if the file has none."""
        return Pace(self._file.request_timeout_s, self._file.think_time)

    @property
    def access(self) -> Access:
        """Access to the server, with the values of secrets from the environment.

        Raises:
            UsageError: A variable or the file of certificates is missing.
        """
        access = access_from(self._file.access or AccessSettings(), os.environ, self.path.resolve().parent)
        answers = self._file.answers
        if answers is None:
            return access
        return replace(access, answers=Answers(answers.elicitation, answers.sampling))

    @cached_property
    def scenarios(self) -> Mapping[str, Scenario]:
        """The published scenarios with the file's calls, except those that need more than calls.

        None for a file without calls, which are drawn then as for a URL alone.
        """
        if not self.drawings:
            return {}
        targets = {name: self._targets(name) for name in FILE_SCENARIOS}
        # In place of the usual ones of their shapes: no errors, and for endurance no leaks.
        own = {name: targets[name] for name in STANDARD if targets[name]}
        standard = standard_scenarios(self._journeys, own)
        further = further_scenarios(
            dict.fromkeys(FURTHER, self._journeys), {name: targets[name] for name in FURTHER}
        )
        longest_s = self._file.request_timeout_s
        return {
            name: replace(scenario, request_timeout_s=longest_s)
            for name, scenario in {**standard, **further}.items()
        }

    def _targets(self, scenario: str) -> tuple[Target, ...]:
        return tuple(_target(each) for each in self._file.targets if _applies(each, scenario))

    def _journeys(self, seed: int) -> Pools:
        rng = random.Random(seed)  # noqa: S311 - a draw of load, not a secret
        mix: list[MixTable] = [*self._file.calls, *self._file.journeys]
        journeys = [self._journey(table) for table in mix]
        count = _DRAWN_JOURNEYS if any(self.drawings) else _JOURNEYS
        indexes = rng.choices(range(len(mix)), weights=[table.weight for table in mix], k=count)
        # Each once at least: a call that is never made would be checked by nobody.
        for index in sorted(set(range(len(mix))).difference(indexes)):
            indexes.insert(rng.randrange(len(indexes) + 1), index)
        return with_pools_by_tool([_drawn(journeys[index], self.drawings[index], rng) for index in indexes])

    def _journey(self, table: MixTable) -> Journey:
        think_time = table.think_time or self._file.think_time
        if isinstance(table, CallTable):
            return Journey(label_of(table), (step_of(table),), table.kind, think_time)
        return Journey(table.name, tuple(map(step_of, table.steps)), table.kind, think_time)


def _drawn(journey: Journey, drawings: Mapping[str, Drawing], rng: random.Random) -> Journey:
    if not drawings:
        return journey
    values = draw(drawings, rng)
    return replace(journey, steps=tuple(drawn(step, values) for step in journey.steps))


def _target(table: TargetTable) -> Target:
    return Target(**table.model_dump(exclude={"scenarios"}))


def _applies(table: TargetTable, scenario: str) -> bool:
    return table.scenarios is None or scenario in table.scenarios
