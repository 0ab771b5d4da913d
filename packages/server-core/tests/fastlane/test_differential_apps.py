"""Nobody can tell drawn apps with the lane from the same apps without it, whatever happens to them.

`DIFFERENTIAL_EXAMPLES` sets how many apps are drawn: some dozens in the suite, thousands in
`nox -s differential`, each with five to thirteen requests and changes.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from app_samples import TOKENS
from beside_fastmcp import outcomes
from drawn_apps import Case, cases
from hypothesis import HealthCheck, given, settings

pytestmark = [pytest.mark.broad, pytest.mark.usefixtures("silent_libraries")]

EXAMPLES = int(os.environ.get("DIFFERENTIAL_EXAMPLES", "150")) // 5


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(case=cases())
def test_drawn_apps_answer_as_fastmcp_does(case: Case) -> None:
    options: dict[str, Any] = {"auth_tokens": list(TOKENS)} if case.has_tokens else {}
    results = asyncio.run(outcomes(case.make, *case.all_steps(), **options))
    expected = results.pop("FastMCP")
    for way, outcome in results.items():
        assert outcome == expected, f"{way}\n{case}"
