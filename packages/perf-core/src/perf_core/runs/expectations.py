"""Checks of a running server before a load is applied to it."""

from __future__ import annotations

import time

from perf_core.errors import NotAskable, TargetError
from perf_core.load.plan import Plan
from perf_core.server.credentials.masking import masked_url
from perf_core.server.credentials.refusals import expiry_of
from perf_core.server.live import LiveServer
from perf_core.server.subject import closest_name
from perf_core.shapes.shape import Shape


def expect_tools(plan: Plan, live: LiveServer) -> None:
    """Raise TargetError if the server lacks a tool that the plan calls."""
    missing = sorted(set(plan.called_tools) - set(live.handshake.tools))
    if missing:
        close = "".join(closest_name(tool, live.handshake.tools) for tool in missing[:1])
        raise TargetError(
            f"expected the tools {', '.join(missing)} at {masked_url(live.url)}, "
            f"got {', '.join(live.handshake.tools) or 'no tools'}{close}",
            "Check that this is the right server for the adapter.",
        )


def expect_lasting_tokens(live: LiveServer, load_s: float) -> None:
    """Raise TargetError if a user's token, which nobody renews, expires before the load is over."""
    users = (user for user in live.access.users if not user.is_renewable)
    expiries = [expiry_of(user.headers().get("Authorization", "")) for user in users]
    first = min((expiry for expiry in expiries if expiry is not None), default=None)
    if first is not None and first.timestamp() < time.time() + load_s:
        raise TargetError(
            f"expected tokens that are valid for the load of {load_s:.0f} s, got one that expires at "
            f"{first:%Y-%m-%d %H:%M:%S} UTC",
            "Get a new token, shorten the load with --duration, or let the lab obtain tokens itself with "
            "--oauth-client-id and --oauth-secret-env.",
        )


def expect_process(shape: Shape, live: LiveServer) -> None:
    """Raise NotAskable if the shape kills processes and those of the server are not visible."""
    if shape.kills_processes and live.pid is None:
        raise NotAskable(
            f"{shape.name} kills processes of the server: expected its process on this machine, got a server "
            f"at {masked_url(live.url)} whose process is not visible",
            "Run the lab on the server's machine and as its user, or let the lab start the server.",
        )
