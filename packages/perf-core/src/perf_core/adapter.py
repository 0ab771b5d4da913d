"""What a server tells the lab about itself: how to start it, what to call, what must come back.

An adapter is an object with the attributes of :class:`ServerAdapter`, published as an entry point of
the group ``perf_core.adapters``. It needs no JavaScript: the k6 scripts own the shape of the load, the
adapter owns what is called, what must come back, and the targets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from pydantic import JsonValue

ENTRY_POINT_GROUP = "perf_core.adapters"

Wire = Literal["session", "stateless"]
"""Protocol era on HTTP: ``session`` is revision 2025-11-25, ``stateless`` is revision 2026-07-28."""

WIRES: tuple[Wire, ...] = ("session", "stateless")


@dataclass(frozen=True)
class Launch:
    """How to start a server.

    Attributes:
        argv: Command and arguments. ``{ready_file}`` stands for a path at which the server writes
            ``{"url": …}`` once it answers; a server that cannot do that takes ``{port}``, a port
            that the lab chose, and states its ``url``.
        url: Template of the MCP endpoint for servers with ``{port}``, such as
            ``http://127.0.0.1:{port}/mcp``; None when the ready file tells.
        env: Variables added to the lab's own environment.
        cwd: Folder to start in; None is the lab's own.
        ready_timeout_s: Time until the first MCP handshake must have been answered.
        stop_timeout_s: Time between SIGTERM and SIGKILL.
        tokens: Bearer tokens that the server started like this asks for: the lab's own requests carry the
            first, virtual users the others in turn. They stand in ``plan.json``: no real secrets.
    """

    argv: tuple[str, ...]
    url: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready_timeout_s: float = 20.0
    stop_timeout_s: float = 15.0
    tokens: tuple[str, ...] = ()


UNIQUE = "{unique}"
"""Stands in arguments and expected answers for a text of 16 letters and digits that no other journey has,
of this run or of any other: names that must not meet, or content that the server cannot have seen."""


@dataclass(frozen=True)
class Expectation:
    """What a tool call must answer; built by one of the five class methods.

    Attributes:
        kind: ``result`` compares the structured content, ``members`` some members of it, ``text`` the first
            text content, ``error`` wants ``isError: true``, ``any`` only that it is not an error.
        value: The expected JSON value for ``result`` and ``members``, the expected text for ``text``.
    """

    kind: Literal["result", "members", "text", "error", "any"]
    value: JsonValue = None

    @classmethod
    def result(cls, structured_content: JsonValue) -> Expectation:
        """Expect this structured content, compared as a JSON value (numbers exactly)."""
        return cls("result", structured_content)

    @classmethod
    def members(cls, members: Mapping[str, JsonValue]) -> Expectation:
        """Expect these members of the structured content, whatever others there are.

        Checking is cheapest when they are the first ones, in the order in which the server writes them.
        """
        return cls("members", dict(members))

    @classmethod
    def text(cls, text: str) -> Expectation:
        """Expect this text as the first content block."""
        return cls("text", text)

    @classmethod
    def error(cls) -> Expectation:
        """Expect a tool error: a result with ``isError: true``."""
        return cls("error")

    @classmethod
    def anything(cls) -> Expectation:
        """Expect any result that is not an error."""
        return cls("any")


@dataclass(frozen=True)
class Step:
    """One tool call and what it must answer."""

    tool: str
    arguments: Mapping[str, JsonValue]
    expect: Expectation


@dataclass(frozen=True)
class Journey:
    """Calls that one user makes one after the other.

    Attributes:
        name: Names the journey in figures.
        steps: At least one call.
        kind: Label by which figures are split, such as ``large`` numbers; may be empty.
    """

    name: str
    steps: tuple[Step, ...]
    kind: str = ""


@dataclass(frozen=True)
class Target:
    """A level that a figure must reach.

    Attributes:
        figure: Name of the figure, as :mod:`perf_core.analysis.figures` lists them, such as
            ``latency_ms.all.p95`` or ``tool_calls_per_s@hold_100``.
        comparison: ``<`` when the figure must stay below the level, ``>`` when above.
        target: The level that decides the verdict, in the figure's unit.
        need: One sentence: whose need this level serves.
        stretch: A further level that is reported and decides nothing.
        min_duration_s: Shortest observation, in seconds of load, on which the figure can be judged.
        min_samples: Fewest samples on which the figure can be judged.
    """

    figure: str
    comparison: Literal["<", ">"]
    target: float
    need: str
    stretch: float | None = None
    min_duration_s: float = 0.0
    min_samples: int = 1


Pools = Mapping[str, Sequence[Journey]]
"""Journeys by pool name: ``mix`` always; the shape ``benchmark`` also wants one pool per tool, the shapes
``tools`` and ``large-scores`` call all pools but ``mix``, one after the other."""


@dataclass(frozen=True)
class Limits:
    """What a server lets one client send; the shape ``rate-limit`` holds it to that.

    Attributes:
        rate_per_s: Messages in the long run.
        burst: Messages at once, after a pause.
    """

    rate_per_s: float
    burst: int


@dataclass(frozen=True)
class Scenario:
    """One question about a server.

    Attributes:
        name: What people type.
        shape: The k6 script that shapes the load: a file name of ``k6/scenarios`` without ``.js``.
        summary: One sentence: which question it answers.
        journeys: Draws the journeys from a seed; the same seed gives the same journeys.
        targets: Levels that decide the verdict.
        wires: Wires measured unless the user names one.
        launch: How to start the server for this question; None is as for the others.
        limits: What it lets one client send when started like that; the shape ``rate-limit`` needs it.
        strikes_at: Part of the command line of the processes that the shape ``recovery`` may kill: those
            below the server that have it and have no children of their own.
        gauges: What the server holds, such as stored scores, by the names of gauges of its ``/metrics``:
            after the shape ``cleanup`` they must be back where they were.
        request_timeout_s: Time that an answer may take, where 30 s are too few.
    """

    name: str
    shape: str
    summary: str
    journeys: Callable[[int], Pools]
    targets: tuple[Target, ...] = ()
    wires: tuple[Wire, ...] = ("session",)
    launch: Launch | None = None
    limits: Limits | None = None
    strikes_at: str = ""
    gauges: Mapping[str, str] = field(default_factory=dict)
    request_timeout_s: float = 30.0


@runtime_checkable
class ServerAdapter(Protocol):
    """The interface between the lab and one server.

    Attributes:
        name: What people type after ``--target``.
        server_name: ``serverInfo.name`` that the server must report in its handshake (a run against
            anything else is refused); None accepts any.
        launch: How to start the server.
        scenarios: What can be measured, by name.
    """

    @property
    def name(self) -> str:  # noqa: D102 - described above
        ...

    @property
    def server_name(self) -> str | None:  # noqa: D102 - described above
        ...

    @property
    def launch(self) -> Launch:  # noqa: D102 - described above
        ...

    @property
    def scenarios(self) -> Mapping[str, Scenario]:  # noqa: D102 - described above
        ...
