"""One visit to a running server: ladders in an order in which none spoils the memory of the next.

What grows comes first. Whatever is freed leaves holes that an allocator fills before it grows again, so that
sessions are deleted only when nothing else is to be measured on that server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from perf_core.adapter import Wire
from perf_core.analysis.session_memory import Estimate, is_settled
from perf_core.interruption import Interruption, OnProgress
from perf_core.load.session_clients import Clients, Reply, SessionClient, session_clients
from perf_core.results.session_costs import (
    Cap,
    Ending,
    Gauge,
    Ladder,
    LadderEnd,
    LadderName,
)
from perf_core.runs.session_cost.budget import Budget
from perf_core.runs.session_cost.earlier_sessions import GONE, EarlierSessions, Opened
from perf_core.runs.session_cost.ladder import Climb, Limits, Tally, Unit, until_interrupted
from perf_core.runs.session_cost.watch import IDLE_TIMEOUT, Watch
from perf_core.server.client.sessions import OpenSession
from perf_core.server.live import LiveServer

AT_ONCE = 4
"""Clients that come at the same time: enough to fill the time of a core, too few to fill a queue."""

MOST_CHILDREN = 8
"""Most processes of a server on stdio: each may take a hundred MB."""

_WITH_STREAMS = frozenset({"dropped", "streams"})
_OK = 200

_UNSEEN_UNITS = 20
"""Units of ladders whose memory is not visible and that only show what the server answers."""

_WARM_UP_UNITS = 12
"""Units of each client between two readings."""

_TIMEOUT_S = 10.0
_DROPPED_S = 0.5
"""Time in which a server notices that a connection is closed."""

_EXPIRY_LATE_S = 1.0
"""Time by which a server may be late at looking for expired sessions."""

_SETTLING_S = 3.0
_SETTLING_POLL_S = 0.25
_SETTLED_SHARE = 0.001
_SAMPLE = 20
"""Sessions that are asked whether they have really ended."""

WORDS: dict[LadderName, str] = {
    "control": "requests that leave nothing",
    "refused": "refused requests",
    "deleted": "sessions that are deleted",
    "abandoned": "abandoned sessions",
    "dropped": "sessions whose clients vanish",
    "streams": "sessions with a held stream",
    "refused_open": "sessions refused at the cap",
    "request": "stateless requests",
}


@dataclass(frozen=True)
class VisitOptions:
    """Limits of a measurement.

    Attributes:
        max_sessions: Most sessions of one ladder.
        max_streams: Most streams that are held.
        expires_after_s: Time after which an idle session expires, as the user says; None if it is not known.
        memory_kb: Growth of the server beyond which a ladder ends.
    """

    max_sessions: int
    max_streams: int
    expires_after_s: float | None
    memory_kb: float


@dataclass
class Findings:
    """Everything that visits have found."""

    ladders: list[Ladder] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    cap: Cap | None = None
    gauges: list[Gauge] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    has_sessions: bool = True
    has_settled: bool = True
    holds_streams: bool | None = None
    open_sessions: dict[str, OpenSession] = field(default_factory=dict)

    def ladder(self, name: LadderName) -> Ladder | None:
        """Return a ladder by its name."""
        return next((each for each in self.ladders if each.name == name), None)


class Visit:
    """Climbs ladders at one server, and ends the sessions of the lab."""

    def __init__(
        self,
        live: LiveServer,
        wire: Wire,
        options: VisitOptions,
        findings: Findings,
        *,
        budget: Budget,
        interruption: Interruption,
        on_progress: OnProgress,
    ) -> None:
        self.watch = Watch(live)
        self._live = live
        self._wire = wire
        self._options = options
        self._findings = findings
        self._budget = budget
        self._interruption = interruption
        self._on_progress = on_progress
        self._clients: Clients
        self._standing: OpenSession | None = None
        self._earlier = EarlierSessions(self._ping)
        self._told_expiry_s: float | None = None

    @property
    def _is_on_stdio(self) -> bool:
        return self._live.transport == "stdio"

    async def run(self, ladders: Sequence[LadderName]) -> None:
        """Climb ladders in the given order, and end all sessions."""
        timeout_s = max(_TIMEOUT_S, self._live.ready_s or 0.0) if self._is_on_stdio else _TIMEOUT_S
        async with session_clients(
            self._live.url,
            self._live.access,
            at_once=1 if self._is_on_stdio else AT_ONCE,
            most_streams=self._options.max_streams + 1,
            timeout_s=timeout_s,
        ) as self._clients:
            gauges = await self.watch.start()
            self._told_expiry_s = gauges.get(IDLE_TIMEOUT)
            if self._wire == "session" and not self._is_on_stdio:
                await self._open_standing()
            if not self._is_on_stdio:
                await self._warm_up()
            for name in ladders:
                if self._interruption.requested:
                    return
                await self._climb(name)
            if not self._interruption.requested and self._wire == "session":
                await self._see_expiry()
                await self._delete_all()

    async def _open_standing(self) -> None:
        """Open the session in which requests leave nothing; find out whether there are sessions at all."""
        opened = await self._clients.places[0].open()
        self._findings.has_sessions = opened.session is not None or not opened.is_success
        self._standing = opened.session
        self._keep(opened)

    async def _warm_up(self) -> None:
        """Make each kind of unit until the memory no longer grows: what is allocated once is there then.

        Heaps that are collected rarely grow for hundreds of requests before they are collected at all.
        """
        until_s = self._budget.take("warm_up")
        self._on_progress("warming up", None)
        units: list[Unit] = [SessionClient.list_twice, SessionClient.unknown_twice]
        if self._wire == "session":
            units = [self._control, self._refused, *([self._deleted] if self._findings.has_sessions else [])]

        readings: list[float] = []

        async def work(place: SessionClient) -> None:
            for number in range(_WARM_UP_UNITS):
                if self._interruption.requested or time.monotonic() > until_s:
                    return
                await units[number % len(units)](place)

        while not self._interruption.requested and time.monotonic() < until_s:
            await until_interrupted([work(place) for place in self._clients.places], self._interruption)
            kb = await self.watch.kb()
            if kb is None:
                return
            readings.append(kb)
            if is_settled(readings):
                self.watch.expect_same_processes()
                return
        self._findings.has_settled = False

    async def _climb(self, name: LadderName) -> None:
        findings, options = self._findings, self._options
        if name == "deleted" and not findings.has_sessions:
            return
        if name in _WITH_STREAMS and not self._can_hold_streams():
            return
        is_visible = bool(self.watch.source)
        if name == "control" and not is_visible:
            return
        most = options.max_sessions
        if name == "streams":
            most = min(options.max_sessions, options.max_streams)
        if self._is_on_stdio:
            most = min(most, MOST_CHILDREN)
        elif not is_visible and name not in {"abandoned", "request"}:
            most = min(most, _UNSEEN_UNITS)
        gauges_before = await self.watch.gauges()
        climb = self._ladder(name, most)
        ladder = await climb.run(
            self._clients.places,
            self.watch,
            self._interruption,
            lambda share: self._on_progress(WORDS[name], share),
        )
        if name == "abandoned" and not self._interruption.requested:
            ladder = await self._see_cap(ladder)
        if name in _WITH_STREAMS:
            findings.holds_streams = any(
                each.request == "GET stream" and each.status == _OK for each in ladder.answers
            )
        findings.ladders.append(ladder)
        if name in {"abandoned", "streams"} and ladder.units:
            after = await self.watch.gauges()
            findings.gauges += [
                Gauge(gauge, before, after[gauge], ladder.units)
                for gauge, before in gauges_before.items()
                if gauge in after and gauge != IDLE_TIMEOUT and name == "abandoned"
            ]
        if name == "streams" and ladder.units and not self._interruption.requested:
            await self._drop_streams(ladder)

    def _ladder(self, name: LadderName, most: int) -> Climb:
        limits = Limits(
            max(1, most),
            self._budget.take(name),
            self._options.memory_kb,
            units_per_step=1 if self._is_on_stdio else 4,
            large_steps=self._is_on_stdio,
            is_enough=self._is_enough(name),
        )
        is_answered: Callable[[Reply], bool] = lambda reply: 200 <= reply.status < 300  # noqa: E731
        is_refused: Callable[[Reply], bool] = lambda reply: reply.status > 0  # noqa: E731
        is_success: Callable[[Reply], bool] = lambda reply: reply.is_success  # noqa: E731
        refused = self._refused if self._wire == "session" else SessionClient.unknown_twice
        units: dict[LadderName, tuple[Unit, int, Callable[[Reply], bool]]] = {
            "control": (self._control, 2, is_answered),
            "refused": (refused, 2, is_refused),
            "deleted": (self._deleted, 3, is_success),
            "abandoned": (self._abandoned, 2, is_success),
            "dropped": (self._dropped, 3, is_success),
            "streams": (self._held, 3, is_success),
            "refused_open": (SessionClient.refused_open, 1, is_refused),
            "request": (SessionClient.list_twice, 2, is_answered),
        }
        unit, requests, is_expected = units[name]
        on_doubled = self._gone_meanwhile if name == "abandoned" else None
        return Climb(name, unit, requests, limits, is_expected=is_expected, on_doubled=on_doubled)

    def _is_enough(self, name: LadderName) -> Callable[[Estimate], bool]:
        """Return when a ladder may end early.

        What should not grow must show that it does for as long as there is time: a heap that is about to be
        collected climbs evenly, too. Sessions that are left go on, to find the cap.
        """
        if self._is_on_stdio or name in _WITH_STREAMS:
            return lambda estimate: estimate.is_precise
        if name == "abandoned" and self._findings.has_sessions:
            return lambda _estimate: False
        return lambda estimate: estimate.is_nothing

    def _can_hold_streams(self) -> bool:
        findings = self._findings
        if not findings.has_sessions or findings.holds_streams is False:
            return False
        if findings.cap is not None and findings.cap.kind in {"refuses", "replaces"}:
            findings.remarks.append(
                "Held streams were not measured: the server was full, and it was not started by the lab, "
                "which could have started it anew."
            )
            return False
        return True

    async def _control(self, place: SessionClient) -> Reply:
        return await place.ping_twice(self._standing)

    async def _refused(self, place: SessionClient) -> Reply:
        return await place.refused_twice(self._live.access.revision)

    async def _deleted(self, place: SessionClient) -> Reply:
        reply = await place.open_and_delete()
        if not reply.is_success:
            self._keep(reply)
        return reply

    async def _abandoned(self, place: SessionClient) -> Reply:
        reply = await place.open()
        self._keep(reply)
        if reply.session is not None:
            self._earlier.opened.append(Opened(reply.session, time.monotonic()))
        return reply

    async def _held(self, place: SessionClient) -> Reply:
        reply = await place.open()
        self._keep(reply)
        if reply.session is None or not reply.is_success:
            return reply
        return await self._clients.streams.hold(reply.session)

    async def _dropped(self, place: SessionClient) -> Reply:
        reply = await place.open()
        self._keep(reply)
        if reply.session is None or not reply.is_success:
            return reply
        return await self._clients.streams.vanish(reply.session)

    def _keep(self, reply: Reply) -> None:
        if reply.session is not None:
            self._findings.open_sessions[reply.session.id] = reply.session

    async def _ping(self, session: OpenSession) -> Reply:
        return await self._clients.places[0].ping(session)

    async def _gone_meanwhile(self) -> LadderEnd | None:
        return "gone" if self._findings.has_sessions and await self._earlier.oldest_is_gone() else None

    async def _see_cap(self, ladder: Ladder) -> Ladder:
        """Find out which of the abandoned sessions are gone, or what refused clients see."""
        findings = self._findings
        if self._is_on_stdio or not findings.has_sessions:
            return ladder
        if ladder.end == "refused":
            last = next((a for a in ladder.answers if not 200 <= a.status < 300), None)
            findings.cap = Cap("refuses", len(self._earlier.opened), last)
            if last is not None and last.request == "initialize" and self.watch.source:
                climb = self._ladder("refused_open", self._options.max_sessions)
                findings.ladders.append(
                    await climb.run(
                        self._clients.places,
                        self.watch,
                        self._interruption,
                        lambda share: self._on_progress(WORDS["refused_open"], share),
                    )
                )
            return ladder
        self._on_progress("looking for the oldest sessions", None)
        findings.cap = cap = await self._earlier.cap()
        if cap.kind in {"replaces", "expires"}:
            return replace(ladder, counted_units=self._counted(cap))
        return ladder

    def _counted(self, cap: Cap) -> int:
        """Return the number of sessions up to which none was dropped."""
        if cap.kind == "replaces" or cap.after_s is None:
            return cap.sessions
        first_s = self._earlier.opened[0].at_s
        return sum(each.at_s - first_s < cap.after_s for each in self._earlier.opened)

    async def _drop_streams(self, ladder: Ladder) -> None:
        """Close all held streams, as clients do that end without a word; their sessions may end or not."""
        began_s = time.monotonic()
        await self._clients.streams.drop()
        await asyncio.sleep(_DROPPED_S)
        tally = Tally()
        for session in list(self._findings.open_sessions.values())[-_SAMPLE:]:
            reply = await self._ping(session)
            tally.add(replace(reply, request="ping in a session whose stream was dropped"))
        self._findings.endings.append(
            Ending("disconnect", ladder.units, None, None, None, time.monotonic() - began_s, tally.all())
        )

    async def _see_expiry(self) -> None:
        """Wait until sessions expire, if it is known when, and if there is time for it."""
        expiry_s = self._options.expires_after_s or self._told_expiry_s
        ladder = self._findings.ladder("abandoned")
        if expiry_s is None or ladder is None or not self._earlier.opened or self._is_on_stdio:
            return
        wait_s = expiry_s * 1.05 + _EXPIRY_LATE_S
        if wait_s > self._budget.left_s:
            self._findings.remarks.append(
                f"Sessions expire after {expiry_s:g} s: too long to wait for within the time limit."
            )
            return
        open_kb, began_s = await self.watch.kb(), time.monotonic()
        while time.monotonic() - began_s < wait_s:
            if self._interruption.requested:
                return
            self._on_progress("waiting for sessions to expire", (time.monotonic() - began_s) / wait_s)
            await asyncio.sleep(0.1)
        tally = Tally()
        sample = self._earlier.opened[-_SAMPLE:]
        for each in sample:
            reply = await self._ping(each.session)
            tally.add(replace(reply, request="ping in a session that should have expired"))
            if reply.status in GONE:
                self._findings.open_sessions.pop(each.session.id, None)
        after_kb = await self._settled_kb()
        self._findings.endings.append(
            Ending(
                "expiry",
                len(self._earlier.opened),
                ladder.steps[0].kb,
                open_kb,
                after_kb,
                wait_s,
                tally.all(),
            )
        )

    async def _delete_all(self) -> None:
        """Delete all sessions, and see whether the server still answers in them."""
        sessions = list(self._findings.open_sessions.values())
        until_s = self._budget.take("delete")
        if not sessions:
            return
        open_kb, began_s = await self.watch.kb(), time.monotonic()
        idle_processes = self.watch.processes - len(sessions)
        tally, deleted = Tally(), list[OpenSession]()
        left = iter(sessions)

        async def work(place: SessionClient) -> None:
            for session in left:
                if self._interruption.requested or time.monotonic() > until_s:
                    return
                reply = await place.delete(session)
                tally.add(reply)
                if reply.is_success:
                    deleted.append(session)
                if reply.is_success or reply.status in GONE:
                    self._findings.open_sessions.pop(session.id, None)

        self._on_progress("deleting the sessions", None)
        await until_interrupted([work(place) for place in self._clients.places], self._interruption)
        if self._is_on_stdio:
            await self._see_processes(len(deleted), idle_processes)
            return
        for session in deleted[:: max(1, len(deleted) // _SAMPLE)][:_SAMPLE]:
            reply = await self._ping(session)
            tally.add(replace(reply, request="ping in a deleted session"))
        # With streams before it, other memory than that of sessions was freed, too.
        ladder = self._findings.ladder("abandoned")
        self._findings.endings.append(
            Ending(
                "delete",
                len(deleted),
                ladder.steps[0].kb if ladder is not None else None,
                open_kb if ladder is not None else None,
                await self._settled_kb() if ladder is not None else None,
                time.monotonic() - began_s,
                tally.all(),
            )
        )

    async def _see_processes(self, clients: int, idle: int) -> None:
        """Find out whether the processes of clients that have left have ended.

        Args:
            idle: Processes without a client before: that of the lab's first one is kept for the next.
        """
        await self._settled_kb()
        left = max(0, self.watch.processes - max(0, idle))
        self._findings.remarks.append(
            f"{left} of {clients} processes were still running after their clients had left."
            if left
            else f"All {clients} processes ended when their clients left."
        )

    async def _settled_kb(self) -> float | None:
        """Return the memory once it no longer changes, or after some seconds."""
        deadline_s = time.monotonic() + _SETTLING_S
        last = await self.watch.kb()
        while last is not None and time.monotonic() < deadline_s and not self._interruption.requested:
            await asyncio.sleep(_SETTLING_POLL_S)
            now = await self.watch.kb()
            if now is None or abs(now - last) <= _SETTLED_SHARE * last:
                return now
            last = now
        return last
