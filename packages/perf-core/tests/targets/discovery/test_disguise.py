"""Errors that do not say so."""

from __future__ import annotations

import json

import pytest

from perf_core.targets.discovery.disguise import disguised_error


def text(*texts: str) -> dict:
    return {"content": [{"type": "text", "text": each} for each in texts]}


@pytest.mark.parametrize(
    "words",
    [
        "Error: fetch failed",
        "❌ Error: no API key",
        "error fetching data",
        "An unexpected error occurred",
        "Failed to fetch https://example.com/",
        "TypeError: fetch failed",
        "ValueError(3)",
        "Traceback (most recent call last):\n  File x",
        "HTTP 500 Internal Server Error",
        "503 Service Unavailable",
        "Could not connect to the database",
        "request to http://x failed, reason: getaddrinfo ENOTFOUND x",
        "TypeError: x is undefined\n    at call (/srv/index.js:3:7)",
        json.dumps({"error": "no key"}),
        json.dumps({"errors": ["bad"]}),
        json.dumps({"success": False}),
        json.dumps({"status": "error", "data": None}),
    ],
)
def test_errors_are_recognised(words: str) -> None:
    assert disguised_error(text(words))


@pytest.mark.parametrize(
    "words",
    [
        "42",
        "",
        "No errors found",
        "Error codes and their meaning",
        "Failures are rare",
        "The standard error is 0.5",
        "500 items, none sold",
        json.dumps({"error": None, "value": 3}),
        json.dumps({"error": 0, "value": 3}),
        json.dumps({"errors": [], "value": 3}),
        json.dumps({"success": True}),
        json.dumps({"success": 0}),
        json.dumps([1, 2]),
        "Failed login attempts of March: Error: none. " + "x" * 3000,
    ],
)
def test_useful_answers_are_left_alone(words: str) -> None:
    assert disguised_error(text(words)) == ""


def test_structured_content_and_wrapped_texts_count() -> None:
    assert disguised_error({"content": [], "structuredContent": {"error": "no key"}}) == "error: no key"
    assert disguised_error({"structuredContent": {"result": "Error: fetch failed"}}) == "Error: fetch failed"
    assert disguised_error({"structuredContent": {"result": {"error": "x"}}}) == "error: x"
    assert disguised_error({"structuredContent": {"result": 5}}) == ""


def test_one_useful_part_is_enough() -> None:
    assert disguised_error(text("Error: fetch failed", "42")) == ""
    picture = {"type": "image", "data": "aGk=", "mimeType": "image/png"}
    assert disguised_error({"content": [*text("Error: x")["content"], picture]}) == ""
    assert disguised_error({"content": [picture]}) == ""


def test_long_errors_are_shortened() -> None:
    assert len(disguised_error(text("Error: " + "x" * 1000))) == 120
