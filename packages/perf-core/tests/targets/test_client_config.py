"""Servers in the configuration files of MCP clients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perf_core.errors import UsageError
from perf_core.targets.client_config import (
    ConfiguredServer,
    as_reference,
    filled_in,
    read_client_config,
    variables,
)


@pytest.fixture
def write(tmp_path: Path):
    """Return a function that writes a configuration and returns its path."""

    def written(content: object) -> Path:
        path = tmp_path / "mcp.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return written


COMMAND = {"command": "npx", "args": ["-y", "weather-mcp"], "env": {"API_KEY": "abc123"}}
EXPECTED = ConfiguredServer("weather", ("npx", "-y", "weather-mcp"), {"API_KEY": "abc123"})


@pytest.mark.parametrize(
    "document",
    [
        {"mcpServers": {"weather": COMMAND}},  # Claude Desktop, Cursor
        {"mcpServers": {"weather": {**COMMAND, "type": "stdio"}}, "theme": "dark"},
        {"servers": {"weather": {**COMMAND, "type": "stdio"}}, "inputs": []},  # VS Code: .vscode/mcp.json
        {"mcp": {"servers": {"weather": COMMAND}}},  # VS Code: settings.json
    ],
)
def test_command_of_each_client_is_read(write, document: object) -> None:
    assert read_client_config(write(document)) == EXPECTED


@pytest.mark.parametrize("member", ["url", "serverUrl"])
@pytest.mark.parametrize("kind", [{}, {"type": "http"}, {"type": "sse"}, {"type": "streamable-http"}])
def test_url_with_headers_is_read(write, member: str, kind: dict[str, str]) -> None:
    entry = {member: "https://h/mcp", "headers": {"Authorization": "Bearer t"}, **kind}
    server = read_client_config(write({"mcpServers": {"notes": entry}}))
    assert server == ConfiguredServer("notes", url="https://h/mcp", headers={"Authorization": "Bearer t"})


def test_file_with_variables_is_named(write) -> None:
    entry = {**COMMAND, "envFile": "${workspaceFolder}/.env"}
    server = read_client_config(write({"servers": {"weather": entry}}))
    assert server.env_file == "${workspaceFolder}/.env"
    with pytest.raises(UsageError, match="envFile: expected the path of a file"):
        read_client_config(write({"servers": {"weather": {**COMMAND, "envFile": [".env"]}}}))


def test_numbers_and_truth_values_become_texts(write) -> None:
    entry = {"command": "server", "args": ["--port", 80], "env": {"VERBOSE": True, "N": 1.5}, "cwd": "/srv"}
    server = read_client_config(write({"mcpServers": {"x": entry}}))
    assert server.command == ("server", "--port", "80")
    assert server.env == {"VERBOSE": "true", "N": "1.5"}
    assert server.cwd == "/srv"


def test_comments_and_trailing_commas_are_ignored_outside_of_texts(write) -> None:
    text = """\ufeff{
      // the servers of this project
      "servers": { /* one */
        "weather": {"command": "npx", "args": ["-y", "//weather", "a,]", "/* b */",],}, // last
      },
    }"""
    server = read_client_config(write(text))
    assert server.command == ("npx", "-y", "//weather", "a,]", "/* b */")


def test_one_of_several_servers_is_chosen_by_name(write) -> None:
    path = write({"mcpServers": {"weather": COMMAND, "notes": {"url": "http://h"}}})
    assert read_client_config(path, "notes").url == "http://h"
    with pytest.raises(UsageError, match="expected one server, or --server with its name, got 2") as caught:
        read_client_config(path)
    assert "weather, notes" in caught.value.hint
    with pytest.raises(UsageError, match="got 'note'; did you mean 'notes'"):
        read_client_config(path, "note")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON: line 1"),
        ("[]", "expected mcpServers or servers, got another value"),
        ({}, "expected mcpServers or servers"),
        ({"mcpServer": {}}, "got the members mcpServer"),
        ({"mcpServers": {}}, "got 0"),
        ({"mcpServers": {"x": []}}, "server x: expected an object, got list"),
        ({"mcpServers": {"x": {}}}, "expected a command, or a url"),
        ({"mcpServers": {"x": {"url": "localhost:8000"}}}, "begins with http:// or https://"),
        ({"mcpServers": {"x": {"command": "a", "args": "-y b"}}}, "args: expected a list of texts"),
        ({"mcpServers": {"x": {"command": "a", "env": ["K=V"]}}}, "env: expected an object of texts"),
        ({"mcpServers": {"x": {"command": "a", "env": {"K": None}}}}, "env: expected an object of texts"),
    ],
)
def test_malformed_configuration_is_refused(write, content: object, message: str) -> None:
    path = write(content)
    with pytest.raises(UsageError) as caught:
        read_client_config(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_client_config(tmp_path / "none.json")


def test_mistakes_in_the_file_do_not_show_its_secrets(write) -> None:
    path = write('{"mcpServers": {"x": {"command": "a", "env": {"API_KEY": "abc123",, }}}}')
    with pytest.raises(UsageError) as caught:
        read_client_config(path)
    assert "abc123" not in str(caught.value)
    assert "abc123" not in repr(EXPECTED)


@pytest.mark.parametrize(
    ("text", "filled", "reference"),
    [
        ("${API_KEY}", "abc", "${API_KEY}"),
        ("${env:API_KEY}", "abc", "${API_KEY}"),
        ("Bearer ${input:api-key}", "Bearer abc", "Bearer ${API_KEY}"),
        ("${NONE:-fallback}", "fallback", "${NONE}"),
        ("plain $API_KEY text", "plain $API_KEY text", "plain $API_KEY text"),
        ("${workspaceFolder}/x", f"{Path.cwd()}/x", f"{Path.cwd()}/x"),
    ],
)
def test_placeholders_are_variables_of_the_environment(text: str, filled: str, reference: str) -> None:
    assert filled_in(text, {"API_KEY": "abc"}) == filled
    assert as_reference(text) == reference
    assert variables("a ${env:X} ${input:my.key} ${workspaceFolder}") == ("X", "MY_KEY")


def test_missing_variable_is_named() -> None:
    with pytest.raises(UsageError, match="expected the environment variable API_KEY, got none"):
        filled_in("${input:api-key}", {})
