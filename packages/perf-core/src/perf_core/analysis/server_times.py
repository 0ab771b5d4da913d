"""The parts of a call's time, from the header ``Server-Timing``; pure functions.

Source: W3C, Server Timing (2023), "The Server-Timing Header Field": entries such as
``db;desc="orders";dur=53.2``, separated by commas, with durations in milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from perf_core.analysis.k6_summary import Window
from perf_core.analysis.streams import distribution_ms
from perf_core.load.probe.observations import Observations, ProbedCall
from perf_core.results.record import ServerTimes

_TOTAL = "total"
_MS = 1000.0
_MOST_PARTS = 8
_NAME_CHARACTERS = 40


@dataclass(frozen=True)
class Split:
    """The parts of one call, in seconds; their sum is the whole."""

    total_s: float
    client_s: float
    between_s: float
    server_s: float
    parts_s: Mapping[str, float]


def server_times(observations: Observations, load: Window) -> tuple[ServerTimes, ...]:
    """Return where the time of calls went, by tool; of the idle server if a load was too short for any."""
    during = [call for call in observations.calls if call.at_s in load]
    calls = (*observations.idle_calls, *during)
    tools = dict.fromkeys(call.tool for call in calls if call.tells_times)
    return tuple(_times_of(list(tools), during, observations.idle_calls))


def _times_of(
    tools: Sequence[str], during: Sequence[ProbedCall], idle: Sequence[ProbedCall]
) -> Iterator[ServerTimes]:
    for tool in tools:
        loaded = _splits(tool, during)
        splits = loaded or _splits(tool, idle)
        if splits:
            names = dict.fromkeys(name for split in splits for name in split.parts_s)
            yield ServerTimes(
                tool=tool,
                calls=len(splits),
                total_ms=distribution_ms(split.total_s for split in splits),
                client_ms=distribution_ms(split.client_s for split in splits),
                between_ms=distribution_ms(split.between_s for split in splits),
                server_ms=distribution_ms(split.server_s for split in splits),
                parts_ms={
                    name: distribution_ms(split.parts_s[name] for split in splits if name in split.parts_s)
                    for name in list(names)[:_MOST_PARTS]
                },
                is_idle=not loaded,
            )


def _splits(tool: str, calls: Sequence[ProbedCall]) -> list[Split]:
    splits = (split_of(call) for call in calls if call.tool == tool and not call.problem)
    return [split for split in splits if split is not None]


def split_of(call: ProbedCall) -> Split | None:
    """Return the parts of a call; None if the server did not tell its time, or the call has no answer.

    The server's own time is what it calls ``total``, and without that its longest entry, since entries may
    overlap. It is never longer than the client waited.
    """
    durations_s = {name: ms / _MS for name, ms in parse_server_timing(call.server_timing).items()}
    if not durations_s or call.total_s is None or call.head_s is None:
        return None
    waited_s = max(0.0, min(call.head_s, call.total_s) - call.sent_s)
    server_s = min(waited_s, durations_s.get(_TOTAL, max(durations_s.values())))
    parts_s = {name: duration_s for name, duration_s in durations_s.items() if name != _TOTAL}
    return Split(call.total_s, call.total_s - waited_s, waited_s - server_s, server_s, parts_s)


def parse_server_timing(header: str) -> dict[str, float]:
    """Return the durations in a header by name, in milliseconds; entries without one are left out.

    Example::

        parse_server_timing('db;dur=53.2, cache;desc="a, b"')   # {"db": 53.2}
    """
    durations: dict[str, float] = {}
    for entry in _split(header, ","):
        name, *parameters = (part.strip() for part in _split(entry, ";"))
        for parameter in parameters:
            key, is_given, value = parameter.partition("=")
            if name and is_given and key.strip().lower() == "dur":
                duration = _number(value.strip().strip('"'))
                if duration is not None:
                    durations.setdefault(name[:_NAME_CHARACTERS], duration)
                break  # the first one counts
    return durations


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _split(text: str, separator: str) -> Iterator[str]:
    """Yield the parts of a text between separators that do not stand in quotes."""
    part, quoted, escaped = "", False, False
    for character in text:
        if character == separator and not quoted:
            yield part
            part = ""
            continue
        if character == '"' and not escaped:
            quoted = not quoted
        escaped = quoted and character == "\\" and not escaped
        part += character
    yield part
