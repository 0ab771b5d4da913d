"""An app with the lane responds exactly like one without: status, relevant headers, body as JSON.

Random requests, valid and invalid, are sent to two apps that differ only in this setting. Requests that have
failed before are kept in `corpus.jsonl`; a failure prints the line to add. `DIFFERENTIAL_EXAMPLES` sets how
many random requests are sent: some hundreds in the suite, ten thousand in `nox -s differential`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from drawn_requests import VERSIONS, calls, steps
from faulty_requests import one_fault_each, one_step_each
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_memory import Request, initialize, session_call, stateless_call
from lane_pair import CORPUS, Pair, assert_equal_responses, from_json, report
from tool_samples import PLAIN

pytestmark = [pytest.mark.broad, pytest.mark.usefixtures("silent_libraries")]

EXAMPLES = int(os.environ.get("DIFFERENTIAL_EXAMPLES", "60"))
CONFIGURATIONS: list[dict[str, bool]] = [
    {},
    {"mask_error_details": True, "strict_input_validation": True},
    {"streams": True},
    {"immediate": False},
]
CONFIGURATION_IDS = ["default", "strict", "streams", "through ASGI"]


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids=CONFIGURATION_IDS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    yield from _pair_with_session(**request.param)


RARE = ("strict", "through ASGI")
"""Configurations whose answers to a faulty call hardly differ from those of the others."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(options, id=name, marks=[pytest.mark.nightly] * (name in RARE))
        for name, options in zip(CONFIGURATION_IDS, CONFIGURATIONS, strict=True)
    ],
)
def echo_pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Apps with the tool `echo` only."""
    yield from _pair_with_session(only=("echo",), dereference_schemas=False, **request.param)


def _pair_with_session(**options: Any) -> Iterator[Pair]:
    """Yield a pair with an open session, for calls on the session wire."""
    pair = Pair(**options)
    with_lane, without_lane = pair.send(initialize())
    assert with_lane == without_lane
    yield pair
    pair.close()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(call=calls())
def test_random_calls_get_equal_responses(pair: Pair, call: Request) -> None:
    fast, slow = pair.send(call)
    assert fast == slow, report([initialize(), call], fast, slow)


def test_calls_with_one_fault_get_equal_responses(echo_pair: Pair) -> None:
    count = 0
    for call in one_fault_each():
        fast, slow = echo_pair.send(call)
        assert fast == slow, report([initialize(), call], fast, slow)
        count += 1
        echo_pair.ensure_session()
    assert count > 900
    assert echo_pair.fast.lane_calls() > 30, "faults that do not matter leave a call on the lane"


SESSION_TOOLS = (
    *("echo", "join", "sync", "waiting", "with_context", "has_session", "unknown", "maybe", "block"),
    *("called", "remark", "surrogate", "infinite"),
)
"""Tools of the conversations below and of the corpus."""


@settings(max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(conversation=st.lists(steps(), min_size=3, max_size=12), version=st.sampled_from(VERSIONS))
def test_random_conversations_get_equal_responses(
    session_pair: Pair, conversation: list[Request], version: str
) -> None:
    session_pair.close_sessions()
    assert_equal_responses(session_pair, [initialize(version), *conversation])


@pytest.mark.parametrize("line", CORPUS.read_text(encoding="utf-8").splitlines(), ids=lambda line: line[-60:])
def test_requests_that_once_failed_get_equal_responses(session_pair: Pair, line: str) -> None:
    session_pair.close_sessions()
    assert_equal_responses(session_pair, [from_json(document) for document in json.loads(line)])


def test_conversations_of_one_step_get_equal_responses(session_pair: Pair) -> None:
    count = 0
    for conversation in one_step_each():
        session_pair.close_sessions()
        assert_equal_responses(session_pair, conversation)
        count += 1
    assert count > 500


@pytest.fixture(scope="module")
def session_pair() -> Iterator[Pair]:
    """Apps with the tools of the conversations and of the corpus."""
    pair = Pair(only=SESSION_TOOLS, dereference_schemas=False)
    yield pair
    pair.close()


def test_only_tools_that_never_wait_are_answered_immediately(session_pair: Pair) -> None:
    session_pair.close_sessions()
    session_pair.send(initialize())
    for tool, arguments in (("echo", {"text": "x"}), ("sync", {"text": "x"}), ("waiting", {"text": "x"})):
        for one in (session_call(tool, arguments), stateless_call(tool, arguments)):
            before = session_pair.fast.immediate
            session_pair.send(one)
            assert session_pair.fast.immediate - before == (tool == "echo"), tool


def test_only_plain_tools_are_on_the_lane(pair: Pair) -> None:
    lane = pair.fast.app._lane
    assert lane is not None
    reasons = lane.reasons()
    assert {tool for tool, reason in reasons.items() if not reason} == PLAIN | {
        "checked",
        "encoded",
        "picture",
    }
    assert pair.slow.app._lane is None
