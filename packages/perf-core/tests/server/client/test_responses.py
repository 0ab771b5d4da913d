"""JSON of answers, as strict as k6's scripts read it."""

from __future__ import annotations

import pytest

from perf_core.server.client.responses import json_in


@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', "[Infinity]", "[-Infinity]", "[" * 100_000])
def test_other_text_is_no_json(text: str) -> None:
    assert json_in(text) is None


def test_json_is_read() -> None:
    assert json_in('{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
