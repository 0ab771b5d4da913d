"""Headers of users in the real k6: in rotation, renewed before their end and after a refusal, with TLS."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from perf_core.load.k6_access import LoadedServer, k6_access
from perf_core.server.credentials.access import Access, FixedIdentity, bearer
from perf_core.server.credentials.oauth import OAuthClient, OAuthIdentity

if TYPE_CHECKING:
    from conftest import Certificates

pytestmark = pytest.mark.k6


def measured(
    k6: Any, server: Any, access: Access, wire: str = "session", seconds: float = 1.0, **plan: Any
) -> Any:
    """Run k6 as the lab does, with two VUs, and return the run."""
    with k6_access(LoadedServer(server.url, access, "2025-06-18")) as variables:
        settings = {"time_scale": seconds / 30, "vus": 2}
        path = k6.plan(wire=wire, identities=len(access.users), settings=settings, **plan)
        run = k6.run("quick", PLAN=path, **variables.env)
    assert variables.problems == ()
    return run


@pytest.mark.parametrize("wire", ["session", "stateless"])
def test_users_have_their_own_headers_in_rotation(k6: Any, guarded: Callable[..., Any], wire: str) -> None:
    server = guarded()
    server.tokens = {"lab", "a", "b"}
    run = measured(k6, server, bearer(["lab", "a", "b"]), wire)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_errors") == 0
    assert set(server.identities) == {"Bearer a", "Bearer b"}, "the first is the lab's own"
    if wire == "session":
        opened = k6.events().open_sessions
        assert {session.identity for session in opened} == {0, 1}
        assert {session.version for session in opened} == {"2025-06-18"}
    versions = {headers.get("Mcp-Protocol-Version") for _, _, headers in server.seen} - {None}
    assert versions == {"2025-06-18" if wire == "session" else "2026-07-28"}


@pytest.mark.parametrize("wire", ["session", pytest.param("stateless", marks=pytest.mark.long)])
def test_token_is_renewed_before_its_end_without_an_error(
    k6: Any, guarded: Callable[..., Any], wire: str
) -> None:
    server = guarded()
    server.tokens, server.lifetime_s = set(), 2.0
    access = Access((OAuthIdentity(OAuthClient(*server.client)).at(server.url),))
    run = measured(k6, server, access, wire, seconds=5)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_errors") == 0, k6.events().failures
    assert 3 <= len(server.grants) <= 6
    assert len(server.identities) >= 3, "calls were made with several tokens"
    calls = run.count("mcp_tool_call_duration_ms")
    assert run.count("http_reqs") - run.count("mcp_overhead_requests") == calls


@pytest.mark.parametrize("wire", ["session", "stateless"])
def test_refused_token_is_replaced_once(k6: Any, guarded: Callable[..., Any], wire: str) -> None:
    server = guarded()
    server.tokens, server.lifetime_s = set(), None
    identity = OAuthIdentity(OAuthClient(*server.client)).at(server.url)
    identity.headers()
    # An old token, so that it is worth asking for another.
    server.tokens.clear()
    token = identity._token
    assert token is not None
    identity._token = type(token)(token.text, time.time() - 60, None)
    run = measured(k6, server, Access((identity,)), wire)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_tool_call_duration_ms") > 0
    assert set(server.identities) == {"Bearer issued-token-2"}
    assert run.count("mcp_errors") == 2, "one refusal for each VU"


class Overdue(FixedIdentity):
    """A user whose headers are always due, as while the authorization server is down."""

    is_renewable = True
    renew_at_s = 0.0


def test_headers_that_stay_due_are_asked_for_once_a_second(k6: Any, guarded: Callable[..., Any]) -> None:
    server = guarded()
    run = measured(k6, server, Access((Overdue({"X-Key": "k"}),)))
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_tool_call_duration_ms") > 20
    # Two requests to open the session of each VU, and one or two for its headers.
    assert 6 <= run.count("mcp_overhead_requests") <= 10


def test_plan_for_other_users_is_refused(k6: Any, guarded: Callable[..., Any]) -> None:
    server = guarded()
    run = k6.run("quick", PLAN=k6.plan(identities=2), SERVER_URL=server.url)
    assert run.exit_code != 0
    assert "MCP_IDENTITIES: expected 2 users, as in the plan, got 0" in run.stdout + run.stderr
    assert server.seen == []
    users = json.dumps([{"headers": "s3cret"}])
    run = k6.run("quick", PLAN=k6.plan(identities=1), SERVER_URL=server.url, MCP_IDENTITIES=users)
    assert run.exit_code != 0
    assert "s3cret" not in run.stdout + run.stderr


@pytest.mark.parametrize("trust", ["own authority", "anything", "nothing"])
def test_certificates(k6: Any, guarded: Callable[..., Any], certificates: Certificates, trust: str) -> None:
    server = guarded(tls=certificates.tls)
    access = {
        "own authority": Access(ca_file=certificates.ca_file),
        "anything": Access(insecure=True),
        "nothing": Access(),
    }[trust]
    run = measured(k6, server, access)
    assert run.exit_code == 0, run.stderr
    assert (run.count("mcp_errors{class:transport}") > 0) == (trust == "nothing")
    assert (run.count("mcp_tool_call_duration_ms") > 0) == (trust != "nothing")


def test_query_and_ipv6(k6: Any, guarded: Callable[..., Any]) -> None:
    server = guarded(host="::1")
    server.url += "?tenant=a"
    run = measured(k6, server, Access())
    assert run.count("mcp_errors") == 0, run.stderr
    assert run.count("mcp_tool_call_duration_ms") > 0
    assert {path for _, path, _ in server.seen} == {"/mcp?tenant=a"}
