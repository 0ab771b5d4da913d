"""The catalogue: servers of other people, how they are started, and what the lab must say of them.

Words in braces are filled in:

* ``{bin}``, ``{modules}``, ``{python}``: programs and npm modules of the row's packages, and their
  interpreter;
* ``{apps}``: folder of our own small servers; ``{work}``: the row's data;
* ``{port}``: a free port for the server; ``{web}``: URL of the stand-in for a service that it asks;
* ``{secret}``: a random text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from installed_packages import Packages, npm, pypi

Transport = Literal["stdio", "stdio, one process", "HTTP", "HTTP+SSE", "HTTPS"]
Material = Literal["", "files", "repository", "database", "graph"]


@dataclass(frozen=True)
class Row:
    """A server, and what is right for it.

    Attributes:
        name: Name in the table.
        command: Command that starts the server. Over stdio it stands after ``--``; otherwise it is started
            first, and the lab gets the URL.
        path: Path of the endpoint; not for stdio.
        revision: Protocol revision that the server and the lab agree on; two, joined by ``and``, for a server
            that is measured on both wires.
        material: Data that is written into ``{work}`` before.
        before: Command that prepares further data.
        environment: Variables of the server and of the lab.
        options: Options of ``perf-core run`` and ``perf-core check``.
        web: File in ``apps`` with the answers of a service that the server asks.
        verdict: Verdict that is right.
        warning: Regular expression that one of the warnings must match; without one there may be none.
        no_call: Read-only tools for which no call can succeed here, with the reason.
        remark: Last column of the table.
    """

    name: str
    packages: Packages
    command: tuple[str, ...]
    transport: Transport = "stdio"
    path: str = "/mcp"
    revision: str = "2025-11-25"
    material: Material = ""
    before: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    web: str = ""
    verdict: str = "pass"
    warning: str = ""
    no_call: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""

    @property
    def is_stdio(self) -> bool:
        """Whether the lab starts the server itself and talks to its standard input and output."""
        return self.transport.startswith("stdio")


_EVERYTHING = npm("@modelcontextprotocol/server-everything@2026.8.31")
_CALENDARS = ("check_availability", "find_free_slots", "get_availability", "list_events")
_TIME = pypi("mcp-server-time==2026.10.19")
_SECRET = {"FOREIGN_API_KEY": "{secret}"}
_UNCHECKED = "wrong answers cannot be noticed .*: get-env"
_OF_THAT_TIME = (
    *("pydantic==2.11.5", "pydantic-settings==2.9.1", "starlette==0.46.2"),
    *("uvicorn==0.34.3", "anyio==4.9.0"),
)
"""Releases of May 2025: with later ones SDK 1.9 does not start."""

_APP = ("{python}", "{apps}/app.py", "--port", "{port}")

NODE = (
    Row(
        "server-everything",
        _EVERYTHING,
        ("{bin}/mcp-server-everything", "streamableHttp"),
        transport="HTTP",
        environment={"PORT": "{port}", **_SECRET},
        warning=_UNCHECKED,
    ),
    Row(
        "server-everything over stdio",
        _EVERYTHING,
        ("{bin}/mcp-server-everything",),
        environment=_SECRET,
        warning=_UNCHECKED,
        remark="get-env answers with its environment, secrets included, so its answers are not kept",
    ),
    Row(
        "server-everything over HTTP+SSE",
        _EVERYTHING,
        ("{bin}/mcp-server-everything", "sse"),
        transport="HTTP+SSE",
        path="/sse",
        environment={"PORT": "{port}", **_SECRET},
        warning=_UNCHECKED,
    ),
    Row(
        "server-filesystem",
        npm("@modelcontextprotocol/server-filesystem@2026.8.31"),
        ("{bin}/mcp-server-filesystem", "{work}/files"),
        material="files",
    ),
    Row(
        "server-memory",
        npm("@modelcontextprotocol/server-memory@2026.8.31"),
        ("{bin}/mcp-server-memory",),
        material="graph",
        environment={"MEMORY_FILE_PATH": "{work}/graph.jsonl"},
    ),
    Row(
        "calc-mcp",
        npm("@coo-quack/calc-mcp@2.1.1"),
        ("{bin}/calc-mcp",),
        options=("--allow-writes",),
        warning="wrong answers cannot be noticed .*: random, datetime",
        remark="no tool says that it only reads, so writing is allowed",
    ),
    Row(
        "context7, without a network",
        npm("@upstash/context7-mcp@4.1.1"),
        ("{bin}/context7-mcp",),
        warning="error",
        remark="every answer is the text of a failure, which the report says above its figures",
    ),
)

PYTHON = (
    Row("mcp-server-time", _TIME, ("{bin}/mcp-server-time",)),
    Row(
        "mcp-server-time, one process",
        _TIME,
        ("{bin}/mcp-server-time",),
        transport="stdio, one process",
        remark="--shared: all sessions reach the same process",
    ),
    Row(
        "mcp-server-git",
        pypi("mcp-server-git==2026.10.19"),
        ("{bin}/mcp-server-git", "--repository", "{work}/repository"),
        material="repository",
    ),
    Row(
        "mcp-server-sqlite",
        pypi("mcp-server-sqlite==2025.4.25", "mcp==1.26.0"),
        ("{bin}/mcp-server-sqlite", "--db-path", "{work}/people.db"),
        material="database",
        options=("--tool", "list_tables", "--tool", "describe_table", "--tool", "read_query"),
        remark="no tool says that it only reads, so three are named",
    ),
    Row(
        "mcp-server-motherduck",
        pypi("mcp-server-motherduck==1.1.0"),
        (
            "{bin}/mcp-server-motherduck",
            "--transport",
            "http",
            "--port",
            "{port}",
            "--db-path",
            "{work}/people.duckdb",
        ),
        transport="HTTP",
        revision="2025-11-25 and 2026-07-28",
        before=("{python}", "{apps}/duckdb_file.py", "{work}/people.duckdb"),
        remark="DuckDB",
    ),
    Row(
        "mcp-server-fetch",
        pypi("mcp-server-fetch==2026.10.24"),
        ("{bin}/mcp-server-fetch", "--allow-private-ips", "--proxy-url", "{web}"),
        web="pages.json",
        remark="fetches pages of a local web server",
    ),
)

COMPILED = (
    Row(
        "mcp-grafana",
        pypi("mcp-grafana==2.1.1"),
        (
            "{bin}/mcp-grafana",
            *("--disable-write", "--enabled-tools", "search,datasource,dashboard,folder,user"),
        ),
        environment={"GRAFANA_URL": "{web}", "GRAFANA_SERVICE_ACCOUNT_TOKEN": "{secret}"},
        web="grafana.json",
        remark="Go; Grafana's API is a stand-in of ours",
    ),
    Row(
        "mcp-time",
        npm("mcp-time-linux-x64@0.4.0"),
        (
            "{modules}/mcp-time-linux-x64/bin/mcp-time",
            "--transport",
            "stream",
            "--address",
            "http://127.0.0.1:{port}/mcp",
        ),
        transport="HTTP",
        revision="2025-03-26",
        warning="wrong answers cannot be noticed .*current_time",
        remark="Go; its answers are times of the day of the call",
    ),
    Row(
        "cortex-mcp",
        npm("@temporal-cortex/cortex-mcp-linux-x64@0.9.1"),
        ("{modules}/@temporal-cortex/cortex-mcp-linux-x64/bin/cortex-mcp",),
        revision="2025-06-18",
        environment={"TEMPORAL_CORTEX_TELEMETRY": "off", "TIMEZONE": "Europe/Stockholm", "HOME": "{work}"},
        no_call={
            **dict.fromkeys(_CALENDARS, "no calendar is connected"),
            **dict.fromkeys(("query_public_availability", "resolve_identity"), "the vendor's platform"),
            "search_contacts": "no contacts are connected",
        },
        remark="Rust; the other tools need a calendar or an account",
    ),
)

OWN = (
    Row(
        "FastMCP 2.3",
        pypi("fastmcp==2.3.5", "mcp==1.12.4", *_OF_THAT_TIME),
        _APP,
        transport="HTTP",
        revision="2025-06-18",
        remark="/mcp redirects to /mcp/ (307)",
    ),
    Row(
        "MCP SDK 1.9",
        pypi("mcp==1.9.4", *_OF_THAT_TIME),
        (*_APP, "--stateless"),
        transport="HTTP",
        revision="2025-03-26",
        remark="/mcp redirects to /mcp/ (307); without sessions, since deleting a new one ends it",
    ),
    Row(
        "MCP SDK 1.9 over HTTP+SSE",
        pypi("mcp==1.9.4", *_OF_THAT_TIME),
        (*_APP, "--transport", "sse"),
        transport="HTTP+SSE",
        path="/sse",
        revision="2025-03-26",
    ),
    Row(
        "FastMCP 2.14 with OAuth",
        pypi("fastmcp==2.14.5"),
        (*_APP, "--oauth"),
        transport="HTTP",
        environment={"FOREIGN_CLIENT_SECRET": "{secret}"},
        options=("--oauth-client-id", "lab", "--oauth-secret-env", "FOREIGN_CLIENT_SECRET"),
        remark="client credentials; a token lasts 8 s and is renewed during the load",
    ),
    Row(
        "MCP SDK 1.26 with an API key",
        pypi("mcp==1.26.0"),
        (*_APP, "--api-key-env", "FOREIGN_API_KEY"),
        transport="HTTP",
        environment={"FOREIGN_API_KEY": "{secret}"},
        options=("--header", "X-API-Key: $FOREIGN_API_KEY"),
    ),
    Row(
        "FastMCP 4 behind TLS",
        pypi("fastmcp==4.1.2"),
        (*_APP, "--certificate", "{work}/server.pem", "--key", "{work}/server.key"),
        transport="HTTPS",
        revision="2025-11-25 and 2026-07-28",
        options=("--ca-file", "{work}/authority.pem"),
        remark="its certificate is signed by an authority of our own",
    ),
)

ROWS: Sequence[Row] = (*NODE, *PYTHON, *COMPILED, *OWN)
