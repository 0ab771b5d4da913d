"""The servers that a command is about: found by what was typed, and asked what they can do if need be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from perf_core.adapter import Wire
from perf_core.cli.console import progress
from perf_core.cli.options import AccessOptions, DrawingOptions, variables_of
from perf_core.errors import UsageError
from perf_core.interruption import Interruption
from perf_core.runs.drawn import with_drawn_calls
from perf_core.server.subject import Subject
from perf_core.targets.bare import is_bare
from perf_core.targets.discovery.discover import Discovered
from perf_core.targets.registry import find_subjects
from perf_core.targets.urls import is_url


@dataclass(frozen=True)
class Typed:
    """The servers as the command line names them.

    Attributes:
        words: URLs and TOML files without an option before them.
        targets: Values of ``--target``.
        server_url: Value of ``--server-url``.
        command: Words after ``--``.
        env: Values of ``--env``.
    """

    words: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    server_url: str | None = None
    command: tuple[str, ...] | None = None
    shared: bool = False
    env: tuple[str, ...] = ()


def find(typed: Typed, scenarios: Sequence[str], access: AccessOptions) -> list[Subject]:
    """Return the servers that a command line names, with the given access.

    A URL without ``--target`` is a server of its own; beside one other target it is where that target's
    server answers already.

    Raises:
        UsageError: A name is unknown, or an option does not fit.
    """
    urls = [word for word in typed.words if is_url(word)]
    names = [*typed.targets, *(word for word in typed.words if not is_url(word))]
    server_url = typed.server_url
    if server_url is not None and any(map(is_url, (*typed.words, *typed.targets))):
        raise UsageError(
            "--server-url: expected no other URL beside it, got one",
            "Leave one of them out; the environment variable SERVER_URL counts as --server-url.",
        )
    is_one_target = len(names) == 1 and not is_url(names[0])
    if len(urls) == 1 and is_one_target and server_url is None and typed.command is None:
        server_url = urls[0]
    else:
        names += urls
    expect_words(typed.command)
    env = command_variables(typed.env, typed.command)
    subjects = find_subjects(
        names, scenarios, server_url, command=typed.command or (), shared=typed.shared, env=env
    )
    return with_access(subjects, access)


def expect_words(command: Sequence[str] | None) -> None:
    """Raise UsageError if nothing follows ``--``."""
    if command is not None and not command:
        raise UsageError(
            "expected a command after --, got none",
            "For example: perf-core run quick -- npx -y some-mcp-server.",
        )


def command_variables(words: Sequence[str], command: Sequence[str] | None) -> dict[str, str]:
    """Return the variables of a command; see :func:`.options.variables_of`.

    Raises:
        UsageError: There are some, but no command.
    """
    if words and command is None:
        raise UsageError(
            "--env: expected a command after --, got none",
            "In a target file the variables of its command are in env.",
        )
    return variables_of(words, os.environ)


def with_access(subjects: Sequence[Subject], options: AccessOptions) -> list[Subject]:
    """Return the servers with the access of the command line in place of their own.

    Raises:
        UsageError: There are several servers: each would get the credentials of the others.
    """
    if not options.given:
        return list(subjects)
    if len(subjects) > 1 and options.has_credentials:
        raise UsageError(
            f"expected one server for these credentials, got {', '.join(s.name for s in subjects)}",
            "Each server would get the credentials of the others: measure them one by one.",
        )
    return [replace(subject, access=options.applied_to(subject.access)) for subject in subjects]


def with_calls(
    subjects: Sequence[Subject],
    wire: Wire | None,
    drawing: DrawingOptions,
    *,
    seed: int,
    interruption: Interruption,
) -> list[Subject]:
    """Return the servers; those of which nothing is known are asked what they can do.

    Raises:
        UsageError: There are options for drawing calls, but the calls of every server are known.
        TargetError: A server does not start or answer, or has nothing that can be called.
        Interrupted: The user interrupted.
    """
    expect_drawn(subjects, drawing)
    return [
        draw_calls(subject, wire, drawing, seed=seed, interruption=interruption).subject
        if is_bare(subject)
        else subject
        for subject in subjects
    ]


def expect_drawn(subjects: Sequence[Subject], drawing: DrawingOptions) -> None:
    """Raise UsageError if there are options for drawing calls, but no server whose calls are drawn."""
    given = [
        name for name, value in (("--allow-writes", drawing.allow_writes), ("--tool", drawing.tool)) if value
    ]
    if given and not any(map(is_bare, subjects)):
        raise UsageError(
            f"{' and '.join(given)}: expected a URL or a command alone, got "
            f"{', '.join(s.name for s in subjects)}, whose calls are known",
            "Change the calls in the adapter or the file, or give the server's URL or command alone.",
        )


def draw_calls(
    subject: Subject, wire: Wire | None, drawing: DrawingOptions, *, seed: int, interruption: Interruption
) -> Discovered:
    """Ask a server what it can do, with progress; see :func:`.drawn.with_drawn_calls`."""
    with progress(f"asking {subject.name} what it can do") as on_progress:
        return with_drawn_calls(
            subject, wire, drawing.options(seed), interruption=interruption, on_progress=on_progress
        )
