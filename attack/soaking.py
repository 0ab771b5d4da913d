"""One soak: a server is warmed up by the same mix, measured at rest, attacked, and measured again."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from cases import GOOD_TOKENS, HOSTILE_TOKEN, Case
from connections import LostAnswerError, connect
from footprints import read_footprint, settled, with_median_memory
from good_clients import GoodClient, keep_calling
from hostile_clients import HostileClient
from hostile_inputs import Target
from kills import Killer
from messages import Identity, call
from tallies import Footprint, GoodCalls, HostileInputs, Kill, Soak, all_good, all_hostile

from perf_core import Journey
from perf_core.errors import TargetError
from perf_core.interruption import Interruption
from perf_core.server.process import ServerProcess

SECRET = "g00dg00d"
"""Text in the names of good clients' scores, which no hostile client may see."""

WARM_UP_SHARE = 0.4
"""Length of the warm-up, as a share of the attack."""

_KNOWN_TRACEBACK = "Handle Future.set_result"
"""Part of log lines of anyio 4.16 on Unix sockets under uvloop: a socket that becomes readable twice sets its
future twice. It changes no answer; workers reach each other over such sockets."""

_RESTS = 3
_BURST_S = 5.0
"""Readings of the memory at rest, and the length of the attack before each but the first.

Garbage that is not yet collected, and memory that the allocator keeps free, are 3 to 5 % of the calculator's
memory, and another share at each rest. So the median of some rests is compared, not what one had by chance.
"""

_KILL_EVERY_S = 10.0
_CALM_SHARE = 0.2
"""Share of the attack without kills at its end, in which killed processes come back and warm up."""


@dataclass(frozen=True)
class _Phase:
    """Calls, inputs and kills of one phase."""

    good: GoodCalls
    hostile: HostileInputs
    kills: tuple[Kill, ...]
    took_s: float


def soak(case: Case, attack_s: float, seed: int, folder: Path, interruption: Interruption) -> Soak:
    """Attack one server and return what came of it.

    Args:
        case: The server.
        attack_s: Length of the attack; warming up and settling come on top.
        seed: Seed of all draws.
        folder: Folder for the server's log.
        interruption: Ends the soak early.

    Raises:
        TargetError: The server does not start, or it ended under attack.
        Interrupted: The user has stopped the attack.
    """
    journeys = case.journeys(seed)
    log = folder / f"{case.name}.log"
    with tempfile.TemporaryDirectory(prefix="attack-") as store:
        server = ServerProcess(case.launch(Path(store)), "stateless", log, interruption=interruption)
        with server:
            read = partial(read_footprint, server.pid, server.url, server.access, case.gauges)

            def run(seconds: float, seed: int, kill_every_s: float | None) -> _Phase:
                phase = asyncio.run(
                    _attack(
                        case,
                        server,
                        journeys,
                        seconds=seconds,
                        seed=seed,
                        kill_every_s=kill_every_s,
                        interruption=interruption,
                    )
                )
                interruption.check()
                if server.exit_code is not None:
                    raise TargetError(
                        f"expected the server to survive the attack, got its end {server.how_ended()}.\n"
                        f"End of its log:\n{server.log_tail()}"
                    )
                return phase

            def rests(before: Footprint | None) -> Footprint:
                readings = [settled(read, before)]
                while len(readings) < _RESTS:
                    run(min(_BURST_S, attack_s / 5), seed + len(readings) + 1, None)
                    readings.append(settled(read, before))
                return with_median_memory(readings)

            run(attack_s * WARM_UP_SHARE, seed + 1, None)
            before = rests(None)
            phase = run(attack_s, seed, min(_KILL_EVERY_S, attack_s / 5) if case.patterns else None)
            after = rests(before)
            exit_code = server.stop()
    return Soak(
        server=case.server,
        workers=case.workers,
        attack_s=phase.took_s,
        kills=phase.kills,
        may_kill=bool(case.patterns),
        good=phase.good,
        hostile=phase.hostile,
        before=before,
        after=after,
        tracebacks=tracebacks_in(log.read_text(encoding="utf-8", errors="replace")),
        exit_code=exit_code,
    )


def tracebacks_in(log: str) -> int:
    """Return the number of tracebacks in a server's log, without the known one of anyio."""
    lines = [line for line in log.splitlines() if "Traceback (most recent" in line]
    return sum(_KNOWN_TRACEBACK not in line for line in lines)


async def _attack(
    case: Case,
    server: ServerProcess,
    journeys: Sequence[Journey],
    *,
    seconds: float,
    seed: int,
    kill_every_s: float | None,
    interruption: Interruption,
) -> _Phase:
    """Let good and hostile clients at the server for some time, and kill its processes meanwhile."""
    port = urlsplit(server.url).port or 0
    target = Target(
        HOSTILE_TOKEN, case.tool, case.arguments, case.right, case.other_tools, secret=SECRET.encode()
    )
    began_s = time.monotonic()

    def is_over(share: float = 1.0) -> bool:
        return interruption.requested or time.monotonic() - began_s > seconds * share

    killer = Killer(server.pid, case.patterns, kill_every_s or seconds, seed)
    good = [
        GoodClient(
            number,
            port,
            GOOD_TOKENS[number],
            "stateless" if number % 2 else "session",
            journeys,
            secret=SECRET,
            seed=seed,
            overheard=target.good_sessions,
        )
        for number in range(case.good_clients)
    ]
    kinds = case.kinds()
    hostile = [
        HostileClient(number, port, kinds, target, seed=seed, may_close=killer.killed_lately)
        for number in range(case.hostile_clients)
    ]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_calling(good, is_over))
        for client in hostile:
            tasks.create_task(client.run(is_over))
        if kill_every_s is not None:
            tasks.create_task(killer.run(lambda: is_over(1 - _CALM_SHARE)))
    took_s = time.monotonic() - began_s
    await _tidy(port)
    return _Phase(
        all_good([client.calls for client in good]),
        all_hostile([client.inputs for client in hostile]),
        killer.kills,
        took_s,
    )


async def _tidy(port: int) -> None:
    """Delete the scores that hostile clients have stored, which they may; other servers refuse the tool."""
    with contextlib.suppress(LostAnswerError):
        connection = await connect(port)
        await connection.exchange(call("delete_score", {"all_scores": True}, Identity(HOSTILE_TOKEN)))
        await connection.close()
