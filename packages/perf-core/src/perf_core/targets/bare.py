"""Bare targets: a URL or a command alone, of which nothing is known until the server is asked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from perf_core.adapter import Launch, Transport
from perf_core.errors import UsageError
from perf_core.server.credentials.access import OPEN, Access
from perf_core.server.credentials.masking import masked_command, masked_word
from perf_core.server.credentials.url_credentials import take_credentials
from perf_core.server.subject import DerivedAdapter, Subject
from perf_core.targets.program_name import program_name
from perf_core.targets.urls import server_at, with_usual_path

READY_TIMEOUT_S = 45.0
"""Longest time for a command to answer."""

DOWNLOAD_TIMEOUT_S = 90.0
"""The same for programs that may download the server before its first start, as npx and uvx do."""

_DOWNLOADERS = frozenset(
    {"npx", "npm", "pnpm", "yarn", "bunx", "bun", "uvx", "uv", "pipx", "deno", "docker", "podman"}
)

_INSTALLED_WITH = {
    "npx": "Install Node.js, which brings npx (https://nodejs.org).",
    "node": "Install Node.js (https://nodejs.org).",
    "uvx": "Install uv, which brings uvx (https://docs.astral.sh/uv).",
    "uv": "Install uv (https://docs.astral.sh/uv).",
    "bunx": "Install Bun, which brings bunx (https://bun.sh).",
    "docker": "Install Docker, or use podman.",
}


def bare_url(url: str, access: Access = OPEN) -> Subject:
    """Return the server at an endpoint, without calls; user and password of the URL become a header."""
    plain, access = take_credentials(url, access)
    return Subject(DerivedAdapter(server_at(plain), None, Launch(()), {}), plain, access=access)


def bare_command(
    command: Sequence[str],
    *,
    shared: bool = False,
    url: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    access: Access = OPEN,
) -> Subject:
    """Return the server that a command starts, without calls.

    Args:
        shared: Whether all sessions of a server on stdio share one process.
        url: Endpoint of a server that listens itself; ``{port}`` in it is replaced by a free port, and
            without a path ``/mcp`` is added.
        env: Variables of the command, added to those that it inherits.
        cwd: Folder to start in; None is the lab's own.

    Raises:
        UsageError: The program does not exist.
    """
    launch = launch_of(command, shared=shared, url=url, env=env, cwd=cwd)
    return Subject(DerivedAdapter(program_name(command), None, launch, {}), access=access)


def launch_of(
    command: Sequence[str],
    *,
    shared: bool = False,
    url: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Launch:
    """Return the start of a server by a command: over stdio, unless it listens itself.

    It listens itself if it has a ``url``, or ``{ready_file}`` among its arguments.

    Raises:
        UsageError: The program does not exist, ``shared`` is given for a server that listens itself, or
            ``{port}`` stands in the command or in the URL alone.
    """
    program = _existing(command, cwd, (env or {}).get("PATH"))
    # Windows starts no "npx" without its suffix.
    argv = (program if os.name == "nt" else command[0], *command[1:])
    listens = url is not None or any("{ready_file}" in word for word in command)
    if listens and shared:
        raise UsageError(
            "--shared: expected a server on stdio, got one that listens itself",
            "Leave --shared out: all sessions reach the same process anyway.",
        )
    if url is None and any("{port}" in word for word in command):
        raise UsageError(
            "{port} in the command: expected the server's URL, too, got none",
            "Give it before the command, such as http://127.0.0.1:{port}/mcp -- SERVER --port {port}.",
        )
    takes_port = any("{port}" in text for text in (*command, *(env or {}).values()))
    if url is not None and "{port}" in url and not takes_port:
        raise UsageError(
            "{port} in the URL: expected it in the command, too, got none there",
            "The server has to learn which port the lab chose, such as -- SERVER --port {port}.",
        )
    ready_timeout_s = DOWNLOAD_TIMEOUT_S if Path(command[0]).stem in _DOWNLOADERS else READY_TIMEOUT_S
    transport: Transport = "http" if listens else "stdio-shared" if shared else "stdio"
    endpoint = None if url is None else with_usual_path(url)
    return Launch(argv, endpoint, dict(env or {}), cwd, ready_timeout_s=ready_timeout_s, transport=transport)


def is_bare(subject: Subject) -> bool:
    """Return whether nothing is known of what can be called at a server."""
    return not subject.adapter.scenarios


def _existing(command: Sequence[str], cwd: Path | None, path_variable: str | None) -> str:
    """Return the path of the command's program.

    Args:
        cwd: Folder to which a program with a slash is relative; None is the lab's own.
        path_variable: PATH of the server, if it has one of its own.
    """
    if not command:
        raise UsageError(
            "expected a command after --, got none", "For example -- npx -y some-mcp-server, or -- ./server."
        )
    name = command[0]
    has_folder = os.sep in name or "/" in name
    place = str(cwd / name) if cwd is not None and has_folder else name
    path = shutil.which(place, path=path_variable)
    if path is not None:
        return path
    # What stands in one word may be a whole command with its secrets, or a URL.
    shown = masked_word(" ".join(masked_command(name.split(" "))))
    if len(command) == 1 and " " in name.strip() and shutil.which(name.split()[0]):
        raise UsageError(
            f"expected program and arguments as separate words after --, got the one word {shown!r}",
            f"Leave the quotes out: -- {shown}",
        )
    if has_folder:
        problem = "which is no executable file" if os.path.exists(place) else "which does not exist"  # noqa: PTH110 - a word, not a path of ours
        advice = "Give the path of a program; a script needs its interpreter, such as -- python server.py."
    else:
        problem = "which is not on PATH"
        advice = _INSTALLED_WITH.get(name, "Install it, or give its whole path.")
    raise UsageError(f"expected a program after --, got {shown!r}, {problem}", advice)
