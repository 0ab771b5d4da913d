from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from server_core import ServerSettings

pytestmark = pytest.mark.anyio
README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


async def test_the_example_serves() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, Any] = {"__name__": "weather"}
    exec(compile(example, "weather.py", "exec", dont_inherit=True), names)  # noqa: S102 - the README's own code
    assert names["WeatherSettings"](_env_file=None).port == 8300
    async with Client(names["create_server"]()) as client:
        assert (await client.call_tool("temperature", {"city": "Oslo"})).data == 4.0


def test_every_setting_and_every_module_is_described() -> None:
    for name in ServerSettings.model_fields:
        assert f"`{name}`" in README
    modules = Path(__file__).parents[1].joinpath("src", "server_core").glob("[a-z]*.py")
    for module in modules:
        assert f"`{module.name}`" in README
