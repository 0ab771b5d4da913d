"""The authorization server of an MCP server: found, named when it fails, and trusted with the secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from perf_core.errors import NoAnswer, RequestRefused, TargetError
from perf_core.server.credentials.oauth_discovery import (
    Endpoint,
    _is_safe,
    _resource_of,
    find_endpoint,
    without_query,
)

URL = "https://mcp.test/mcp"
RESOURCE = "https://mcp.test/.well-known/oauth-protected-resource/mcp"
SERVER = "https://auth.test/.well-known/oauth-authorization-server"
METADATA = {"token_endpoint": "https://auth.test/token"}

Answers = Mapping[str, Any]


def found(answers: Answers) -> Endpoint:
    """Return what is found where a document, a response or an error is at each address."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        given = answers.get(str(request.url))
        if isinstance(given, Exception):
            raise given
        if isinstance(given, httpx2.Response):
            return given
        return httpx2.Response(404) if given is None else httpx2.Response(200, json=given)

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        return find_endpoint(http, URL)


def announced(**changes: Any) -> Answers:
    return {RESOURCE: {"authorization_servers": ["https://auth.test"], **changes}, SERVER: METADATA}


def test_what_the_server_announces_is_found() -> None:
    endpoint = found(announced(scopes_supported=["a", "b"], resource="https://mcp.test/"))
    assert endpoint == Endpoint(
        "https://auth.test/token", ("client_secret_basic",), "a b", "https://mcp.test/"
    )


@pytest.mark.parametrize("issuer", ["https://auth.test", "https://auth.test/"])
def test_authorization_server_states_its_own_name(issuer: str) -> None:
    answers = {**announced(), SERVER: {**METADATA, "issuer": issuer}}
    assert found(answers).token_url == "https://auth.test/token"


@pytest.mark.parametrize("issuer", ["https://evil.test", "https://auth.test/tenant", 7, None])
def test_metadata_of_another_authorization_server_are_refused(issuer: object) -> None:
    answers = {**announced(), SERVER: {**METADATA, "issuer": issuer}}
    with pytest.raises(
        TargetError, match=r"expected the issuer https://auth\.test in its metadata at"
    ) as caught:
        found(answers)
    assert "--oauth-token-url" in caught.value.hint


def test_challenge_behind_a_redirect_counts() -> None:
    elsewhere = "https://mcp.test/resource"
    challenge = {"WWW-Authenticate": f'Bearer scope="s", resource_metadata="{elsewhere}"'}
    endpoint = found(
        {
            URL: httpx2.Response(307, headers={"Location": "/mcp/"}),
            f"{URL}/": httpx2.Response(401, headers=challenge),
            elsewhere: {"authorization_servers": ["https://auth.test"]},
            SERVER: METADATA,
        }
    )
    assert (endpoint.token_url, endpoint.scope) == ("https://auth.test/token", "s")


def test_endless_redirects_announce_nothing() -> None:
    circle = httpx2.Response(307, headers={"Location": URL})
    assert found({URL: circle, **announced()}).token_url == "https://auth.test/token"


def test_server_that_is_not_ready_may_be_asked_again() -> None:
    with pytest.raises(RequestRefused, match="got status 503 and 'starting'") as refused:
        found({URL: httpx2.Response(503, text="starting")})
    assert refused.value.is_temporary
    with pytest.raises(NoAnswer, match=r"expected an MCP server at https://mcp\.test/mcp, got") as no_answer:
        found({URL: httpx2.ConnectError("refused")})
    assert no_answer.value.is_temporary


def test_authorization_server_that_does_not_answer_is_named() -> None:
    with pytest.raises(TargetError) as caught:
        found({**announced(), SERVER: httpx2.ConnectError("refused")})
    error = caught.value
    problem = f"expected metadata of an authorization server at {SERVER}, got no answer: refused"
    assert error.message == problem
    assert "--oauth-token-url" in error.hint
    assert not error.is_temporary, "the MCP server itself did answer"


@pytest.mark.parametrize(
    "answers",
    [
        announced(authorization_servers=["auth.test"]),
        announced(authorization_servers=["http://["]),
        announced(authorization_servers=["https://auth.test:99999"]),
        announced(resource="http://["),
        {**announced(), SERVER: {"token_endpoint": "https://auth.test:99999/token"}},
        {**announced(), SERVER: {"token_endpoint": "/token"}},
    ],
)
def test_what_is_no_address_is_told(answers: Answers) -> None:
    with pytest.raises(TargetError, match="expected addresses of an authorization server from") as caught:
        found(answers)
    assert "correct what the server announces" in caught.value.hint


@pytest.mark.parametrize("token_url", [None, 7])
def test_server_without_a_token_endpoint_is_told(token_url: object) -> None:
    with pytest.raises(
        TargetError, match="expected a token_endpoint of the authorization server https://auth"
    ):
        found({**announced(), SERVER: {"token_endpoint": token_url}})


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://auth.test/token", True),
        ("http://localhost:8/token", True),
        ("http://127.0.0.2/token", True),
        ("http://[::1]:8/token", True),
        ("http://auth.test/token", False),
        ("http://127.0.0.1.auth.test/token", False),
        ("http://127.auth.test/token", False),
    ],
)
def test_secret_is_sent_over_tls_or_within_this_machine(url: str, is_safe: bool) -> None:
    assert _is_safe(url) is is_safe


@pytest.mark.parametrize(
    ("announced", "resource"),
    [
        (URL, URL),
        (f"{URL}/", f"{URL}/"),
        ("https://MCP.test", "https://MCP.test"),
        ("https://mcp.test/mc", ""),
        ("https://mcp.test/mcp/deeper", ""),
        ("https://other.test/mcp", ""),
        ("http://mcp.test/mcp", ""),
        (None, ""),
    ],
)
def test_resource_is_the_server_or_what_it_is_part_of(announced: object, resource: str) -> None:
    assert _resource_of(announced, URL) == resource


def test_name_of_a_resource_has_no_query() -> None:
    assert without_query("https://h:8/mcp?key=k#x") == "https://h:8/mcp"
    assert without_query("") == ""
