"""The name of the server that a command starts, for folders and reports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath

_RUNNERS = frozenset(
    {
        *(
            "npx",
            "bunx",
            "uvx",
            "pipx",
            "pnpm",
            "yarn",
            "bun",
            "deno",
            "uv",
            "poetry",
            "node",
            "python",
            "ruby",
        ),
        *("java", "tsx", "ts-node", "env", "nohup", "sudo"),
    }
)
"""Programs that start the server named by one of their arguments."""

_SUBCOMMANDS = frozenset({"run", "exec", "dlx", "tool", "x"})

_WITH_VALUE = frozenset(
    {
        *("-p", "--package", "--with", "--from", "--python", "--directory", "--project", "--index-url"),
        *("-r", "--require", "-C", "--cwd", "-c"),
        # of docker run
        *("-e", "--env", "--env-file", "-v", "--volume", "--mount", "--name", "--network", "--net"),
        *("--entrypoint", "-w", "--workdir", "-u", "--user", "-l", "--label", "--platform", "-m", "--memory"),
        *("--cpus", "--pull", "--add-host", "--publish", "--secret", "--gpus"),
    }
)
"""Options whose value is the next argument."""

_NAMING = frozenset({"-m", "-jar", "--module"})
"""Options whose value is the server itself."""

_CODE = frozenset({"-c", "-e", "--eval"})
"""Options of interpreters whose value is the program itself, as code; arguments of that code follow."""

_INTERPRETERS = frozenset({"python", "node", "bun", "ruby", "tsx", "ts-node"})

_CONTAINERS = frozenset({"docker", "podman", "nerdctl"})
_SUFFIX = re.compile(r"\.(py|js|mjs|cjs|ts|jar|exe|cmd|bat|sh|rb)$", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"\w+=")


def program_name(command: Sequence[str]) -> str:
    """Return a short name for the server that a command starts.

    Example::

        program_name(["npx", "-y", "@modelcontextprotocol/server-everything@2"])   # "server-everything"
        program_name(["docker", "run", "-i", "--rm", "ghcr.io/x/mcp-time:1"])      # "mcp-time"
        program_name(["./bin/weather-server", "--verbose"])                        # "weather-server"
    """
    program = _base_name(command[0]) if command else ""
    if _unversioned(program) in _RUNNERS | _CONTAINERS:
        word = next(_servers(_unversioned(program), command[1:]), "")
        if word:
            return _base_name(_package(word)) or program
    return program or "server"


def _servers(runner: str, arguments: Sequence[str]) -> Iterator[str]:
    """Yield the arguments that may name a server: neither options nor their values."""
    words = iter(arguments)
    for word in words:
        if word in _CODE and runner in _INTERPRETERS:
            return
        if word in _NAMING and runner not in _CONTAINERS:
            yield next(words, "")
        elif word in _WITH_VALUE:
            next(words, None)
        elif word.startswith("-") or word in _SUBCOMMANDS or _ASSIGNMENT.match(word):
            continue
        elif _unversioned(_base_name(word)) in _RUNNERS:
            runner = _unversioned(_base_name(word))
        else:
            yield word


def _unversioned(program: str) -> str:
    """Return the name of a program without a version, such as python for python3.12."""
    return "python" if re.fullmatch(r"python[\d.]*w?", program) else program


def _package(word: str) -> str:
    """Return a package, an image or a module without version, tag and digest."""
    word = word.partition("@sha256:")[0]
    scope, at, name = word.rpartition("@")
    # "@scope/name" begins with an @ that is no version.
    word = scope if at and scope else (at + name if at else word)
    last = word.rpartition("/")[2]
    return (last or word).partition("==")[0].partition("[")[0].partition(":")[0]


def _base_name(word: str) -> str:
    name = PurePath(word.replace("\\", "/")).name
    return _SUFFIX.sub("", name)
