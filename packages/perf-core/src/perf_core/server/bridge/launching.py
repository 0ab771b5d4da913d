"""The command line with which the lab starts a bridge for a server."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from perf_core.adapter import Launch
from perf_core.errors import TargetError
from perf_core.server.bridge import child_environment
from perf_core.server.bridge.replies import DECLINE, Answers, answers_to_json

SSE_URL_VARIABLE = "PERF_CORE_BRIDGE_SSE_URL"
"""Environment variable with the URL of a server on HTTP+SSE: a URL may hold a password, which a command line
would show to everybody on the machine."""

HTTP_URL_VARIABLE = "PERF_CORE_BRIDGE_HTTP_URL"
"""The same for a server on streamable HTTP."""

ANSWERS_VARIABLE = "PERF_CORE_BRIDGE_ANSWERS"
"""Environment variable with the answers to requests of the server, which may be personal."""

# -P: modules of the folder that the server is started in must not take the place of the bridge's own.
_BRIDGE = (
    sys.executable,
    "-P",
    "-m",
    "perf_core.server.bridge",
    "--ready-file",
    "{ready_file}",
    "--with-stdin",
)


def bridged(launch: Launch, answers: Answers = DECLINE) -> Launch:
    """Return the launch of a bridge to a server on stdio; any other launch unchanged, except for the answers.

    The variables of a server on stdio are for its processes alone: they must not change how the bridge runs.

    Args:
        answers: Answers of the bridge to requests of the server.

    Raises:
        TargetError: The command does not exist.
    """
    own = {ANSWERS_VARIABLE: answers_to_json(answers)} if answers.capabilities else {}
    if launch.transport == "http":
        return replace(launch, env={**launch.env, **own}) if own and is_bridge(launch) else launch
    _expect_command(launch)
    shared = ("--shared",) if launch.transport == "stdio-shared" else ()
    stop = ("--stop-timeout", f"{launch.stop_timeout_s:g}")
    variables = {child_environment.VARIABLE: child_environment.variables_to_json(launch.env)}
    argv = (*_BRIDGE, *shared, *stop, "--", *launch.argv)
    return replace(launch, argv=argv, url=None, env={**variables, **own})


def sse_launch(
    url: str, *, ca_file: Path | None = None, insecure: bool = False, ready_timeout_s: float = 20.0
) -> Launch:
    """Return the launch of a bridge to a server on the HTTP+SSE transport of revision 2024-11-05.

    Clients of the bridge send their own headers, which it passes on.
    """
    return _url_launch(SSE_URL_VARIABLE, url, ca_file, insecure=insecure, ready_timeout_s=ready_timeout_s)


def http_launch(
    url: str, *, ca_file: Path | None = None, insecure: bool = False, ready_timeout_s: float = 20.0
) -> Launch:
    """Return the launch of a bridge to a server on streamable HTTP, which replies to what the server asks."""
    return _url_launch(HTTP_URL_VARIABLE, url, ca_file, insecure=insecure, ready_timeout_s=ready_timeout_s)


def _url_launch(
    variable: str, url: str, ca_file: Path | None, *, insecure: bool, ready_timeout_s: float
) -> Launch:
    certificates = ("--ca-file", str(ca_file)) if ca_file is not None else ()
    return Launch(
        (*_BRIDGE, *certificates, *(("--insecure",) if insecure else ())),
        env={variable: url},
        ready_timeout_s=ready_timeout_s,
    )


def is_bridge(launch: Launch) -> bool:
    """Return whether a launch is that of a bridge, whose own use is not the server's."""
    return launch.argv[: len(_BRIDGE)] == _BRIDGE


def _expect_command(launch: Launch) -> None:
    if not launch.argv:
        raise TargetError("expected a command, got none", "Give the command after --.")
    program = launch.argv[0]
    if os.path.dirname(program):  # noqa: PTH120 - Path would drop the dot of ./program
        # The system looks for it from the folder that the server is started in.
        path = str((launch.cwd or Path.cwd()) / program)
        if shutil.which(path) is not None:
            return
    elif shutil.which(program, path=launch.env.get("PATH", os.environ.get("PATH"))) is not None:
        return
    raise TargetError(
        f"cannot start {program}: expected a program that can be executed, got none of this name",
        "Check its name and PATH, and install it: npx comes with Node.js, uvx with uv, docker with Docker.",
    )
