"""``perf-core check``: start a target without load."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter

from perf_core.adapter import Wire
from perf_core.cli.console import out
from perf_core.cli.options import ServerUrl
from perf_core.errors import ExitCode
from perf_core.interruption import watch_signals
from perf_core.load.k6_binary import find_k6, k6_version
from perf_core.server.live import StartOptions, live_server
from perf_core.targets.registry import find_subjects


def check(
    target: Annotated[str, Parameter(help="An installed adapter's name or a TOML file.")],
    /,
    *,
    wire: Annotated[Wire, Parameter(help="Protocol era.")] = "session",
    server_url: ServerUrl = None,
) -> ExitCode:
    """Start a target, perform a handshake and list its tools: everything but the load."""
    (subject,) = find_subjects([target], (), server_url)
    with (
        TemporaryDirectory(prefix="perf-core-") as folder,
        watch_signals() as interruption,
        live_server(subject, wire, StartOptions(Path(folder) / "server.log"), interruption) as live,
    ):
        handshake = live.handshake
        out.print(
            f"{handshake.server_name} {handshake.server_version} answers at {live.url}", highlight=False
        )
        if live.ready_s is not None:
            out.print(f"ready after {live.ready_s:.2f} s", highlight=False)
        out.print(f"tools: {', '.join(handshake.tools) or 'none'}", highlight=False)
    out.print(f"generator: {k6_version(find_k6())}", highlight=False)
    return ExitCode.PASS
