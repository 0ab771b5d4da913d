"""Tokens from an authorization server: found, obtained, renewed, and refused."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest

from perf_core.errors import RequestRefused, TargetError
from perf_core.server.client.handshake import shake_hands
from perf_core.server.credentials import oauth
from perf_core.server.credentials.access import Access, FixedIdentity
from perf_core.server.credentials.oauth import OAuthClient, OAuthIdentity


class Clock:
    """A clock that tests move; it replaces `time.time` of the client and of the server."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(oauth.time, "time", clock)
    return clock


@pytest.fixture
def server(guarded: Callable[..., Any]) -> Any:
    server = guarded()
    server.tokens = set()
    return server


def identity_of(server: Any, **fields: str) -> OAuthIdentity:
    client_id, secret = server.client
    client = OAuthClient(**{"client_id": client_id, "client_secret": secret, **fields})
    return OAuthIdentity(client).at(server.url)


def test_token_is_obtained_through_the_server(server: Any) -> None:
    identity = identity_of(server)
    assert identity.renew_at_s is None
    assert identity.headers() == {"Authorization": "Bearer issued-token-1"}
    (form,) = server.grants
    assert form["grant_type"] == "client_credentials"
    assert form["resource"] == server.url
    assert form["scope"] == "tools:call", "the challenge says what is needed here"
    encoded = ":".join(quote_plus(part) for part in server.client)
    assert base64.b64decode(form["authorization"].removeprefix("Basic ")).decode() == encoded
    assert shake_hands(server.url, "session", access=Access((identity,))).server_name == "guarded"
    assert len(server.grants) == 1, "one token serves all requests"


def test_metadata_is_found_at_the_well_known_address(server: Any) -> None:
    server.announces = False
    assert identity_of(server).headers()["Authorization"] == "Bearer issued-token-1"
    assert server.grants[0]["scope"] == "tools:read tools:call"


def test_given_token_endpoint_needs_no_discovery(server: Any) -> None:
    server.auth_methods = ["client_secret_post"]
    given = {"token_url": f"{server.origin}/token", "scope": "x", "resource": "https://api"}
    assert identity_of(server, **given).headers()["Authorization"] == "Bearer issued-token-1"
    basic, post = server.grants
    assert basic["authorization"].startswith("Basic "), "both ways are tried"
    assert (post["client_id"], post["client_secret"]) == server.client
    assert (post["scope"], post["resource"]) == ("x", "https://api")
    assert server.seen == []


def test_token_is_renewed_before_its_end(server: Any, clock: Clock) -> None:
    server.lifetime_s = 100.0
    identity = identity_of(server)
    identity.headers()
    assert identity.renew_at_s == clock.now_s + 75, "a quarter of a short life before its end"
    clock.now_s += 74
    assert identity.headers()["Authorization"] == "Bearer issued-token-1"
    clock.now_s += 1
    assert identity.headers()["Authorization"] == "Bearer issued-token-2"
    server.lifetime_s = 3600.0
    clock.now_s += 75
    identity.headers()
    assert identity.renew_at_s == clock.now_s + 3570
    assert {"issued-token-1", "issued-token-2", "issued-token-3"} <= set(identity.secrets())


def test_token_without_an_end_is_renewed_when_it_is_refused(server: Any, clock: Clock) -> None:
    server.lifetime_s = None
    identity = identity_of(server)
    identity.headers()
    assert identity.renew_at_s is None
    identity.refused()
    assert identity.headers()["Authorization"] == "Bearer issued-token-1", "another would be refused, too"
    clock.now_s += 6
    identity.refused()
    assert identity.headers()["Authorization"] == "Bearer issued-token-2"


def test_valid_token_serves_while_the_endpoint_is_down(server: Any, clock: Clock) -> None:
    server.lifetime_s = 100.0
    identity = identity_of(server)
    identity.headers()
    server.is_down = True
    clock.now_s += 80
    assert identity.headers()["Authorization"] == "Bearer issued-token-1"
    assert identity.headers()["Authorization"] == "Bearer issued-token-1"
    assert len(server.grants) == 2, "it is not asked again at once"
    clock.now_s += 21
    with pytest.raises(TargetError, match="got status 503 and temporarily_unavailable"):
        identity.headers()
    server.is_down = False
    clock.now_s += 6
    assert identity.headers()["Authorization"] == "Bearer issued-token-2"


def test_endpoint_that_does_not_answer_is_not_asked_for_ever(server: Any, clock: Clock) -> None:
    nobody = {"token_url": "http://127.0.0.1:9/token"}
    identity = identity_of(server, **nobody)
    for _ in range(2):
        with pytest.raises(
            TargetError, match=r"expected a token from http://127.0.0.1:9/token, got no answer"
        ):
            identity.headers()
    assert "Start the authorization server" in identity._failure.hint  # type: ignore[union-attr] # it is set


def test_wrong_secret_is_told_and_not_shown(server: Any) -> None:
    wrong = {"client_secret": "very-secret"}
    identity = identity_of(server, **wrong)
    with pytest.raises(TargetError, match="got status 401 and invalid_client: unknown client") as caught:
        identity.headers()
    assert "the variable that has its secret" in caught.value.hint
    assert "very-secret" not in str(caught.value)
    assert "very-secret" not in repr(identity._client)


def test_other_refusals_have_their_advice(server: Any) -> None:
    with pytest.raises(TargetError, match="got status 400 and invalid_scope") as caught:
        identity_of(server, scope="forbidden").headers()
    assert caught.value.hint == "Correct scope, or leave it out."
    server.auth_methods = ["private_key_jwt"]
    with pytest.raises(TargetError, match="got private_key_jwt") as caught:
        identity_of(server).headers()
    assert "Register a client that has a secret" in caught.value.hint


def test_server_that_announces_nothing_is_told(guarded: Callable[..., Any]) -> None:
    server = guarded()
    identity = OAuthIdentity(OAuthClient("a", "b")).at(f"{server.origin}/other")
    server.announces, server.tokens = False, set()
    server.metadata_is_missing = True
    with pytest.raises(TargetError, match="expected a token_endpoint of the authorization server") as caught:
        identity.headers()
    assert "--oauth-token-url" in caught.value.hint
    with pytest.raises(TargetError, match="expected the URL of an MCP server"):
        OAuthIdentity(OAuthClient("a", "b")).headers()


def test_secret_is_not_sent_without_tls_to_another_machine(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perf_core.server.credentials.oauth_discovery._is_safe", lambda _url: False)
    with pytest.raises(TargetError, match="expected a token endpoint with https"):
        identity_of(server).headers()
    assert server.grants == []


def test_the_same_user_at_another_path_and_another_server(server: Any) -> None:
    identity = identity_of(server)
    assert identity.at(f"{server.url}/") is identity
    assert identity.at("http://other/mcp") is not identity
    access = Access((identity,))
    assert access.at(server.url) is access


def test_further_headers_are_kept(server: Any) -> None:
    client = OAuthClient(*server.client)
    identity = OAuthIdentity(client, FixedIdentity({"X-Team": "blue"}, ("hidden",))).at(server.url)
    assert identity.headers() == {"X-Team": "blue", "Authorization": "Bearer issued-token-1"}
    assert "hidden" in identity.secrets()


def test_threads_share_one_token(server: Any) -> None:
    identity = identity_of(server)
    threads = [threading.Thread(target=identity.headers) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.grants) == 1


def test_token_that_the_server_no_longer_accepts_is_replaced_after_the_refusal(
    server: Any, clock: Clock
) -> None:
    identity = identity_of(server)
    identity.headers()
    server.tokens.clear()
    clock.now_s += 6
    with pytest.raises(RequestRefused) as caught:
        shake_hands(server.url, "session", access=Access((identity,)))
    assert 'it has "expired"' in caught.value.hint
    assert "issued-token-1" not in str(caught.value)
    assert shake_hands(server.url, "session", access=Access((identity,))).server_name == "guarded"
