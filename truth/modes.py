"""Settings of the faulty server: one field for each fault, set as ``NAME=VALUE`` on its command line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Modes:
    """Behaviour of the server; the defaults answer every call at once and rightly.

    Fields that end in ``_every`` affect each n-th tool call; times count from the first tool call.

    Attributes:
        seed: Seed of all draws.
        counted_agent: Part of the ``User-Agent`` of clients whose calls are in the account; all if empty.
        latency_ms: Mean time until an answer.
        latency: Distribution of that time: ``fixed``, ``exponential``, or ``bimodal``, where ``slow_share``
            of the calls take ``slow_ms`` instead.
        cpu_us: CPU time of the server for each call, beyond its own of some 60 µs.
        fork_cpu_us: CPU time of a process that is forked for each call.
        slow_first_s: Time in which each call takes ``slow_first_ms`` longer.
        capacity_per_s: Most calls per second; further calls wait in a queue.
        slots: Most calls at one time; further calls wait in a queue.
        workers: Workers that serve the calls in order, if ``service_ms`` is set.
        service_ms: Mean time that a worker takes for a call.
        service: Distribution of that time: ``fixed`` or ``exponential``.
        stall_s: Time for which no worker works, in every ``stall_every_s``.
        admits_per_s: Calls per second that are let through in the long run; others are refused with 429.
        admits_burst: Calls that are let through at once after a pause.
        usl: Universal scalability law, ``lambda,sigma,kappa``: throughput at n calls at one time is
            lambda n / (1 + sigma (n - 1) + kappa n (n - 1)).
        collapse_above: Number of calls at one time beyond which each takes ``collapse_s``.
        grows_until_s: Time over which latency grows from ``latency_ms`` to ``grows_to_ms``.
        ratchet_above: Number of calls at one time that counts as a spike; each spike adds ``ratchet_ms`` to
            the latency for good.
        hang_after_s: Time after which no call is answered; connections stay open.
        hang_everything: Whether other requests, such as ``initialize``, hang then as well.
        hang_every: Calls that are never answered.
        freeze_s: Time for which the whole process stands still, in every ``freeze_every_s``.
        elicit_every: Calls during which the server sends a request to the client and waits for its answer.
        wrong_every: Answers that are one too high.
        prefix_every: Answers with a digit too many: 31 for 3.
        truncate_every: Bodies that end after the structured content.
        garbage_every: Bodies with text after the JSON.
        meta_only_every: Bodies with the right content in ``_meta`` only.
        wrong_id_every: Answers with the id of another request.
        rpc_error_every: JSON-RPC errors whose data contains ``"result":{}``.
        soft_error_every: Successes whose content contains ``"isError":true``.
        is_error_every: Results with ``isError``.
        http_500_every: Status 500 with a traceback.
        http_503_every: Status 503 with ``Retry-After``.
        http_429_every: Status 429 with ``Retry-After``.
        reset_every: Connections that are closed instead of an answer.
        fails_from_s: Time before which the ``_every`` faults do not occur.
        fails_above: Number of calls at one time up to which they do not occur, either.
        sse: Whether answers are event streams.
        wire: The only wire that is offered; both if empty.
        close_connections: Whether each connection ends with its first answer.
        accept_pause_ms: Time between two accepted connections.
        backlog: Connections that may wait to be accepted.
        lose_session_after: Calls after which a session is unknown (404).
        keep_sessions: Whether deleted sessions live on.
        gauges: Whether ``/metrics`` reports open sessions.
        session_mb: Memory of an open session.
        leak_mb_per_min: Memory lost over time.
        leak_kb_per_call: Memory lost with each call.
        leak_fds_per_min: File descriptors lost over time.
        leak_fd_every: Calls that lose a file descriptor.
        leak_threads_per_min: Threads left over time.
        leak_thread_every: Calls that leave a thread.
        sawtooth_mb: Memory that grows and is released in every ``sawtooth_s``: no leak.
        restart_at_s: Time at which the serving child of a supervisor dies; the supervisor starts another.
        rename_after: Calls after which the server reports another name.
        foreign_url: URL of another process that the server passes off as its own.
    """

    seed: int = 1
    counted_agent: str = ""
    latency_ms: float = 0.0
    latency: str = "fixed"
    slow_share: float = 0.0
    slow_ms: float = 0.0
    cpu_us: float = 0.0
    fork_cpu_us: float = 0.0
    slow_first_s: float = 0.0
    slow_first_ms: float = 0.0
    capacity_per_s: float = 0.0
    slots: int = 0
    workers: int = 1
    service_ms: float = 0.0
    service: str = "fixed"
    stall_s: float = 0.0
    stall_every_s: float = 0.0
    admits_per_s: float = 0.0
    admits_burst: float = 1.0
    usl: str = ""
    collapse_above: int = 0
    collapse_s: float = 5.0
    grows_until_s: float = 0.0
    grows_to_ms: float = 0.0
    ratchet_above: int = 0
    ratchet_ms: float = 0.0
    hang_after_s: float = 0.0
    hang_everything: bool = False
    hang_every: int = 0
    freeze_s: float = 0.0
    freeze_every_s: float = 0.0
    elicit_every: int = 0
    wrong_every: int = 0
    prefix_every: int = 0
    truncate_every: int = 0
    garbage_every: int = 0
    meta_only_every: int = 0
    wrong_id_every: int = 0
    rpc_error_every: int = 0
    soft_error_every: int = 0
    is_error_every: int = 0
    http_500_every: int = 0
    http_503_every: int = 0
    http_429_every: int = 0
    reset_every: int = 0
    fails_from_s: float = 0.0
    fails_above: int = 0
    sse: bool = False
    wire: str = ""
    close_connections: bool = False
    accept_pause_ms: float = 0.0
    backlog: int = 1024
    lose_session_after: int = 0
    keep_sessions: bool = False
    gauges: bool = False
    session_mb: float = 0.0
    leak_mb_per_min: float = 0.0
    leak_kb_per_call: float = 0.0
    leak_fds_per_min: float = 0.0
    leak_fd_every: int = 0
    leak_threads_per_min: float = 0.0
    leak_thread_every: int = 0
    sawtooth_mb: float = 0.0
    sawtooth_s: float = 0.0
    restart_at_s: float = 0.0
    rename_after: int = 0
    foreign_url: str = ""

    def words(self) -> tuple[str, ...]:
        """Return the arguments of the command line that set these modes."""
        changed = ((each.name, getattr(self, each.name)) for each in fields(self))
        default = Modes()
        return tuple(f"{name}={value}" for name, value in changed if value != getattr(default, name))


def parse_modes(words: Sequence[str]) -> Modes:
    """Return the modes that ``NAME=VALUE`` arguments set; one argument may be a JSON object instead.

    Raises:
        ValueError: A name is unknown or a value does not fit.
    """
    types = {each.name: type(each.default) for each in fields(Modes)}
    values: dict[str, object] = {}
    for word in words:
        pairs = json.loads(word).items() if word.startswith("{") else [word.split("=", 1)]
        for name, value in pairs:
            if name not in types:
                close = difflib.get_close_matches(name, types, n=1)
                raise ValueError(f"expected a mode such as {', '.join(close or types)}, got {name!r}")
            values[name] = _typed(types[name], str(value))
    return Modes(**values)  # type: ignore[arg-type] # each value has the type of its field


def _typed(kind: type, text: str) -> object:
    if kind is bool:
        return text.lower() in {"1", "true", "yes"}
    return kind(text)
