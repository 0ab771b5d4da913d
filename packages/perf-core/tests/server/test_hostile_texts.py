"""Texts of servers for which a careless pattern takes time that grows with the square of their length.

Each of these took 6 to 40 s before; linear work on so few characters takes milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx2
import pytest

from perf_core.server.client import endpoints
from perf_core.server.credentials.masking import masked_url
from perf_core.server.credentials.refusals import challenge_parameters, refusal
from perf_core.targets.discovery.seen_values import SeenValues
from perf_core.targets.discovery.tools import words_of

LONGEST_S = 2.0


def page_refused(text: str) -> object:
    request = httpx2.Request("POST", "http://h/mcp")
    response = httpx2.Response(400, headers={"Content-Type": "text/html"}, request=request, text=text)
    return refusal(response, "ping", None, has_credentials=False)


def answered(text: str) -> object:
    SeenValues().add_result("list", {}, {"content": [{"type": "text", "text": f"x {text}"}]})
    return SeenValues().add_result("list", {}, {"content": [{"type": "text", "text": text}]})


@pytest.mark.parametrize(
    ("read", "piece", "times"),
    [
        (lambda text: list(endpoints._samples("open", text)), "open{\n", 60_000),
        (challenge_parameters, "a", 30_000),
        (page_refused, "<title", 50_000),
        (page_refused, "<title ", 50_000),
        (masked_url, "?", 30_000),
        (masked_url, "?a", 15_000),
        (masked_url, "-eyJaaaaaaaa", 10_000),
        (words_of, "A", 20_000),
        (answered, "  ", 10_000),
        (answered, "\t", 20_000),
        (answered, "a-", 10_000),
        (answered, "a.", 10_000),
    ],
)
def test_time_to_read_a_text_grows_with_its_length_alone(
    read: Callable[[str], object], piece: str, times: int
) -> None:
    began = time.perf_counter()
    read(piece * times)
    assert time.perf_counter() - began < LONGEST_S
