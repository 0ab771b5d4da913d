"""Preparation of a server before its starts are timed: how it talks, what it imports and reads."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from perf_core.adapter import Step, Wire
from perf_core.analysis.cold_start import CACHES, Cache, EvictedFiles, ServerStarts, Start, figures_of
from perf_core.analysis.import_times import Imports
from perf_core.errors import NotAskable
from perf_core.interruption import Interruption, OnProgress
from perf_core.runs.cold_start import file_cache
from perf_core.runs.cold_start.imports import import_times, imported_files
from perf_core.runs.cold_start.one_start import Starter
from perf_core.runs.drawn import on_offered_wire
from perf_core.server.client.handshake import Handshake
from perf_core.server.credentials.masking import masked_command
from perf_core.server.live import StartOptions, live_server
from perf_core.server.subject import Subject

_MOST_KEPT_SHARE = 0.5
"""Share of the pages of a server's files that may stay in memory before a start that is called cold."""

_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True)
class Effort:
    """Numbers of starts and the states in which servers are started.

    Attributes:
        starts: Starts of each server with each state of the cache.
        caches: States of the cache.
        drop_caches: Whether to put all files of the machine out of memory instead of the server's own.
        seed: Seed of the draw that the first call is taken from.
    """

    starts: int = 20
    caches: tuple[Cache, ...] = CACHES
    drop_caches: bool = False
    seed: int = 1


@dataclass
class PreparedServer:
    """A server that can be started, and its starts so far.

    Attributes:
        files: Files that it reads at its start, as far as they are known.
        evicted: What came of putting them out of memory the last time.
        failures: What went wrong in starts that gave no figures.
        remarks: What limits its figures.
        caches: States of the cache that it can be started with.
    """

    subject: Subject
    starter: Starter
    handshake: Handshake
    transport: str
    caches: tuple[Cache, ...]
    files: set[Path] = field(default_factory=set)
    imports: Imports | None = None
    evicted: EvictedFiles | None = None
    starts: list[Start] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def evict_files(self, effort: Effort) -> None:
        """Put the server's files out of memory."""
        self.evicted = _evict(self.files, effort)

    def result(self) -> ServerStarts:
        """Return the starts with their figures."""
        step = self.starter.step
        return ServerStarts(
            self.subject.name,
            self.handshake.server_name,
            self.handshake.server_version,
            self.transport,
            self.handshake.wire,
            self.handshake.revision,
            tuple(masked_command(self.subject.adapter.launch.argv)),
            step.tool if step is not None else "",
            tuple(self.starts),
            figures_of(self.starts),
            self.evicted,
            self.imports,
            tuple(self.failures),
            tuple(self.remarks),
        )


@dataclass(frozen=True)
class Preparation:
    """Prepares servers.

    Attributes:
        wire: Wire that they are asked on; None for the one that each offers.
        folder: Folder for their logs.
    """

    wire: Wire | None
    effort: Effort
    folder: Path
    interruption: Interruption
    on_progress: OnProgress

    def prepare(self, subject: Subject) -> PreparedServer:
        """Start a server a few times to look at it.

        Raises:
            NotAskable: The lab cannot start it, or not on a transport whose start can be timed.
            TargetError: It does not start, or does not answer as expected.
            Interrupted: The user interrupted.
        """
        if subject.url is not None:
            raise NotAskable(
                f"expected a server that the lab can start, got {subject.name}, which runs already",
                "Give its command, too: perf-core coldstart URL -- COMMAND, without the URL for stdio.",
            )
        self.on_progress(f"looking at {subject.name}", None)
        log_path = self.folder / f"server-{subject.name.replace(os.sep, '_')}.log"
        handshake, transport = on_offered_wire(
            self.wire, lambda each: self.introduce(subject, each, log_path)
        )
        step = first_call(subject, self.effort.seed)
        starter = Starter(
            subject.adapter.launch, handshake.wire, subject.access, step, log_path, self.interruption
        )
        server = PreparedServer(subject, starter, handshake, transport, self.effort.caches)
        starter.start("warm", 0, lambda pid: server.files.update(file_cache.mapped_files(pid)))
        server.imports = import_times(starter)
        if step is None:
            server.remarks.append("no call without an error is known: it is ready with its list of tools")
        if "cold" in self.effort.caches:
            self._prepare_cold_starts(server)
        _warn_of_bytecode(server)
        return server

    def introduce(self, subject: Subject, wire: Wire, log_path: Path) -> tuple[Handshake, str]:
        """Return the handshake of a server on a wire, and its transport."""
        with live_server(subject, wire, StartOptions(log_path), self.interruption) as live:
            if live.transport == "http+sse":
                raise NotAskable(
                    f"expected a server on streamable HTTP or stdio, got {subject.name} on HTTP+SSE "
                    "(MCP 2024-11-05)",
                    "Its start cannot be told from that of the lab's bridge. Start it on another transport.",
                )
            return live.handshake, live.transport

    def _prepare_cold_starts(self, server: PreparedServer) -> None:
        """Try to evict the server's files, and give up cold starts where they stay in memory."""
        if not file_cache.CAN_EVICT:
            server.caches = ("warm",)
            server.remarks.append("cold starts: cannot tell, since only Linux puts files out of memory")
            return
        launch = server.subject.adapter.launch
        server.files |= file_cache.argument_files(launch.argv, launch.cwd)
        if server.imports is not None:
            server.files |= imported_files(server.starter)
        server.evict_files(self.effort)
        kept_share = server.evicted.kept_share if server.evicted is not None else None
        if kept_share is not None and kept_share > _MOST_KEPT_SHARE:
            server.caches = tuple(cache for cache in server.caches if cache != "cold")
            server.remarks.append(
                f"cold starts: cannot tell, since {kept_share:.0%} of its files stayed in memory although "
                "they were put out of it"
            )
        server.starter.start("warm", 0)  # its files are in memory again


def first_call(subject: Subject, seed: int) -> Step | None:
    """Return the first call of a server's scenarios that expects no error; None without calls."""
    for scenario in subject.adapter.scenarios.values():
        if scenario.launch is not None:
            continue  # started in its own way, the server may have other tools
        for journey in scenario.journeys(seed).get("mix", ()):
            step = journey.steps[0]
            if step.method == "tools/call" and step.expect.kind not in {"error", "rpc_error"}:
                return step
    return None


def _evict(files: Collection[Path], effort: Effort) -> EvictedFiles:
    return file_cache.drop_caches(files) if effort.drop_caches else file_cache.evict(files)


def _warn_of_bytecode(server: PreparedServer) -> None:
    environment = {**os.environ, **server.subject.adapter.launch.env}
    if server.imports is not None and environment.get(_NO_BYTECODE):
        server.remarks.append(
            f"{_NO_BYTECODE} is set: what has no bytecode yet is compiled at each start, which takes longer"
        )
