"""The tokenizer: of a vocabulary that is installed, or an estimate."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from perf_core.analysis.tokenizer import BYTES_PER_TOKEN, ESTIMATE, tokenizer


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    tokenizer.cache_clear()
    yield
    tokenizer.cache_clear()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        # As tiktoken 0.14 counts them with o200k_base.
        ("", 0),
        ("hello world", 2),
        ("Hello, world!", 4),
        ('{"name":"add","description":"Add two numbers.","inputSchema":{"type":"object"}}', 18),
        ("Übergrößenträger 数字を足す", 10),
        ("<|endoftext|>", 7),
        ("a" * 1000, 125),
    ],
)
def test_tokens_are_those_of_the_reference(text: str, tokens: int) -> None:
    counter = tokenizer()
    assert (counter.name, counter.is_estimate) == ("o200k_base", False)
    assert counter.count(text) == tokens


def test_without_the_extra_tokens_are_estimated_from_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "toktok", None)
    assert tokenizer() is ESTIMATE
    assert ESTIMATE.count("x" * 440) == round(440 / BYTES_PER_TOKEN) == 100
    assert ESTIMATE.count("ü" * 220) == 100
    assert ESTIMATE.count("") == 0
    assert str(BYTES_PER_TOKEN) in ESTIMATE.name
