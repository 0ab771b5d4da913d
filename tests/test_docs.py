"""The examples of the documentation work."""

import re
import tomllib
from pathlib import Path

from fastmcp import FastMCP

from perf_core import ServerAdapter
from perf_core.plan import Settings, make_plan
from perf_core.target_file import read_target_file

ROOT = Path(__file__).parent.parent


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def test_target_file_of_the_adapters_page(tmp_path: Path) -> None:
    example = blocks("docs/adapters.md", "toml")[0]
    path = tmp_path / "weather.toml"
    path.write_text(example, encoding="utf-8")
    adapter = read_target_file(path)
    assert adapter.name == "weather"
    plan = make_plan(adapter.scenarios["load"], "session", Settings())
    assert plan.tools == ("forecast",)
    (target,) = adapter.scenarios["load"].targets
    assert target.figure == "latency_ms.all.p95"


def test_target_file_of_the_modules_docstring(tmp_path: Path) -> None:
    from perf_core import target_file

    assert target_file.__doc__ is not None
    example = target_file.__doc__.partition("Example::")[2].replace("\n    ", "\n")
    path = tmp_path / "weather.toml"
    path.write_text(example, encoding="utf-8")
    assert read_target_file(path).name == "weather"


def test_adapter_of_the_adapters_page() -> None:
    names: dict = {}
    exec(blocks("docs/adapters.md", "python")[0], names)
    adapter = names["adapter"]
    assert isinstance(adapter, ServerAdapter)
    plan = make_plan(adapter.scenarios["quick"], "stateless", Settings())
    assert plan.tools == ("echo",)


def test_entry_point_of_the_adapters_page_is_the_group_that_is_read() -> None:
    from perf_core.adapter import ENTRY_POINT_GROUP

    example = tomllib.loads(blocks("docs/adapters.md", "toml")[1])
    assert set(example["project"]["entry-points"]) == {ENTRY_POINT_GROUP}


def test_server_of_server_cores_readme() -> None:
    names: dict = {"__name__": "weather"}
    exec(blocks("packages/server-core/README.md", "python")[0], names)
    server = names["create_server"](names["WeatherSettings"](_env_file=None))
    assert isinstance(server, FastMCP)
    assert names["WeatherSettings"].environment_name("port") == "WEATHER_PORT"
