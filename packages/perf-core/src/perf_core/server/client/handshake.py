"""A real MCP handshake on either wire, which identifies the server at a URL and its tools.

What a first handshake fails with says what to do: wait for a server that is starting, ask on the other wire,
use the bridge for the transport of revision 2024-11-05, or give up at once, with advice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from perf_core.adapter import WIRES, Wire
from perf_core.errors import LegacyTransport, NoAnswer, RequestRefused, TargetError, WireNotOffered
from perf_core.server.client.connection import connect
from perf_core.server.client.legacy import has_legacy_stream
from perf_core.server.credentials.access import OPEN, SESSION_REVISION, STATELESS_REVISION, Access
from perf_core.server.credentials.masking import cut, masked_errors, masked_url


@dataclass(frozen=True)
class Handshake:
    """Identity and sorted tools that a server reported.

    Attributes:
        url: MCP endpoint; another than the one that was asked if the server redirects.
        duration_s: Time until the server was known, without ``tools/list``.
        revision: Protocol revision that was agreed on.
        listed: What it lists of its tools, unchanged and in its order.
        instructions: What it tells clients of itself, which they hand to a model.
    """

    url: str
    wire: Wire
    server_name: str
    server_version: str
    tools: tuple[str, ...]
    duration_s: float
    revision: str = ""
    listed: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    instructions: str = field(default="", repr=False)


def shake_hands(url: str, wire: Wire, timeout_s: float = 10.0, *, access: Access = OPEN) -> Handshake:
    """Perform a handshake with the server at ``url`` and list its tools.

    Raises:
        TargetError: Nothing answers there, or the answer does not conform to MCP.
    """
    began = time.perf_counter()
    with connect(url, wire, timeout_s, access=access) as client:
        duration_s = time.perf_counter() - began
        name, version = (str(client.server_info.get(key, "")) for key in ("name", "version"))
        listed = client.tool_list()
        return Handshake(
            url=client.url,
            wire=wire,
            server_name=name,
            server_version=version,
            tools=tuple(sorted(str(tool.get("name")) for tool in listed)),
            duration_s=duration_s,
            revision=client.revision,
            listed=listed,
            instructions=client.instructions,
        )


_REVISIONS = {"session": SESSION_REVISION, "stateless": STATELESS_REVISION}

_PROBE_S = 5.0
_SHORTEST_PROBE_S = 1.0

_REFUSED_USER = frozenset({401, 403})
_NO_POST = frozenset({400, 404, 405})
"""Statuses after which clients look for the older transport (MCP specification, backwards compatibility)."""


def first_handshake(url: str, wire: Wire, timeout_s: float = 10.0, *, access: Access = OPEN) -> Handshake:
    """Perform the first handshake with a server, and find out why it fails.

    Raises:
        WireNotOffered: It answers on the other wire only.
        LegacyTransport: It speaks the older transport HTTP+SSE.
        TargetError: Anything else; ``is_temporary`` says whether a server that starts may answer like that.
    """
    deadline = time.monotonic() + timeout_s
    # Some servers never answer server/discover, which they do not know.
    patience_s = timeout_s / 4 if wire == "stateless" else timeout_s
    try:
        return shake_hands(url, wire, patience_s, access=access)
    except TargetError as error:
        is_silent = isinstance(error, NoAnswer) and error.timed_out
        status = error.status if isinstance(error, RequestRefused) else None
        if status in _REFUSED_USER or (error.is_temporary and not is_silent):
            raise
        left_s = deadline - time.monotonic()
        if left_s > 0:
            expect_wire(url, wire, left_s, access=access)
        left_s = min(deadline - time.monotonic(), _PROBE_S)
        if left_s > 0 and status in _NO_POST and has_legacy_stream(url, left_s, access=access):
            shown = masked_url(url)
            raise LegacyTransport(
                f"expected a server with the transport streamable HTTP at {shown}, got one with the older "
                "HTTP+SSE (MCP 2024-11-05)",
                f"Start it yourself and give its URL, {shown}: the lab reaches it through its bridge.",
            ) from error
        raise


def expect_wire(url: str, wire: Wire, timeout_s: float = _PROBE_S, *, access: Access = OPEN) -> None:
    """Raise WireNotOffered if the server at ``url`` answers on the other wire only.

    Each attempt ends after ``timeout_s``. To be called after a handshake on ``wire`` has failed. When the
    other wire answers, ``wire`` is tried again, since the server may have become ready in between; if it
    keeps silent then, it does not offer the wire either.
    """
    other = next(each for each in WIRES if each != wire)
    try:
        answered = shake_hands(url, other, timeout_s, access=access)
    except TargetError:
        return
    retry_s = min(timeout_s, max(_SHORTEST_PROBE_S, 3 * answered.duration_s))
    try:
        shake_hands(url, wire, retry_s, access=access)
    except (RequestRefused, NoAnswer) as error:
        # A server that fails on this wire offers it.
        is_unknown = error.timed_out if isinstance(error, NoAnswer) else error.is_unknown_request
        if not is_unknown:
            return
        with masked_errors(access.secrets):
            raise WireNotOffered(
                f"expected a server that offers the {wire} wire (MCP {_REVISIONS[wire]}) at "
                f"{masked_url(url)}, got one that answers on the {other} wire only",
                f"Measure it with --wire {other}. On the {wire} wire: {error.message}",
            ) from error
    except TargetError:
        return


def agreed_access(access: Access, handshake: Handshake) -> Access:
    """Return the access with the revision that a handshake agreed on, for all later clients to offer."""
    is_session = handshake.wire == "session" and handshake.revision
    return replace(access, revision=handshake.revision) if is_session else access


_SHOWN_CHARACTERS = 200

_BUSY_STATUSES = frozenset({429, 503})
"""Statuses of a server that answers, but asks to wait."""


def difference(before: Handshake, access: Access, *, timeout_s: float = 10.0) -> str:
    """Return how a server differs from the one of a handshake before, or an empty text.

    Raises:
        TargetError: It no longer answers a handshake.
    """
    try:
        after = shake_hands(before.url, before.wire, timeout_s, access=access)
    except RequestRefused as error:
        if error.status in _BUSY_STATUSES:
            return ""
        raise TargetError(f"the server did not answer a handshake after the load: {error.message}") from error
    except TargetError as error:
        raise TargetError(f"the server did not answer a handshake after the load: {error.message}") from error
    for what, then, now in (
        ("name", before.server_name, after.server_name),
        ("version", before.server_version, after.server_version),
    ):
        if then != now:
            return f"the server's {what} changed during the run: {then} became {now}"
    changes = (
        ("new", Counter(after.tools) - Counter(before.tools)),
        ("gone", Counter(before.tools) - Counter(after.tools)),
    )
    differences = [f"{what}: {cut(', '.join(tools), _SHOWN_CHARACTERS)}" for what, tools in changes if tools]
    return f"the server's tools changed during the run: {'; '.join(differences)}" if differences else ""
