"""Names of servers from the commands that start them."""

from __future__ import annotations

import pytest

from perf_core.targets.program_name import program_name


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("npx -y @modelcontextprotocol/server-everything", "server-everything"),
        ("npx -y @modelcontextprotocol/server-everything@2025.1.1 stdio", "server-everything"),
        ("npx --yes some-server@latest", "some-server"),
        ("npx -p some-package some-server", "some-server"),
        ("uvx mcp-server-time --local-timezone Europe/Oslo", "mcp-server-time"),
        ("uvx --from mcp-servers[time]==1.0 mcp-server-time", "mcp-server-time"),
        ("uvx mcp-server-time==1.2", "mcp-server-time"),
        ("uv run --directory /srv/weather server.py", "server"),
        ("uv tool run mcp-server-git", "mcp-server-git"),
        ("python -m mcp_server_git --repository .", "mcp_server_git"),
        ("python3.12 server.py", "server"),
        ("/usr/bin/python3 /srv/weather/server.py", "server"),
        ("node build/index.js", "index"),
        ("java -jar target/weather.jar", "weather"),
        ("docker run -i --rm mcp/time", "time"),
        ("docker run -i --rm -e API_KEY -m 512m ghcr.io/x/mcp-time:1.0 --utc", "mcp-time"),
        ("docker run -i --name x localhost:5000/mcp-time@sha256:abc", "mcp-time"),
        ("env API_KEY=x ./weather-server", "weather-server"),
        ("./bin/weather-server --verbose", "weather-server"),
        ("weather", "weather"),
        ("C:\\servers\\weather.exe", "weather"),
        ("npx", "npx"),
        ("docker run -i", "docker"),
    ],
)
def test_name_is_that_of_the_server(command: str, name: str) -> None:
    assert program_name(command.split(" ")) == name


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["python3.12", "-c", "import x; x.run()", "--port", "8000"], "python3.12"),
        (["node", "-e", "require('x')"], "node"),
        (["node", "--eval", "require('x')"], "node"),
        (["uv", "run", "python", "-c", "import x/y"], "uv"),
        (["docker", "run", "-c", "512", "mcp/time"], "time"),
        (["uvx", "-c", "constraints.txt", "mcp-server-time"], "mcp-server-time"),
    ],
)
def test_code_is_no_name(command: list[str], name: str) -> None:
    assert program_name(command) == name


def test_nothing_is_still_a_name() -> None:
    assert program_name([]) == "server"
    assert program_name([""]) == "server"
