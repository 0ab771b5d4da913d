"""The servers of the league: how each is given to `perf-core compare`, what it needs, and how it differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TARGETS = Path(__file__).parent / "targets"

Wire = Literal["session", "stateless"]


@dataclass(frozen=True)
class Installation:
    """Packages of one registry, installed below ``.league``.

    Attributes:
        folder: Name of the folder.
        registry: ``pypi`` for a virtual environment, ``npm`` for a prefix.
        requirements: Names with pinned versions.
    """

    folder: str
    registry: Literal["pypi", "npm"]
    requirements: tuple[str, ...]


@dataclass(frozen=True)
class Entrant:
    """A server of the league.

    Attributes:
        name: Name in ``comparison.json``: that of the adapter or of the target file.
        words: Name in the tables.
        target: What ``perf-core compare`` gets: the name of an installed adapter, or a target file.
        differs: How its calls or answers differ from those of the baseline; empty if they do not.
        installation: What has to be installed besides the environment of the session.
        program: Program of the system that it needs, with the package that brings it.
        made_with: Runtime and libraries whose versions the page states (versions.py).
    """

    name: str
    words: str
    target: str
    differs: str = ""
    installation: Installation | None = None
    program: tuple[str, str] | None = None
    made_with: tuple[str, ...] = ()


def _file(name: str) -> str:
    return str(TARGETS / f"{name}.toml")


_SERVER_CORE = ("Python", "fastmcp", "uvicorn")
_FASTMCP = ("Python", "fastmcp", "mcp", "uvicorn")
_TYPESCRIPT = ("@modelcontextprotocol/server", "@modelcontextprotocol/node")
_STREAMS = "answers on the session wire are event streams, the SDK's default"


@dataclass(frozen=True)
class Division:
    """Servers that are compared with each other.

    Attributes:
        name: Name for the command line.
        title: Heading of its table.
        calls: What all servers are asked, in words.
        entrants: The servers, the baseline first.
    """

    name: str
    title: str
    calls: str
    wire: Wire
    entrants: Sequence[Entrant]


CALCULATORS: Sequence[Entrant] = (
    Entrant("calculator", "calculator-server", "calculator", made_with=_SERVER_CORE),
    Entrant(
        "reference-asgi",
        "bare ASGI app without an SDK",
        "reference-asgi",
        differs="checks no headers, sessions or arguments: what HTTP and JSON cost in Python",
        made_with=("Python", "uvicorn", "uvloop", "httptools"),
    ),
    Entrant("reference-fastmcp", "plain FastMCP", "reference-fastmcp", differs=_STREAMS, made_with=_FASTMCP),
    Entrant(
        "python-sdk-low-level",
        "low-level Python SDK",
        _file("python-sdk-low-level"),
        differs=f"{_STREAMS}; arguments are not checked against schemas",
        made_with=("Python", "mcp", "uvicorn"),
    ),
    Entrant(
        "reference-typescript",
        "TypeScript SDK on Node.js",
        "reference-typescript",
        differs="whole numbers are written 3, not 3.0",
        made_with=("Node.js", *_TYPESCRIPT),
    ),
    Entrant(
        "typescript-sdk-bun",
        "TypeScript SDK on Bun",
        _file("typescript-sdk-bun"),
        differs="whole numbers are written 3, not 3.0",
        installation=Installation("bun", "npm", ("@oven/bun-linux-x64@1.4.4",)),
        made_with=_TYPESCRIPT,
    ),
    Entrant(
        "calculator-stdio",
        "calculator-server over stdio",
        _file("calculator-stdio"),
        differs="through the lab's bridge, whose CPU time is left out; all sessions share one process",
        made_with=_SERVER_CORE,
    ),
    Entrant(
        "calculator-nginx",
        "calculator-server behind nginx",
        _file("calculator-nginx"),
        differs="CPU and memory are those of both",
        program=("nginx", "nginx-light (Debian)"),
        made_with=_SERVER_CORE,
    ),
    Entrant(
        "calculator-mcp-proxy",
        "calculator-server over stdio behind mcp-proxy",
        _file("calculator-mcp-proxy"),
        differs="all sessions share one process; CPU and memory are those of both",
        installation=Installation("mcp-proxy", "pypi", ("mcp-proxy==0.13.0",)),
        made_with=_SERVER_CORE,
    ),
)
"""Servers that answer the calculator's calls."""

SESSION_ONLY = {"calculator-stdio", "calculator-mcp-proxy"}
"""Calculators that are in the table of the session wire alone."""

COMPARE_TIME: Sequence[Entrant] = (
    Entrant(
        "compare-time-server-core",
        "FastMCP app on server-core",
        _file("compare-time-server-core"),
        made_with=_SERVER_CORE,
    ),
    Entrant(
        "compare-time-fastmcp",
        "the same app on plain FastMCP",
        _file("compare-time-fastmcp"),
        differs=_STREAMS,
        made_with=_FASTMCP,
    ),
    Entrant(
        "compare-time-go",
        "mcp-time (Go)",
        _file("compare-time-go"),
        differs="revision 2025-03-26",
        installation=Installation("mcp-time", "npm", ("mcp-time-linux-x64@0.4.0",)),
    ),
)
"""A server in Go, and the same tool in Python."""

COMPUTE_DURATION: Sequence[Entrant] = (
    Entrant(
        "compute-duration-server-core",
        "FastMCP app on server-core over stdio",
        _file("compute-duration-server-core"),
        made_with=_SERVER_CORE,
    ),
    Entrant(
        "compute-duration-fastmcp",
        "the same app on plain FastMCP over stdio",
        _file("compute-duration-fastmcp"),
        made_with=_FASTMCP,
    ),
    Entrant(
        "compute-duration-rust",
        "cortex-mcp (Rust) over stdio",
        _file("compute-duration-rust"),
        differs="revision 2025-06-18",
        installation=Installation("cortex-mcp", "npm", ("@temporal-cortex/cortex-mcp-linux-x64@0.9.1",)),
    ),
)
"""A server in Rust over stdio, and the same tool in Python."""

_CALCULATIONS = "add, subtract, multiply and divide in the published mix; answers of about 100 bytes"

DIVISIONS: Sequence[Division] = (
    Division("session", "Session wire", _CALCULATIONS, "session", CALCULATORS),
    Division(
        "stateless",
        "Stateless wire",
        _CALCULATIONS,
        "stateless",
        tuple(each for each in CALCULATORS if each.name not in SESSION_ONLY),
    ),
    Division("go", "A server in Go", "compare_time; answers of one word", "session", COMPARE_TIME),
    Division(
        "rust",
        "A server in Rust, over stdio",
        "compute_duration; answers of about 150 bytes; all sessions share one process",
        "session",
        COMPUTE_DURATION,
    ),
)
