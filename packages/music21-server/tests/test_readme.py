"""The README agrees with the server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from music21_server.settings import Music21Settings

pytestmark = pytest.mark.anyio
README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


def test_options_in_the_readme_exist() -> None:
    options = re.findall(r"^\| `--([\w-]+)`, `(\w+)` \|", README, re.MULTILINE)
    assert len(options) > 5
    for option, variable in options:
        name = option.replace("-", "_")
        assert name in Music21Settings.model_fields
        assert Music21Settings.environment_name(name) == variable


@pytest.mark.process
async def test_the_readme_lists_all_tools(client: Client[Any]) -> None:
    table = README.partition("## Tools")[2].partition("## Settings")[0]
    named = {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert named == {tool.name for tool in await client.list_tools()}


@pytest.mark.process
async def test_the_example_in_the_readme_gives_the_key_it_shows(client: Client[Any]) -> None:
    example = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    source = re.findall(r'"source": "([^"]+)"', example)[0]
    score = (await client.call_tool("import_score", {"source": source})).structured_content
    assert score is not None
    key = (await client.call_tool("key_analysis", {"score_id": score["score_id"]})).structured_content
    assert key is not None
    assert key["key"] == example.rpartition("  # ")[2].strip()
