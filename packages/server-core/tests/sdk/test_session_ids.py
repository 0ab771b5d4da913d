from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_core.sdk.session_ids import SessionIds

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("session_ids", "prefix"),
    [
        (SessionIds(), ""),
        (SessionIds(worker=0), "0."),
        (SessionIds("a"), "a."),
        (SessionIds("a", 12), "a.12."),
    ],
)
def test_an_id_names_the_place_of_its_session(session_ids: SessionIds, prefix: str) -> None:
    session_id = session_ids.new()
    assert session_id.startswith(prefix)
    assert len(session_id.removeprefix(prefix)) == 32
    assert session_ids.worker_of(session_id.encode()) == session_ids.worker
    assert session_ids.new() != session_id


@given(st.binary(max_size=40))
def test_any_bytes_name_no_worker_or_a_number(session_id: bytes) -> None:
    number = SessionIds(worker=1).worker_of(session_id)
    assert number is None or 0 <= number <= 9999


@pytest.mark.parametrize(
    ("session_id", "number"),
    [(b"9999.abc", 9999), (b"10000.abc", None), (b"1" * 5000 + b".abc", None), (b"7.", 7), (b".abc", None)],
)
def test_worker_numbers_have_at_most_four_digits(session_id: bytes, number: int | None) -> None:
    assert SessionIds(worker=1).worker_of(session_id) == number


def test_ids_of_another_machine_name_no_worker() -> None:
    assert SessionIds("b", 1).worker_of(b"a.1.0123") is None
    assert SessionIds("a", 1).worker_of(b"a.2.0123") == 2


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_ids_of_light_and_sdk_sessions_begin_with_the_machines_name(
    make_app: Callable[..., Any], serving: Callable[..., Any], *, fast_lane: bool
) -> None:
    async with serving(make_app(node="north", fast_lane=fast_lane)) as wires:
        session = await wires.open_session()
        assert session.startswith("north.")
        assert (await wires.in_session(session, "prompts/get", {"name": "none"})).status_code == 200
        assert (await wires.call_in_session(session, "echo", {"text": "hi"})).status_code == 200
        assert (await wires.delete(session)).status_code == 200
        assert (await wires.in_session(session, "ping")).status_code == 404
