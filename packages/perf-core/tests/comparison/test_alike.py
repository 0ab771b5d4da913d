"""Whether two servers gave the same answer."""

from __future__ import annotations

from typing import Any

import pytest

from perf_core import Expectation, Step
from perf_core.comparison.alike import alike

ANY = Step("draw", {}, Expectation.anything())


def picture(data: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "image", "mimeType": "image/png", "data": data, **more}]}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (picture("AAAA"), picture("AAAA"), True),
        (picture("AAAA"), picture("BBBB"), False),
        # Remarks for clients are no part of what is shown.
        (picture("AAAA"), picture("AAAA", annotations={"priority": 1}, _meta={"took_s": 2}), True),
        (
            {"content": [{"type": "resource", "resource": {"uri": "file:///a", "text": "x"}}]},
            {"content": [{"type": "resource", "resource": {"uri": "file:///a", "text": "y"}}]},
            False,
        ),
    ],
)
def test_blocks_without_a_text_are_compared_too(
    first: dict[str, Any], second: dict[str, Any], same: bool
) -> None:
    assert alike(first, second, (ANY, ANY)) is same
