"""Tests that the inputs are still where the attack takes them from."""

from __future__ import annotations

from inputs_of_tests import (
    discovery_paths,
    faulty_calls,
    faulty_conversations,
    hostile_documents,
    odd_requests,
    paths_near_the_endpoint,
    surroundings_of_chunks,
    upgrade_wishes,
)


def test_requests_of_the_tests_of_server_core() -> None:
    assert len(odd_requests()) > 30
    assert all(data.startswith(b"POST /mcp ") for data in surroundings_of_chunks().values())
    assert len(surroundings_of_chunks()) == 3
    assert len(upgrade_wishes()) >= 4
    assert "/mcp%0a" in paths_near_the_endpoint()
    assert "/register" in discovery_paths()


def test_calls_and_conversations_that_are_compared_with_fastmcp() -> None:
    calls = list(faulty_calls("add", {"a": 1, "b": 2}))
    assert len(calls) > 900
    assert sum(b'"add"' in data for data in calls) > 500
    assert len(list(faulty_conversations())) > 500
    assert all(b"\r\nHost: 127.0.0.1\r\n" in data for data in calls)


def test_documents_that_music21_would_read_for_a_minute() -> None:
    documents = hostile_documents()
    assert len(documents) > 50
    assert {kind for kind, _ in documents.values()} == {"midi", "abc", "humdrum", "tinynotation", "mei"}
