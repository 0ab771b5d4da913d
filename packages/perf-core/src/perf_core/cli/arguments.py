"""The command line before cyclopts reads it: everything after ``--`` is the command that starts a server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perf_core.errors import UsageError
from perf_core.server.credentials.masking import masked_command, masked_word
from perf_core.targets.registry import advice_for
from perf_core.targets.urls import is_url, with_scheme

_RUNNERS = ("npx", "uvx", "bunx", "docker", "podman", "node", "deno", "python", "python3", "uv", "java")
"""Programs that people use to start servers, whether or not they are installed here."""


@dataclass(frozen=True)
class Arguments:
    """Arguments of ``perf-core``.

    Attributes:
        own: What stands before ``--``.
        command: What stands behind it; None without ``--``.
    """

    own: tuple[str, ...]
    command: tuple[str, ...] | None


def split(arguments: Sequence[str]) -> Arguments:
    """Divide arguments at the first ``--``; a second one belongs to the command."""
    if "--" not in arguments:
        return Arguments(tuple(arguments), None)
    at = list(arguments).index("--")
    return Arguments(tuple(arguments[:at]), tuple(arguments[at + 1 :]))


def advice_for_mistake(own: Sequence[str]) -> str:
    """Return advice about a command line that cannot be read, if a server's command stands without ``--``."""
    at = next(_commands(own), None)
    if at is None:
        return "See perf-core --help."
    before = " ".join(map(masked_word, masked_command(["perf-core", *own[:at]])))
    command = " ".join(masked_command(own[at:]))
    return f"The command that starts a server follows --: {before} -- {command}"


def _commands(own: Sequence[str]) -> Iterator[int]:
    """Yield the places of words that are programs rather than scenarios or values of options."""
    for place, word in enumerate(own):
        is_value = place > 0 and own[place - 1].startswith("--")
        if place > 0 and not is_value and (word in _RUNNERS or _is_path_of_program(word)):
            yield place


def _is_path_of_program(word: str) -> bool:
    return "/" in word and not is_url(word) and not word.endswith(".toml") and shutil.which(word) is not None


def scenarios_and_servers(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide the words of ``perf-core run`` into names of scenarios, and URLs and TOML files.

    Raises:
        UsageError: A word is neither.
    """
    scenarios: list[str] = []
    servers: list[str] = []
    for word in words:
        if is_url(word) or word.endswith(".toml"):
            servers.append(word)
        elif with_scheme(word):
            raise UsageError(
                f"expected a URL with its scheme, got {masked_word(word)!r}",
                f"Write {masked_word(with_scheme(word))}.",
            )
        elif word.lower().endswith(".json"):
            raise UsageError(
                f"expected names of scenarios, a URL or a TOML file, got {masked_word(word)!r}",
                advice_for(word),
            )
        elif any(each in word for each in "/\\:@") or word in _RUNNERS:
            raise UsageError(
                f"expected names of scenarios, a URL or a TOML file, got {masked_word(word)!r}",
                "The command that starts a server follows --, such as: perf-core run quick -- ./server. "
                "An installed adapter is named with --target.",
            )
        else:
            scenarios.append(word)
    return scenarios, servers
