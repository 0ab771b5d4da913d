"""Settings of a load as typed."""

from __future__ import annotations

from typing import Any

import pytest

from perf_core.errors import UsageError
from perf_core.load.plan import Settings
from perf_core.runs.settings import expect_usable, settings_of
from perf_core.targets.bare import bare_url

URL = bare_url("http://127.0.0.1:9/mcp")


def settings(**given: Any) -> Settings:
    return settings_of(**{"time_scale": None, "duration": None, **given})


def test_scale_or_duration_sets_the_length() -> None:
    assert settings().time_scale == 1
    assert settings(time_scale=0.05).time_scale == 0.05
    assert settings(duration="2m").duration_s == 120


def test_scale_and_duration_together_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--time-scale: expected no value beside --duration .* got 0\.5"):
        settings(duration="2m", time_scale=0.5)


def test_bare_server_is_checked_before_it_is_asked() -> None:
    expect_usable(URL, ["quick", "load", "stability"], settings(), None)
    with pytest.raises(UsageError, match="no scenario 'laod'; did you mean 'load'"):
        expect_usable(URL, ["quick", "laod"], settings(), None)
    with pytest.raises(UsageError, match="--vus: expected a number above zero, got -3"):
        expect_usable(URL, ["quick"], settings(vus=-3), None)
    with pytest.raises(UsageError, match="--session-per-iteration"):
        expect_usable(URL, ["load"], settings(session_per_iteration=True), "stateless")
