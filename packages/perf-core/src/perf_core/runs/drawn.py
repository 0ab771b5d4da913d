"""Servers of which nothing is known are asked what they can do, before their questions are prepared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from perf_core.adapter import Wire
from perf_core.errors import WireNotOffered
from perf_core.interruption import Interruption, OnProgress
from perf_core.server.subject import Subject
from perf_core.targets.discovery.discover import Discovered, DrawOptions, discover

Result = TypeVar("Result")


def with_drawn_calls(
    subject: Subject,
    wire: Wire | None,
    options: DrawOptions,
    *,
    interruption: Interruption,
    on_progress: OnProgress,
) -> Discovered:
    """Ask a server what it can do; see :func:`perf_core.targets.discovery.discover.discover`.

    Args:
        wire: Wire on which it is asked; None for the one that it offers.
    """
    with TemporaryDirectory(prefix="perf-core-") as folder:
        log_path = Path(folder) / "server.log"
        return on_offered_wire(
            wire,
            lambda each: discover(
                subject, each, options, log_path, interruption=interruption, on_progress=on_progress
            ),
        )


def on_offered_wire(wire: Wire | None, function: Callable[[Wire], Result]) -> Result:
    """Return what a function gives on a wire; without one, on the session wire or else on the other.

    Raises:
        WireNotOffered: The server does not offer the wire, or neither of them.
    """
    if wire is not None:
        return function(wire)
    try:
        return function("session")
    except WireNotOffered:
        return function("stateless")
