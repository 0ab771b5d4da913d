"""The README's examples run, and its tables are complete."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client, FastMCP

from server_core import ServerSettings

pytestmark = pytest.mark.anyio
README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


async def test_the_example_serves() -> None:
    example, _ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, Any] = {"__name__": "weather"}
    exec(compile(example, "weather.py", "exec", dont_inherit=True), names)  # noqa: S102 - the README's own code
    settings = names["WeatherSettings"](_env_file=None)
    assert settings.port == 8300
    async with Client(names["create_server"](settings)) as client:
        assert (await client.call_tool("temperature", {"city": "Oslo"})).data == 4.0


async def test_the_example_for_an_existing_app_uses_the_lane(
    serving: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, example = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(re.findall(r"^\w", example, re.MULTILINE)) == 2, "two lines"
    mcp: FastMCP[Any] = FastMCP("existing")

    @mcp.tool
    async def double(number: int) -> int:
        return 2 * number

    names: dict[str, Any] = {"mcp": mcp}
    exec(compile(example, "own.py", "exec", dont_inherit=True), names)  # noqa: S102 - the README's own code
    async with serving(names["app"]) as wires:
        answer = await wires.call("double", {"number": 21})
        assert answer.json()["result"]["structuredContent"] == {"result": 42}
        assert "mcp_fast_lane_calls_total 1.0" in (await wires.http.get("/metrics")).text


def test_every_setting_is_described() -> None:
    for name in ServerSettings.model_fields:
        assert f"`{name}`" in README


def test_every_module_is_listed() -> None:
    source = Path(__file__).parents[1] / "src" / "server_core"
    modules = [path for path in source.rglob("*.py") if not path.name.startswith("__")]
    assert len(modules) > 40
    listed = set(re.findall(r"`(\w+\.py|\w+/)`", README))
    folders = {f"{path.parent.name}/" for path in modules if path.parent != source}
    assert listed == {path.name for path in modules} | folders
