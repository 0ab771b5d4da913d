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
"""

from __future__ import annotations

import difflib
import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from perf_core.adapter import Expectation, Journey, Launch, Pools, Scenario, Step, Target
from perf_core.errors import UsageError
from perf_core.scenarios import NO_ERRORS, further_scenarios, standard_scenarios, with_pools_by_tool

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

    def build(self) -> Target:
        return Target(**self.model_dump())


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
        targets = tuple(target.build() for target in self._file.targets)
        names = standard_scenarios(self._journeys)
        standard = standard_scenarios(self._journeys, dict.fromkeys(names, targets or (NO_ERRORS,)))
        further = further_scenarios(dict.fromkeys(_FURTHER, self._journeys), dict.fromkeys(_FURTHER, targets))
        return {**standard, **further}

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
    return FileAdapter(path, None if file.command else file.url, file)


def _problem(kind: str, where: tuple[int | str, ...], message: str, value: object) -> str:
    field = ".".join(map(str, where)) or "the file"
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(str(where[-1]), _FIELDS, n=1)
        message = "no such field" + (f" (did you mean {close[0]!r}?)" if close else "")
    return f"  {field}: {message}, got {shown}"
