"""The adapter of a server: how to start it, what to call, and which answers and figures to expect.

An adapter is an object with the attributes of :class:`ServerAdapter`, published as an entry point of the
group ``perf_core.adapters``. It needs no JavaScript: the k6 scripts shape the load; the adapter supplies the
calls, their expected answers and the targets. Example::

    sum_of_two = Step("add", {"a": 2, "b": 3}, Expectation.result({"result": 5}))

    class Adder:
        name = "adder"
        server_name = None
        launch = Launch(("adder", "--port", "{port}"), url="http://127.0.0.1:{port}/mcp")
        scenarios = standard_scenarios(lambda seed: with_pools_by_tool([Journey("sum", (sum_of_two,))]))
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

Transport = Literal["http", "stdio", "stdio-shared"]

WIRES: tuple[Wire, ...] = ("session", "stateless")


@dataclass(frozen=True)
class Launch:
    """Command and environment with which to start a server.

    Attributes:
        argv: Command and arguments. ``{ready_file}`` is replaced by a path where the server writes
            ``{"url": …}`` once it answers. A server that cannot do that takes ``{port}``, a free port that
            the lab chooses, and has a ``url``. A server on stdio needs neither.
        url: Template of the MCP endpoint for servers with ``{port}``, such as
            ``http://127.0.0.1:{port}/mcp``; None for servers with a ready file.
        env: Variables added to the environment of the command: that of the lab itself, with ``{port}``
            replaced in the values; on stdio the few variables that MCP clients pass on.
        cwd: Folder to start in; None is the lab's own.
        ready_timeout_s: Longest time until the server answers its first MCP handshake.
        stop_timeout_s: Time between SIGTERM and SIGKILL.
        tokens: Bearer tokens that the server accepts: the lab's own requests carry the first, virtual users
            the others in rotation.
        transport: How the server talks: over HTTP, or over its standard input and output, each session
            with a process of its own (``stdio``) or all with one (``stdio-shared``).
    """

    argv: tuple[str, ...]
    url: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready_timeout_s: float = 20.0
    stop_timeout_s: float = 15.0
    tokens: tuple[str, ...] = ()
    transport: Transport = "http"


Method = Literal["tools/call", "resources/read", "prompts/get", "completion/complete"]

UNIQUE = "{unique}"
"""Placeholder in arguments and expected answers, replaced by 16 characters that no other journey of any run
has: for names that must not collide, or content that the server cannot have seen."""


ExpectKind = Literal[
    "result",
    "members",
    "text",
    "contains",
    "regex",
    "json",
    "paths",
    "whole",
    "shape",
    "error",
    "rpc_error",
    "any",
]


PROTOCOL_MEMBERS = ("_meta", "resultType", "ttlMs", "cacheScope")
"""Members of a result that belong to the protocol, and differ between its revisions."""


@dataclass(frozen=True)
class Expectation:
    """The expected answer of a request; built by one of the class methods.

    Attributes:
        kind: ``result`` compares the structured content, ``members`` some of its members, ``text`` the first
            text content; ``contains`` and ``regex`` look into that text; ``json`` compares some members of
            the JSON in that text; ``paths`` compares values within the result, by JSON pointer; ``whole``
            compares the whole result without its :data:`PROTOCOL_MEMBERS`; ``shape`` compares its types
            alone; ``error`` expects ``isError: true``, ``rpc_error`` a JSON-RPC error, ``any`` any answer
            that is no error. ``result``, ``members`` and ``error`` are of tools only; the first text of a
            resource is that of its contents, of a prompt that of its messages, of a completion its first
            value.
        value: Expected JSON value; text for ``text``, ``contains`` and ``regex``; code or None for
            ``rpc_error``; None for ``error`` and ``any``.
    """

    kind: ExpectKind
    value: JsonValue = None

    @classmethod
    def result(cls, structured_content: JsonValue) -> Expectation:
        """Expect this structured content, compared as a JSON value (numbers exactly)."""
        return cls("result", structured_content)

    @classmethod
    def members(cls, members: Mapping[str, JsonValue]) -> Expectation:
        """Expect these members of the structured content, and ignore its other members.

        Checking is cheapest when they are its first members, in the order in which the server writes them.
        """
        return cls("members", dict(members))

    @classmethod
    def text(cls, text: str) -> Expectation:
        """Expect this text as the first content block."""
        return cls("text", text)

    @classmethod
    def contains(cls, text: str) -> Expectation:
        """Expect the first text content to contain this text."""
        return cls("contains", text)

    @classmethod
    def regex(cls, pattern: str) -> Expectation:
        """Expect a match of this pattern in the first text content.

        The syntax is what Python and JavaScript share; ``$`` matches only at the end of the text, and classes
        such as ``\\d`` and ``\\w`` have ASCII characters only. k6 repeats no part more than 1000 times.
        """
        return cls("regex", pattern)

    @classmethod
    def json(cls, members: Mapping[str, JsonValue]) -> Expectation:
        """Expect the first text content to be a JSON object with these members, and ignore its others."""
        return cls("json", dict(members))

    @classmethod
    def paths(cls, values: Mapping[str, JsonValue]) -> Expectation:
        """Expect these values within the result, by JSON pointer (RFC 6901), such as ``/content/1/text``.

        A pointer that goes on after a text of JSON goes on within that JSON: ``/content/0/text/id``.
        """
        return cls("paths", dict(values))

    @classmethod
    def whole(cls, result: Mapping[str, JsonValue]) -> Expectation:
        """Expect this result; its :data:`PROTOCOL_MEMBERS` are ignored.

        Checking is cheapest when the members have the order in which the server writes them.
        """
        return cls("whole", dict(result))

    @classmethod
    def shape(cls, types: JsonValue) -> Expectation:
        """Expect a result with these members, of these types.

        ``types`` mirrors the result: an object has the types of its required members, a list the type of
        every element, and a leaf is ``"string"``, ``"number"``, ``"boolean"``, ``"null"`` or ``"any"``.
        """
        return cls("shape", types)

    @classmethod
    def rpc_error(cls, code: int | None = None) -> Expectation:
        """Expect a JSON-RPC error, with this code unless it is None."""
        return cls("rpc_error", code)

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
    """One request and its expected answer.

    Attributes:
        tool: Name of the tool; for other requests the name in figures, such as the name of the prompt.
        arguments: Arguments of the tool; for other requests all ``params``.
        method: MCP method.
        save: Values of the result that later steps of the journey use: JSON pointer by name. ``{name}`` in
            their arguments and expected answers is replaced by the value: a string that is nothing else
            becomes the value, of whatever type; within a longer string, in an expected text and in the params
            of other methods than tools/call its text is inserted. A journey ends as a wrong answer where a
            value is missing.
        literals: Values by name that stand for themselves: ``{name}`` becomes the value as it is, even where
            that holds ``{unique}`` or the name of a saved value.
    """

    tool: str
    arguments: Mapping[str, JsonValue]
    expect: Expectation
    method: Method = "tools/call"
    save: Mapping[str, str] = field(default_factory=dict)
    literals: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class ThinkTime:
    """Pause of a user after a journey, drawn anew each time; built by one of the class methods.

    Attributes:
        distribution: ``constant``, ``uniform`` or ``exponential``.
        values_s: The pause; the shortest and the longest; or the mean.
    """

    distribution: Literal["constant", "uniform", "exponential"]
    values_s: tuple[float, ...]

    @classmethod
    def constant(cls, pause_s: float) -> ThinkTime:
        """Pause equally long each time."""
        return cls("constant", (pause_s,))

    @classmethod
    def uniform(cls, shortest_s: float, longest_s: float) -> ThinkTime:
        """Pause for any time between two limits, each equally likely."""
        return cls("uniform", (shortest_s, longest_s))

    @classmethod
    def exponential(cls, mean_s: float) -> ThinkTime:
        """Pause as between independent arrivals, at most five means."""
        return cls("exponential", (mean_s,))

    @property
    def longest_s(self) -> float:
        """Longest pause that can be drawn."""
        return self.values_s[-1] * (MOST_MEANS if self.distribution == "exponential" else 1)


MOST_MEANS = 5
"""Longest exponential pause, in means: one in 150 would be longer, and could outlast a short run."""


@dataclass(frozen=True)
class Journey:
    """Calls that one user makes in sequence.

    Attributes:
        name: Name of the journey in figures.
        steps: The calls, at least one.
        kind: Label that splits figures, such as ``large`` for calls with large numbers; may be empty.
        think_time: Pause of the user afterwards; None is none. ``--think-time`` replaces it, and where an
            arrival rate sets the pace there is none.
    """

    name: str
    steps: tuple[Step, ...]
    kind: str = ""
    think_time: ThinkTime | None = None


@dataclass(frozen=True)
class Target:
    """A level that a figure must stay below or above.

    Attributes:
        figure: Name of the figure, such as ``latency_ms.all.p95`` or ``tool_calls_per_s@hold_100``; see
            :mod:`perf_core.analysis.catalogue`, or ``perf-core figures``.
        comparison: ``<`` when the figure must stay below the level, ``>`` when above.
        target: The level that decides the verdict, in the figure's unit.
        need: The user need that this level serves, in one sentence.
        stretch: A stricter level that is reported but does not affect the verdict.
        min_duration_s: Shortest observation, in seconds of load, from which the figure can be judged.
        min_samples: Fewest samples from which the figure can be judged.
    """

    figure: str
    comparison: Literal["<", ">"]
    target: float
    need: str
    stretch: float | None = None
    min_duration_s: float = 0.0
    min_samples: int = 1


Pools = Mapping[str, Sequence[Journey]]
"""Journeys by pool name. ``mix`` is always needed; the shape ``benchmark`` also needs one pool per tool, and
the shapes ``tools`` and ``large-scores`` call every pool except ``mix``, one after another."""

_OTHER_POOLS = frozenset({"mix", "mixed", "protocol"})
"""The pool of all journeys, and stages that are about no single tool."""


def pool_of(tool: str) -> str:
    """Return the name of the pool in which a tool is called alone: its own, unless that means another pool.

    Example::

        pool_of("add"), pool_of("mix")   # "add", "mix alone"
    """
    return f"{tool} alone" if tool in _OTHER_POOLS else tool


@dataclass(frozen=True)
class Limits:
    """Rate limits of a server for one client, which the shape ``rate-limit`` measures.

    Attributes:
        rate_per_s: Messages per second in the long run.
        burst: Messages at once after a pause.
    """

    rate_per_s: float
    burst: int


@dataclass(frozen=True)
class Scenario:
    """One question about a server, with everything needed to answer it.

    Attributes:
        name: Name on the command line.
        shape: Name of the load shape: a module of :mod:`perf_core.shapes` and a file of ``k6/scenarios``.
        summary: The question, in one sentence.
        journeys: Draws the journeys from a seed; the same seed gives the same journeys.
        targets: Levels that decide the verdict.
        wires: Wires to measure unless the user names one.
        launch: Start of the server for this scenario; None uses the adapter's ``launch``.
        limits: Rate limits of the server started like that; the shape ``rate-limit`` needs them.
        kill_pattern: Text in the command lines of the processes that the shape ``recovery`` may kill. They
            must be descendants of the server and have no children.
        gauges: Gauges of the server's ``/metrics`` that must return to their values after the shape
            ``cleanup``: name of the gauge, by what it counts, such as stored scores.
        request_timeout_s: Longest time that an answer may take.
    """

    name: str
    shape: str
    summary: str
    journeys: Callable[[int], Pools]
    targets: tuple[Target, ...] = ()
    wires: tuple[Wire, ...] = ("session",)
    launch: Launch | None = None
    limits: Limits | None = None
    kill_pattern: str = ""
    gauges: Mapping[str, str] = field(default_factory=dict)
    request_timeout_s: float = 30.0


@runtime_checkable
class ServerAdapter(Protocol):
    """The interface between the lab and one server.

    Attributes:
        name: Name for ``--target`` on the command line.
        server_name: ``serverInfo.name`` that the server must report in its handshake, else the run is
            refused; None accepts any.
        launch: Command and environment with which to start the server.
        scenarios: Scenarios by name.
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
