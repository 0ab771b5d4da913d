"""Servers of which nothing is known are asked on the wire that they offer."""

from __future__ import annotations

import pytest

from perf_core.errors import WireNotOffered
from perf_core.runs.drawn import on_offered_wire


def test_wire_that_is_offered_is_taken_unless_one_is_named() -> None:
    tried: list[str] = []

    def stateless_only(wire: str) -> str:
        tried.append(wire)
        if wire == "session":
            raise WireNotOffered("expected the session wire")
        return wire

    assert on_offered_wire(None, stateless_only) == "stateless"
    assert tried == ["session", "stateless"]
    with pytest.raises(WireNotOffered):
        on_offered_wire("session", stateless_only)
