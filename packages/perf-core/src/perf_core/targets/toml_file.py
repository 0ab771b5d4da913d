"""A TOML file that describes a server without an adapter.

Instead of calls and targets it may contain ``adapter = "music21"``, to use those of an installed adapter for
the same server started differently.

Example::

    name = "weather"
    command = ["weather-server", "--port", "{port}"]
    url = "http://127.0.0.1:{port}/mcp"        # without a command: URL of a running server

    [[calls]]
    tool = "forecast"
    arguments = { city = "Oslo" }
    expect = { text = "cold" }                 # or { result = … }, { error = true }; default: any success
    weight = 3

    [[targets]]
    figure = "latency_ms.all.p95"
    comparison = "<"
    target = 100
    need = "People wait for it."
    scenarios = ["quick", "load"]              # default: all
"""

from __future__ import annotations

import difflib
import itertools
import json
import random
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from perf_core.adapter import Expectation, Journey, Launch, Pools, Scenario, Step, Target
from perf_core.analysis.catalogue import PROTOCOL_FIGURES, STAGE_FIGURES, Labels, figure_names
from perf_core.errors import UsageError
from perf_core.scenarios import (
    NO_ERRORS,
    STANDARD,
    further_scenarios,
    standard_scenarios,
    with_pools_by_tool,
)
from perf_core.server.subject import closest_name
from perf_core.shapes.registry import all_shapes

_JOURNEYS = 1000

_FURTHER = ("concurrent", "memory", "tools", "cleanup", "stability")
"""Further scenarios that need only calls; the others need sizes, limits or processes that may be killed."""


class _Strict(BaseModel):
    # TOML has infinity and NaN, but JSON does not, so calls cannot contain them.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Expect(_Strict):
    result: JsonValue = None
    text: str | None = None
    error: Literal[True] | None = None

    @model_validator(mode="after")
    def _check_single(self) -> _Expect:
        if len(self.model_fields_set) != 1:
            raise ValueError("expected exactly one of result, text, error")
        return self

    def expectation(self) -> Expectation:
        if self.error:
            return Expectation.error()
        if self.text is not None:
            return Expectation.text(self.text)
        return Expectation.result(self.result)


class _Call(_Strict):
    tool: str = Field(min_length=1)
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    expect: _Expect | None = None
    weight: float = Field(default=1.0, gt=0)
    kind: str = ""

    def journey(self) -> Journey:
        expect = self.expect.expectation() if self.expect else Expectation.anything()
        return Journey(self.tool, (Step(self.tool, self.arguments, expect),), self.kind)


class _Target(_Strict):
    figure: str
    comparison: str = Field(pattern="^[<>]$")
    target: float
    need: str
    stretch: float | None = None
    min_duration_s: float = Field(default=0.0, ge=0)
    min_samples: int = Field(default=1, ge=1)
    scenarios: list[str] | None = Field(default=None, min_length=1)

    def build(self) -> Target:
        return Target(**self.model_dump(exclude={"scenarios"}))

    def applies_to(self, scenario: str) -> bool:
        return self.scenarios is None or scenario in self.scenarios


class _File(_Strict):
    name: str = Field(min_length=1)
    server_name: str | None = None
    command: list[str] | None = Field(default=None, min_length=1)
    url: str | None = None
    env: dict[str, str] = Field(default_factory=dict)
    ready_timeout_s: float = Field(default=20.0, gt=0)
    adapter: str | None = None
    calls: list[_Call] | None = Field(default=None, min_length=1)
    targets: list[_Target] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_start(self) -> _File:
        if self.command is None and self.url is None:
            raise ValueError("expected a command that starts the server, or the url of a running one")
        words = " ".join(self.command or [])
        if self.command is not None and "{ready_file}" not in words and self.url is None:
            raise ValueError("expected {ready_file} in the command, or {port} together with url")
        if self.url is not None and "{port}" in self.url and "{port}" not in words:
            raise ValueError("expected {port} in the command too, since url has it")
        return self

    @model_validator(mode="after")
    def _check_calls(self) -> _File:
        if (self.adapter is None) == (self.calls is None):
            raise ValueError("expected either calls or an installed adapter")
        if self.adapter is not None and self.targets:
            raise ValueError("expected no targets beside an adapter, which has its own")
        return self


_FIELDS = sorted({name for model in (_File, _Call, _Expect, _Target) for name in model.model_fields})


@dataclass(frozen=True)
class FileAdapter:
    """Adapter made from a TOML file.

    Attributes:
        running_url: URL of a server that is already running; None if the lab starts it.
        like: Name of the installed adapter whose scenarios it uses; None if the file has its own calls.
    """

    path: Path
    running_url: str | None
    _file: _File

    @property
    def like(self) -> str | None:  # noqa: D102 - described above
        return self._file.adapter

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
        """Launch of the server; its command runs in the folder of the file."""
        return Launch(
            argv=tuple(self._file.command or ()),
            url=self._file.url,
            env=self._file.env,
            cwd=self.path.resolve().parent,
            ready_timeout_s=self._file.ready_timeout_s,
        )

    @cached_property
    def scenarios(self) -> Mapping[str, Scenario]:
        """The published scenarios with the file's calls, except those that need more than calls."""
        standard = standard_scenarios(
            self._journeys, {name: self._targets(name) or (NO_ERRORS,) for name in STANDARD}
        )
        further = further_scenarios(
            dict.fromkeys(_FURTHER, self._journeys), {name: self._targets(name) for name in _FURTHER}
        )
        return {**standard, **further}

    def _targets(self, scenario: str) -> tuple[Target, ...]:
        return tuple(target.build() for target in self._file.targets if target.applies_to(scenario))

    def _journeys(self, seed: int) -> Pools:
        calls = self._file.calls or []
        drawn = random.Random(seed).choices(calls, weights=[c.weight for c in calls], k=_JOURNEYS)  # noqa: S311 - a draw of load, not a secret
        return with_pools_by_tool([call.journey() for call in drawn])


def read_target_file(path: Path) -> FileAdapter:
    """Return the server that a TOML file describes.

    Raises:
        UsageError: The file cannot be read, is not TOML, or has wrong fields; lists every wrong field.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "Give the path of a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}", "docs/adapters.md has an example.") from error
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        problems = "\n".join(_problem(p["type"], p["loc"], p["msg"], p["input"]) for p in error.errors())
        raise UsageError(
            f"{path} does not describe a server:\n{problems}", "docs/adapters.md has an example."
        ) from error
    wrong_targets = "\n".join(_target_problems(file))
    if wrong_targets:
        raise UsageError(
            f"{path} has targets that cannot be judged:\n{wrong_targets}",
            "perf-core figures lists the names; docs/adapters.md has an example.",
        )
    return FileAdapter(path, None if file.command else file.url, file)


def _problem(kind: str, where: tuple[int | str, ...], message: str, value: object) -> str:
    field = ".".join(map(str, where)) or "the file"
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(str(where[-1]), _FIELDS, n=1)
        message = "no such field" + (f" (did you mean {close[0]!r}?)" if close else "")
    return f"  {field}: {message}, got {shown}"


def _target_problems(file: _File) -> Iterator[str]:
    """Yield what is wrong with the targets, as far as it can be told without k6, which names the stages."""
    calls = file.calls or []
    labels = Labels(
        tools=tuple(sorted({call.tool for call in calls})),
        kinds=tuple(sorted({(tool, c.kind) for c in calls if c.kind for tool in ("all", c.tool)})),
    )
    shapes = all_shapes()
    names = {name: figure_names(labels, shapes[name].figures) for name in (*STANDARD, *_FURTHER)}
    for index, target in enumerate(file.targets):
        place = f"  targets.{index}"
        unknown = [name for name in target.scenarios or () if name not in names]
        for name in unknown:
            yield f"{place}.scenarios: expected names of scenarios, got {name!r}{closest_name(name, names)}"
        if not unknown:
            problem = _figure_problem(target, names)
            if problem:
                yield f"{place}.figure: {problem}"


def _figure_problem(target: _Target, names: Mapping[str, Collection[str]]) -> str:
    """Return what is wrong with the figure of a target, given the figures of each scenario."""
    figure, at, _ = target.figure.partition("@")
    got = f"got {target.figure!r}"
    if at and figure not in STAGE_FIGURES:
        return f"expected a figure that stages have, {got}{closest_name(figure, STAGE_FIGURES)}"
    having = [name for name, figures in names.items() if not at and figure in figures]
    is_of_k6 = bool(at) or figure.startswith(PROTOCOL_FIGURES)
    if not having and not is_of_k6:
        candidates = dict.fromkeys(itertools.chain.from_iterable(names.values()))
        return f"expected the name of a figure, {got}{closest_name(figure, candidates)}"
    if target.scenarios is None and len(having) < len(names):
        example = json.dumps(having or ["load" if at else "benchmark"])
        return f"expected a figure of every scenario, or scenarios = {example} beside it, {got}"
    lacking = [name for name in target.scenarios or () if not is_of_k6 and name not in having]
    if lacking:
        return f"expected a figure of {' and '.join(lacking)}, {got}, which only {' and '.join(having)} has"
    return ""
