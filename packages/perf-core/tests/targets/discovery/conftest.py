"""Servers with tools of many kinds, and a way to draw calls for them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perf_core import Launch
from perf_core.interruption import Interruption
from perf_core.server.subject import DerivedAdapter, Subject
from perf_core.targets.discovery.discover import Discovered, DrawOptions, discover

VARIED = Path(__file__).parents[2] / "servers" / "varied.py"


@pytest.fixture(scope="session")
def started() -> Callable[..., Subject]:
    """Return a function that returns the server of many kinds, to be started with options."""

    def subject(*options: str) -> Subject:
        command = (sys.executable, str(VARIED), "--ready-file", "{ready_file}", *options)
        return Subject(DerivedAdapter("varied", None, Launch(command), {}))

    return subject


@pytest.fixture(scope="session")
def discovered() -> Callable[..., Discovered]:
    """Return a function that draws calls for a server."""

    def drawn(subject: Subject, log_path: Path, *, wire: str = "session", **choices: object) -> Discovered:
        return discover(
            subject,
            wire,
            DrawOptions(**choices),
            log_path,
            interruption=Interruption(),
            on_progress=lambda _text, _share: None,
        )

    return drawn
