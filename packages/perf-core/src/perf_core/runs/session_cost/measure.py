"""Measuring what sessions of one server cost: servers, visits, and the folder of the results."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from perf_core.adapter import Wire
from perf_core.errors import Interrupted, LabError, UsageError
from perf_core.interruption import Interruption, OnProgress
from perf_core.report import documents
from perf_core.results.folder import new_folder
from perf_core.results.manifest import commit, machine
from perf_core.results.secrets import masked_parts
from perf_core.results.session_costs import (
    SESSION_COSTS,
    LadderName,
    MeasurementHealth,
    SessionCosts,
)
from perf_core.runs.drawn import on_offered_wire
from perf_core.runs.session_cost.budget import Budget
from perf_core.runs.session_cost.costs import costs_of
from perf_core.runs.session_cost.visit import Findings, Visit, VisitOptions
from perf_core.sampling.machine import MachineMeter, MachineReading
from perf_core.sampling.sampler import TreeMeter
from perf_core.server.client.sessions import delete_sessions
from perf_core.server.credentials.masking import masked_command, masked_url
from perf_core.server.live import LiveServer, StartOptions, live_server
from perf_core.server.subject import Subject, secrets_of

_LARGEST_SHARE_OF_MEMORY = 0.3
_LARGEST_GROWTH_KB = 5e5
_CLEANING_S = 15.0
_CLEANING_AFTER_INTERRUPTION_S = 3.0

_GROWING: tuple[LadderName, ...] = ("refused", "deleted", "control", "abandoned")
"""The control comes just before what it is subtracted from."""


@dataclass(frozen=True)
class SessionOptions:
    """Options of the command.

    Attributes:
        max_sessions: Most sessions of one ladder.
        max_streams: Most streams that are held at the same time; 0 for none.
        time_limit_s: Time for everything, with the starts of the server.
        expires_after_s: Time after which an idle session expires, as the user says.
    """

    output_dir: Path
    max_sessions: int
    max_streams: int
    time_limit_s: float
    expires_after_s: float | None = None


@dataclass(frozen=True)
class MeasuredSessions:
    """The result and the folder that it was written to."""

    document: SessionCosts
    folder: Path


def measure_sessions(
    subject: Subject,
    wire: Wire | None,
    options: SessionOptions,
    *,
    interruption: Interruption,
    on_progress: OnProgress,
) -> MeasuredSessions:
    """Measure what sessions of a server cost, and write the result and its reports.

    Args:
        wire: Wire to measure; None for the session wire, or the other if the server does not offer it.

    Raises:
        TargetError: The server does not start or answer.
        ResultsError: The results cannot be written.
        Interrupted: The user interrupted before there was anything to tell.
    """
    if subject.url is None and subject.adapter.launch.transport == "stdio-shared":
        raise UsageError(
            "--shared: expected one process of the server for each session, got one for all",
            "Leave --shared out: sessions of a shared process are the bridge's, and cost the server nothing.",
        )
    folder = new_folder(options.output_dir, f"sessions-{subject.name}")
    measurement = _Measurement(subject, options, folder, interruption, on_progress)
    document = on_offered_wire(wire, measurement.on_wire)
    document = masked_parts(document, measurement.secrets())
    documents.save(SESSION_COSTS, document, folder)
    return MeasuredSessions(document, folder)


class _Measurement:
    """One measurement: its servers, one after the other, and what was found."""

    def __init__(
        self,
        subject: Subject,
        options: SessionOptions,
        folder: Path,
        interruption: Interruption,
        on_progress: OnProgress,
    ) -> None:
        self._subject = subject
        self._options = options
        self._folder = folder
        self._interruption = interruption
        self._on_progress = on_progress
        self._findings = Findings()
        self._source = ""
        self._transport = ""
        self._problems: list[str] = []
        self._others_cores: float | None = None
        self._server: dict[str, Any] = {}
        self._secrets: tuple[str, ...] = ()

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must not be shown."""
        return (*secrets_of(self._subject, self._subject.adapter.launch), *self._secrets)

    def on_wire(self, wire: Wire) -> SessionCosts:
        """Measure on one wire.

        Raises:
            WireNotOffered: The server does not offer it.
            TargetError: The server does not start or answer.
            Interrupted: The user interrupted before there was anything to tell.
        """
        began_at, began_s = datetime.now(UTC), time.monotonic()
        visits = self._visits(wire)
        parts = [part for visit in visits for part in self._parts_of(visit, wire)]
        budget = Budget(self._options.time_limit_s, parts)
        for number, ladders in enumerate(visits, 1):
            start = StartOptions(self._folder / f"server-{number}.log", on_progress=self._on_progress)
            self._on_progress(f"starting {self._subject.name}", None)
            with live_server(self._subject, wire, start, self._interruption) as live:
                self._visit(live, wire, ladders, budget)
            if self._interruption.requested:
                break
        findings = self._findings
        if self._interruption.requested and not any(ladder.units for ladder in findings.ladders):
            raise Interrupted("interrupted before there was anything to tell")
        on_stdio = self._transport == "stdio"
        return SessionCosts(
            target=self._subject.name,
            wire=wire,
            transport=self._transport,
            started_at=began_at.isoformat(timespec="seconds"),
            duration_s=round(time.monotonic() - began_s, 3),
            memory_source=self._source,
            has_sessions=findings.has_sessions,
            holds_streams=findings.holds_streams,
            costs=costs_of(findings.ladders, findings.endings, on_stdio=on_stdio),
            ladders=tuple(findings.ladders),
            endings=tuple(findings.endings),
            cap=findings.cap,
            gauges=tuple(findings.gauges),
            health=self._health(),
            interrupted=self._interruption.requested,
            remarks=tuple(findings.remarks),
            left_open=len(findings.open_sessions) if self._subject.url is not None else 0,
            manifest=self._manifest(wire),
        )

    def _visits(self, wire: Wire) -> list[tuple[LadderName, ...]]:
        """Return the ladders of each visit: a server that the lab starts is started anew for held streams."""
        if wire == "stateless":
            return [("request", "refused")]
        if self._is_on_stdio:
            return [("abandoned",)]
        streams: tuple[LadderName, ...] = ("dropped", "streams") if self._options.max_streams else ()
        if self._subject.url is None and streams:
            return [streams, _GROWING]
        return [(*_GROWING, *streams)]

    @property
    def _is_on_stdio(self) -> bool:
        return self._subject.url is None and self._subject.adapter.launch.transport == "stdio"

    @staticmethod
    def _parts_of(ladders: Sequence[LadderName], wire: Wire) -> list[str]:
        parts: list[str] = ["warm_up", *ladders]
        if "abandoned" in ladders:
            parts.insert(parts.index("abandoned") + 1, "refused_open")
        return parts if wire == "stateless" else [*parts, "delete"]

    def _visit(self, live: LiveServer, wire: Wire, ladders: Sequence[LadderName], budget: Budget) -> None:
        options = VisitOptions(
            self._options.max_sessions,
            self._options.max_streams,
            self._options.expires_after_s,
            min(_LARGEST_GROWTH_KB, _LARGEST_SHARE_OF_MEMORY * psutil.virtual_memory().available / 1000),
        )
        self._transport = live.transport
        self._note_server(live)
        visit = Visit(
            live,
            wire,
            options,
            self._findings,
            budget=budget,
            interruption=self._interruption,
            on_progress=self._on_progress,
        )
        machine_meter, server_meter = MachineMeter(), TreeMeter(live.pid) if live.pid is not None else None
        before, began_s = machine_meter.read(), time.monotonic()
        cpu_before_s = server_meter.read_cpu_s() if server_meter else 0.0
        try:
            asyncio.run(visit.run(ladders))
            self._note_health(live, visit)
            used_s = server_meter.read_cpu_s() - cpu_before_s if server_meter else 0.0
            self._note_others(before, machine_meter.read(), used_s, time.monotonic() - began_s)
        finally:
            self._source = visit.watch.source or self._source
            self._secrets = live.access.secrets()
            self._clean_up(live)

    def _clean_up(self, live: LiveServer) -> None:
        """Delete what is still open on a server that goes on running; one of the lab's own ends anyway."""
        left = self._findings.open_sessions
        if self._subject.url is None:
            left.clear()
            return
        if not left:
            return
        longest_s = _CLEANING_AFTER_INTERRUPTION_S if self._interruption.requested else _CLEANING_S
        self._on_progress("deleting the sessions that are left", None)
        # Sessions of the lab's own user: deletions of virtual users would take another.
        access = replace(live.access, identities=live.access.identities[:1])
        sessions = [replace(each, identity=0 if access.identities else None) for each in left.values()]
        deletions = delete_sessions(sessions, access, longest_s)
        if not deletions.failed:
            left.clear()
            return
        for session_id in list(left)[deletions.failed :]:
            del left[session_id]

    def _note_server(self, live: LiveServer) -> None:
        handshake = live.handshake
        self._server = {
            "name": handshake.server_name,
            "version": handshake.server_version,
            "revision": handshake.revision,
            "url": masked_url(handshake.url) if self._subject.url else None,
            "command": None if self._subject.url else masked_command(self._subject.adapter.launch.argv),
            "ready_s": None if live.ready_s is None else round(live.ready_s, 3),
        }

    def _note_health(self, live: LiveServer, visit: Visit) -> None:
        if self._interruption.requested:
            return
        try:
            changed = live.changed()
        except LabError as error:
            changed = error.message
        if changed:
            self._problems.append(changed)
        if not self._findings.has_settled:
            self._problems.append(
                "the memory still grew at the end of the warm-up, so that part of the growth may be none of "
                "the sessions': a longer --time-limit gives it the time to settle"
            )
        if visit.watch.has_swapped:
            self._problems.append(
                "part of the server's memory went to swap, where only a kernel can count it"
            )
        if visit.watch.has_new_processes:
            self._problems.append(
                "the server started further processes meanwhile, whose memory is part of the figures"
            )

    def _note_others(
        self,
        before: MachineReading | None,
        after: MachineReading | None,
        server_s: float,
        elapsed_s: float,
    ) -> None:
        if before is None or after is None or elapsed_s <= 0:
            return
        own_s = server_s + after.lab_cpu_s - before.lab_cpu_s
        others = max(0.0, after.busy_s - before.busy_s - own_s) / elapsed_s
        self._others_cores = max(self._others_cores or 0.0, round(others, 2))

    def _health(self) -> MeasurementHealth:
        if self._problems:
            problems = tuple(dict.fromkeys(self._problems))
            return MeasurementHealth("bounded", problems, self._others_cores)
        return MeasurementHealth("sound" if self._source else "unknown", (), self._others_cores)

    def _manifest(self, wire: Wire) -> dict[str, Any]:
        return {
            "machine": machine(),
            "server": self._server,
            "adapter": self._subject.package,
            "wire": wire,
            "options": {
                "max_sessions": self._options.max_sessions,
                "max_streams": self._options.max_streams,
                "time_limit_s": self._options.time_limit_s,
                "expires_after_s": self._options.expires_after_s,
            },
            "commit": commit(Path.cwd()),
        }
