"""Light sessions share equal `initialize` parameters, of which a bounded number is remembered."""

from __future__ import annotations

from server_core.fastlane import light_sessions
from server_core.fastlane.light_sessions import LightSessions
from server_core.sdk.session_ids import SessionIds


def empty(limit: int = 10_000) -> LightSessions:
    return LightSessions(limit, 60.0, lambda: 0, SessionIds())


def test_equal_parameters_are_one_object() -> None:
    sessions = empty()
    first, second = (sessions.open("2025-11-25", bytes(bytearray(b"{}")), None) for _ in range(2))
    assert first.initialize_params is second.initialize_params


def test_the_memory_of_parameters_is_bounded() -> None:
    sessions = empty()
    limit = light_sessions._MAX_SHARED_PARAMS
    sizes = []
    for number in range(2 * limit + 1):
        sessions.open("2025-11-25", b"%d" % number, None)
        sizes.append(len(sessions._shared_params))
    assert max(sizes) == limit


def test_sdk_sessions_count_towards_the_limit() -> None:
    sdk_sessions = [0]
    sessions = LightSessions(3, 60.0, lambda: sdk_sessions[0], SessionIds())
    sessions.open("2025-11-25", b"{}", None)
    assert not sessions.is_full
    sdk_sessions[0] = 2
    assert sessions.is_full
