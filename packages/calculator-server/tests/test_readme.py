from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fastmcp.exceptions import FastMCPError

from calculator_server.server import create_server
from calculator_server.settings import CalculatorSettings

pytestmark = pytest.mark.anyio
README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
ERRORS = re.findall(r"^\| `(\w+) (\{.*\})` \| (.*) \|$", README, re.MULTILINE)


def test_the_table_of_errors_was_found() -> None:
    assert len(ERRORS) == 5


@pytest.mark.parametrize(("tool", "arguments", "answer"), ERRORS)
async def test_the_server_gives_the_answers_in_the_readme(tool: str, arguments: str, answer: str) -> None:
    with pytest.raises(FastMCPError) as caught:
        await create_server().call_tool(tool, json.loads(arguments))
    assert str(caught.value) == answer


def test_the_options_in_the_readme_exist() -> None:
    for option, variable in re.findall(r"^\| `--([\w-]+)`, `(\w+)` \|", README, re.MULTILINE):
        name = option.replace("-", "_")
        assert name in CalculatorSettings.model_fields
        assert CalculatorSettings.environment_name(name) == variable
