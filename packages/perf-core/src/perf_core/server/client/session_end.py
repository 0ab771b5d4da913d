"""The end of a session: what MCP requires of a server after a client has deleted one.

Source: the MCP specification, revision 2025-11-25, transports, "Session Management": a server must answer 404
to requests with the id of a session that has ended, so that clients open a new one.
"""

from __future__ import annotations

import httpx2

from perf_core.server.client.connection import connect
from perf_core.server.credentials.access import OPEN, Access
from perf_core.server.credentials.masking import masked_url


def deleted_session_problem(url: str, *, access: Access = OPEN) -> str:
    """Open a session, delete it, use it once more, and return what is wrong with the answer.

    Return an empty text if nothing is, if the server has no sessions, or if it lets no client delete one.

    Raises:
        TargetError: Nothing answers there, or the answer does not conform to MCP.
    """
    with connect(url, "session", access=access) as client:
        status = client.status_after_close()
    if status is None or status == httpx2.codes.NOT_FOUND:
        return ""
    return f"expected status 404 for a request with a deleted session at {masked_url(url)}, got {status}"
