"""Servers in the configuration of an MCP client: ``mcpServers`` of Claude and Cursor, ``servers`` of VS Code.

Example::

    {"mcpServers": {"weather": {"command": "npx", "args": ["-y", "weather-mcp"], "env": {"API_KEY": "…"}},
                    "notes": {"url": "https://example.test/mcp", "headers": {"Authorization": "Bearer …"}}}}

Placeholders of the clients are filled in from the environment: ``${NAME}``, ``${NAME:-default}`` and
``${env:NAME}``, and ``${input:some-key}`` from ``SOME_KEY``. Comments and trailing commas are allowed.

Sources: modelcontextprotocol.io (connecting local servers), code.visualstudio.com (MCP configuration
reference), docs.claude.com (environment variable expansion in .mcp.json).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perf_core.errors import UsageError
from perf_core.server.subject import closest_name
from perf_core.targets.urls import is_url

_MEMBERS = ("mcpServers", "servers", "mcp.servers")
_TOKEN = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.DOTALL)
_PLACEHOLDER = re.compile(r"\$\{(?:(?P<kind>env|input):)?(?P<name>[\w.-]+)(?::-(?P<default>[^}]*))?\}")
_HINT = "It has mcpServers (Claude, Cursor) or servers (VS Code), each with a command and args, or a url."


@dataclass(frozen=True)
class ConfiguredServer:
    """A server as a client's configuration has it, with placeholders and secrets.

    Attributes:
        command: Program and arguments; empty for a server at a URL.
        env: Variables of the command.
        url: MCP endpoint; empty for a command.
        env_file: File with further variables of the command, as VS Code has it; empty without one.
        headers: HTTP headers for the URL.
        cwd: Folder to start the command in; None is the caller's.
    """

    name: str
    command: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    env_file: str = ""


def read_client_config(path: Path, name: str | None = None) -> ConfiguredServer:
    """Return a server of a client's configuration file.

    Args:
        name: Name of the server; may be None if the file has only one.

    Raises:
        UsageError: The file cannot be read, is not such a configuration, or has no or several such servers.
    """
    servers = _servers(path)
    if name is None and len(servers) != 1:
        raise UsageError(
            f"{path}: expected one server, or --server with its name, got {len(servers)}",
            f"Name one of: {', '.join(servers)}." if servers else _HINT,
        )
    chosen = name if name is not None else next(iter(servers))
    if chosen not in servers:
        raise UsageError(
            f"{path}: expected the name of a server, got {chosen!r}{closest_name(chosen, servers)}",
            f"It has: {', '.join(servers) or 'none'}.",
        )
    return _server(path, chosen, servers[chosen])


def _servers(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}",
            "Give the path of a client's configuration, such as mcp.json.",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8: {error.reason}", _HINT) from error
    plain = _TRAILING_COMMA.sub(_kept, _TOKEN.sub(_kept, text))
    try:
        document = json.loads(plain)
    except ValueError as error:
        # Without the text around the mistake, which may be a secret.
        place = (
            f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        )
        raise UsageError(f"{path} is not JSON: {place or 'it cannot be parsed'}", _HINT) from error
    for member in _MEMBERS:
        value = document
        for key in member.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, dict):
            return value
    got = f"the members {', '.join(map(str, document))}" if isinstance(document, dict) else "another value"
    raise UsageError(f"{path}: expected mcpServers or servers, got {got or 'an empty object'}", _HINT)


def _kept(match: re.Match[str]) -> str:
    """Return a string of the JSON text unchanged, and nothing for a comment or a comma."""
    return match[1] or ""


def _server(path: Path, name: str, entry: object) -> ConfiguredServer:
    problems = []
    fields = entry if isinstance(entry, dict) else {}
    command, arguments = fields.get("command"), fields.get("args", [])
    url = fields.get("url") or fields.get("serverUrl")
    tables = {key: fields.get(key) or {} for key in ("env", "headers")}
    if not isinstance(entry, dict):
        problems.append(f"expected an object, got {type(entry).__name__}")
    elif not isinstance(command, str) and not (isinstance(url, str) and _may_be_url(url)):
        problems.append("expected a command, or a url that begins with http:// or https://")
    if not isinstance(arguments, list) or not all(isinstance(each, str | int | float) for each in arguments):
        problems.append("args: expected a list of texts")
    for key, table in tables.items():
        if not isinstance(table, dict) or not all(isinstance(v, str | int | float) for v in table.values()):
            problems.append(f"{key}: expected an object of texts")
    env_file = fields.get("envFile") or ""
    if not isinstance(env_file, str):
        problems.append("envFile: expected the path of a file")
    if problems:
        raise UsageError(f"{path}, server {name}: {'; '.join(problems)}", _HINT)
    texts = {key: {str(k): _text(v) for k, v in table.items()} for key, table in tables.items()}
    cwd = fields.get("cwd")
    if isinstance(command, str):
        words = (command, *map(_text, arguments))
        cwd = cwd if isinstance(cwd, str) else None
        return ConfiguredServer(name, words, texts["env"], cwd=cwd, env_file=env_file)
    return ConfiguredServer(name, url=str(url), headers=texts["headers"])


def _may_be_url(text: str) -> bool:
    """Return whether a text is a URL, perhaps once its placeholders are filled in."""
    return is_url(text) or _PLACEHOLDER.match(text.strip()) is not None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def filled_in(text: str, environ: Mapping[str, str]) -> str:
    """Return a text with the placeholders of clients replaced.

    Raises:
        UsageError: A variable of the environment is not set.
    """

    def value(match: re.Match[str]) -> str:
        folder = _folder(match)
        if folder:
            return folder
        variable = _variable(match)
        if variable in environ:
            return environ[variable]
        if match["default"] is not None:
            return match["default"]
        raise UsageError(
            f"{match[0]} in the configuration: expected the environment variable {variable}, got none",
            f"Set it, such as: export {variable}=…",
        )

    return _PLACEHOLDER.sub(value, text)


def as_reference(text: str, dollar: str = "$") -> str:
    """Return a text with the placeholders of clients as ``${NAME}``, as target files write variables.

    Args:
        dollar: What every other dollar sign becomes; ``$$`` where target files have variables.

    Example::

        as_reference("Bearer ${input:weather-key}")   # "Bearer ${WEATHER_KEY}"
    """
    parts, end = [], 0
    for match in _PLACEHOLDER.finditer(text):
        parts += [text[end : match.start()].replace("$", dollar)]
        parts += [_folder(match).replace("$", dollar) or f"${{{_variable(match)}}}"]
        end = match.end()
    return "".join([*parts, text[end:].replace("$", dollar)])


def without_placeholders(text: str) -> str:
    """Return what of a text is written in the configuration itself."""
    return _PLACEHOLDER.sub("", text)


def values_of(text: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the variables that placeholders in a text stand for, by their names.

    Raises:
        UsageError: A variable of the environment is not set.
    """
    matches = [match for match in _PLACEHOLDER.finditer(text) if not _folder(match)]
    return {_variable(match): filled_in(match[0], environ) for match in matches}


def variables(text: str) -> tuple[str, ...]:
    """Return the names of the environment variables that placeholders in a text stand for."""
    return tuple(_variable(match) for match in _PLACEHOLDER.finditer(text) if not _folder(match))


def _folder(match: re.Match[str]) -> str:
    """Return the folder that a placeholder stands for; empty if it stands for a variable."""
    if match["kind"]:
        return ""
    return {"workspaceFolder": str(Path.cwd()), "userHome": str(Path.home())}.get(match["name"], "")


def _variable(match: re.Match[str]) -> str:
    name = re.sub(r"\W", "_", match["name"])
    return name.upper() if match["kind"] == "input" else name
