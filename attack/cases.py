"""The servers under attack: how each starts, what good clients ask, what may be killed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attack_tables import SESSIONS
from hostile_bodies import BODIES, MAX_BODY_BYTES, MAX_CONNECTIONS
from hostile_heads import HEADS
from hostile_inputs import Kinds
from hostile_messages import MESSAGES

from perf_core import Journey, Launch

SESSION_IDLE_S = 10
"""Setting of the servers: sessions that nobody uses are gone soon after the attack."""

GOOD_TOKENS = tuple(f"good-client-number-{number:02}" for number in range(6))
HOSTILE_TOKEN = "hostile-client-number-00"
MONITOR_TOKEN = "monitor-of-the-attack-00"
"""Token with which the metrics are read."""

_OPTIONS = (
    *("--session-idle-timeout-s", str(SESSION_IDLE_S), "--request-timeout-s", "{request_timeout_s}"),
    *("--max-body-bytes", str(MAX_BODY_BYTES), "--max-connections-per-address", str(MAX_CONNECTIONS)),
    *("--log-level", "warning"),
)


@dataclass(frozen=True)
class Case:
    """One server with a number of serving processes.

    Attributes:
        module: Module to run.
        prefix: Prefix of its environment variables.
        request_timeout_s: Setting of that name.
        options: Further options; ``{folder}`` is a folder of its own.
        patterns: Texts in the command lines of processes that may be killed.
        gauges: Gauges of its metrics that return to their values, by what they count.
        tool: Tool that answers at once.
        right: Structured content of the answer of this tool; None if it is not looked at.
        journeys: Draws the journeys of good clients from a seed.
        kinds: Returns the kinds of hostile inputs.
        good_clients: Number of good clients; they alternate between the wires.
    """

    server: str
    workers: int
    module: str
    prefix: str
    request_timeout_s: int
    options: tuple[str, ...]
    patterns: tuple[str, ...]
    gauges: Mapping[str, str]
    tool: str
    arguments: Mapping[str, Any]
    right: Mapping[str, Any] | None
    journeys: Callable[[int], Sequence[Journey]]
    kinds: Callable[[], Kinds]
    other_tools: tuple[str, ...] = ()
    good_clients: int = len(GOOD_TOKENS)
    hostile_clients: int = 4

    @property
    def name(self) -> str:
        """Name on the command line."""
        return f"{self.server}-{self.workers}"

    def launch(self, folder: Path) -> Launch:
        """Return how to start it, with a folder for what it stores."""
        options = [
            option.format(request_timeout_s=self.request_timeout_s, folder=folder)
            for option in (*_OPTIONS, *self.options)
        ]
        command = (sys.executable, "-m", self.module, "--port", "0", "--ready-file", "{ready_file}")
        # The lab's own requests carry the first token.
        tokens = (MONITOR_TOKEN, HOSTILE_TOKEN, *GOOD_TOKENS)
        return Launch(
            argv=(*command, "--workers", str(self.workers), *options),
            env={f"{self.prefix}_AUTH_TOKENS": ",".join(tokens)},
            tokens=tokens,
            ready_timeout_s=60.0,
            stop_timeout_s=60.0,
        )


def _calculations(seed: int) -> Sequence[Journey]:
    from calculator_server.perf_adapter import benchmark_journeys

    return benchmark_journeys(seed)["mix"]


def _scores(seed: int) -> Sequence[Journey]:
    # Late, because it imports music21 and computes the right answers, which takes seconds.
    from music21_server.perf_adapter.journeys import by_tool

    return by_tool(seed)["mix"]


def _with_documents() -> Kinds:
    from hostile_documents import DOCUMENTS

    return {**HEADS, **BODIES, **MESSAGES, **DOCUMENTS}


def _calculator(workers: int) -> Case:
    return Case(
        server="calculator-server",
        workers=workers,
        module="calculator_server",
        prefix="CALCULATOR",
        request_timeout_s=5,
        options=(),
        # Without workers it is one process, which nothing replaces.
        patterns=("multiprocessing.spawn",) if workers > 1 else (),
        gauges={SESSIONS: "mcp_sessions_open"},
        tool="add",
        arguments={"a": 1, "b": 2},
        right={"result": 3},
        journeys=_calculations,
        kinds=lambda: {**HEADS, **BODIES, **MESSAGES},
    )


def _music21(workers: int) -> Case:
    return Case(
        server="music21-server",
        workers=workers,
        module="music21_server",
        prefix="MUSIC21",
        request_timeout_s=45,
        # Caches that are full before the attack cannot grow during it.
        options=("--max-cached-bytes", "1000000", "--store-folder", "{folder}"),
        patterns=(
            *(("multiprocessing.spawn",) if workers > 1 else ()),
            "music21_server.workers.fork_server",
        ),
        gauges={SESSIONS: "mcp_sessions_open", "scores": "music21_scores"},
        tool="list_scores",
        arguments={},
        right=None,
        journeys=_scores,
        kinds=_with_documents,
        other_tools=(
            *("import_score", "list_scores", "delete_score", "export_score", "render_score", "score_info"),
            *("key_analysis", "chord_analysis", "harmony_analysis", "voice_leading_analysis"),
            *("pattern_recognition", "search_pattern", "transpose_score", "extract_part", "score_slice"),
            *("harmonize_melody", "generate_counterpoint", "imitate_style"),
        ),
        good_clients=4,
    )


CASES: Sequence[Case] = tuple(make(workers) for make in (_calculator, _music21) for workers in (1, 2))
