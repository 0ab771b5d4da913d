"""The examples in docstrings of public functions and classes run as written."""

from __future__ import annotations

import asyncio
import doctest
from pathlib import Path
from typing import Any

import pytest
from fastmcp import FastMCP
from prometheus_client.metrics_core import GaugeMetricFamily
from pydantic_settings import SettingsConfigDict

import server_core
from server_core import PlainTool, Port, ServerSettings, caller, create_app, main, publish

NAMES = {
    **vars(server_core),
    "FastMCP": FastMCP,
    "GaugeMetricFamily": GaugeMetricFamily,
    "SettingsConfigDict": SettingsConfigDict,
    "Port": Port,
    "ServerSettings": ServerSettings,
    "asyncio": asyncio,
}


@pytest.mark.parametrize(
    "documented", [main, create_app, caller, publish, PlainTool], ids=lambda each: each.__name__
)
def test_the_example_runs(documented: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no developer's .env counts
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(documented, documented.__name__, globs=dict(NAMES))
    report: list[str] = []
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=report.append)
    assert results.attempted > 1
    assert results.failed == 0, "".join(report)
