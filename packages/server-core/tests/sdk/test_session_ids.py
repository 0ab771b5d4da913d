from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_core.sdk.session_ids import SessionIds

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (SessionIds(), ""),
        (SessionIds(worker=0), "0."),
        (SessionIds("a"), "a."),
        (SessionIds("a", 12), "a.12."),
    ],
)
def test_an_id_says_where_its_session_lives(names: SessionIds, pattern: str) -> None:
    identity = names.new()
    assert identity.removeprefix(pattern) == identity[len(pattern) :]
    assert len(identity[len(pattern) :]) == 32
    assert names.worker_of(identity.encode()) == names.worker
    assert names.new() != identity


@given(st.binary(max_size=40))
def test_strange_ids_name_no_worker_or_a_number(identity: bytes) -> None:
    found = SessionIds(worker=1).worker_of(identity)
    assert found is None or 0 <= found <= 9999


def test_ids_of_another_machine_name_no_worker() -> None:
    assert SessionIds("b", 1).worker_of(b"a.1.0123") is None
    assert SessionIds("a", 1).worker_of(b"a.2.0123") == 2


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_sessions_of_both_kinds_bear_the_machines_name(
    make_app: Callable[..., Any], serving: Callable[..., Any], *, fast_lane: bool
) -> None:
    async with serving(make_app(node="north", fast_lane=fast_lane)) as wires:
        session = await wires.open_session()
        assert session.startswith("north.")
        assert (await wires.in_session(session, "prompts/get", {"name": "none"})).status_code == 200
        assert (await wires.call_in_session(session, "echo", {"text": "hi"})).status_code == 200
        assert (await wires.delete(session)).status_code == 200
        assert (await wires.in_session(session, "ping")).status_code == 404
