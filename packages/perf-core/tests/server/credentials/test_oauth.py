"""Tokens from an authorization server: found, obtained, renewed, and refused."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest

from perf_core.errors import NoAnswer, RequestRefused, TargetError
from perf_core.server.client.handshake import first_handshake, shake_hands
from perf_core.server.credentials import oauth
from perf_core.server.credentials.access import Access, FixedIdentity
from perf_core.server.credentials.oauth import OAuthClient, OAuthIdentity
from perf_core.server.credentials.oauth_discovery import Endpoint


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


def test_attempt_that_takes_long_is_followed_by_a_pause(
    server: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, attempts = identity_of(server), []

    def wait_in_vain() -> None:
        attempts.append(clock.now_s)
        clock.now_s += 10
        raise TargetError("no answer within 10 s")

    monkeypatch.setattr(identity, "_requested", wait_in_vain)
    for _ in range(3):
        with pytest.raises(TargetError, match="no answer within"):
            identity.headers()
    assert len(attempts) == 1, "users that waited meanwhile do not wait again, one after another"
    clock.now_s += 6
    with pytest.raises(TargetError):
        identity.headers()
    assert len(attempts) == 2


def test_server_that_is_starting_is_asked_again_at_once(server: Any) -> None:
    access = Access((identity_of(server),))
    server.statuses["/mcp"] = (503, "text/plain", "starting")
    with pytest.raises(RequestRefused) as refused:
        first_handshake(server.url, "session", access=access)
    server.statuses.clear()
    assert refused.value.is_temporary
    assert first_handshake(server.url, "session", access=access).server_name == "guarded"
    nobody = OAuthIdentity(OAuthClient("a", "b")).at("http://127.0.0.1:9/mcp")
    with pytest.raises(NoAnswer, match=r"expected an MCP server at http://127\.0\.0\.1:9/mcp") as no_answer:
        nobody.headers()
    assert no_answer.value.is_temporary


@pytest.mark.parametrize("is_own", [True, False])
def test_token_endpoint_of_the_server_itself_may_be_starting(is_own: bool) -> None:
    host = "127.0.0.1" if is_own else "localhost"
    client = OAuthClient("a", "b", token_url=f"http://{host}:9/token")
    with pytest.raises(TargetError, match="expected a token from") as caught:
        OAuthIdentity(client).at("http://127.0.0.1:9/mcp").headers()
    assert caught.value.is_temporary is is_own


def test_tokens_at_a_server_are_secrets_of_the_user_everywhere(server: Any) -> None:
    access = Access((OAuthIdentity(OAuthClient(*server.client)),))
    access.at(server.url).own_headers()
    assert "issued-token-1" in access.secrets()


def test_resource_is_the_announced_one_else_the_address_without_its_keys(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = OAuthClient(*server.client)
    given = OAuthClient(*server.client, token_url=f"{server.origin}/token")
    OAuthIdentity(given).at(f"{server.url}?api_key=k-12345#x").headers()
    endpoint = Endpoint(f"{server.origin}/token", ("client_secret_basic",), resource=server.origin)
    monkeypatch.setattr(oauth, "find_endpoint", lambda *_, **__: endpoint)
    OAuthIdentity(client).at(server.url).headers()
    assert [form["resource"] for form in server.grants] == [server.url, server.origin]


def test_server_that_does_not_see_the_client_in_a_header_gets_it_in_the_form(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grant(form: dict[str, str], _authorization: str) -> tuple[int, dict[str, Any]]:
        if "client_id" not in form:
            return 400, {"error": "invalid_request", "error_description": "client_id is missing"}
        return 200, {"access_token": "the-token", "expires_in": "Infinity"}

    monkeypatch.setattr(server, "grant", grant)
    identity = identity_of(server, token_url=f"{server.origin}/token")
    assert identity.headers()["Authorization"] == "Bearer the-token"
    assert identity.renew_at_s is None


def test_key_in_the_address_of_the_token_endpoint_is_not_shown(server: Any) -> None:
    query = "token?api_key=k-12345"
    identity = identity_of(server, scope="forbidden", token_url=f"{server.origin}/{query}")
    with pytest.raises(TargetError, match=r"/token\?api_key=\*\*\*, got status 40"):
        identity.headers()
    assert "k-12345" in identity.secrets()
    nobody = identity_of(server, token_url=f"http://127.0.0.1:9/{query}")
    with pytest.raises(TargetError, match=r"/token\?api_key=\*\*\*, got no answer"):
        nobody.headers()


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
    other = OAuthIdentity(client, FixedIdentity({"authorization": "Token x"})).at(server.url)
    assert other.headers() == {"Authorization": "Bearer issued-token-2"}


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
