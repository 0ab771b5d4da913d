"""OAuth 2.1 client credentials: the token of a user, obtained from the authorization server of an MCP server.

A token is renewed before it expires. The authorization server is found as MCP clients find it: through the
``WWW-Authenticate`` header of status 401, else at well-known addresses.

Sources: the MCP specification, revision 2025-11-25, authorization; RFC 6749 (sections 2.3.1, 4.4 and 5); RFC
8707. httpx2 and these few requests are all that is needed: Authlib would bring cryptography for a grant
without signatures, and the MCP SDK a second client with its event loop.
"""

from __future__ import annotations

import base64
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx2

from perf_core.errors import TargetError
from perf_core.server.client.responses import json_in
from perf_core.server.credentials.access import OPEN, Access, FixedIdentity
from perf_core.server.credentials.http_client import http_client
from perf_core.server.credentials.masking import cut, masked, masked_url, secrets_in_url
from perf_core.server.credentials.oauth_discovery import Endpoint, find_endpoint, without_query
from perf_core.server.credentials.refusals import no_answer

_TIMEOUT_S = 10.0
_LONGEST_MARGIN_S = 30.0
"""Time before its end at which a token is renewed; a quarter of a short life."""

_START_IT = "Start the authorization server, or correct token_url."

_PAUSE_S = 5.0
"""Time after a failed or refused attempt during which there is no other."""

_METHODS = ("client_secret_basic", "client_secret_post")
_OTHER_METHOD = frozenset({"invalid_client", "invalid_request"})
"""Errors of a server that knows one method only and does not see the credentials of the other."""


@dataclass(frozen=True)
class OAuthClient:
    """A client of an authorization server.

    Attributes:
        scope: Scopes, separated by blanks; empty for those that the server asks for.
        token_url: Token endpoint; empty to find it through the MCP server.
        resource: Resource for which tokens are asked; empty for the one that the MCP server announces, else
            its URL without the query.
    """

    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""
    token_url: str = ""
    resource: str = ""


@dataclass(frozen=True)
class _Token:
    text: str = field(repr=False)
    obtained_s: float
    lifetime_s: float | None

    @property
    def renew_at_s(self) -> float | None:
        if self.lifetime_s is None:
            return None
        return self.obtained_s + self.lifetime_s - min(_LONGEST_MARGIN_S, self.lifetime_s / 4)

    def is_valid(self, now_s: float) -> bool:
        return self.lifetime_s is None or now_s < self.obtained_s + self.lifetime_s

    def is_due(self, now_s: float) -> bool:
        return self.renew_at_s is not None and now_s >= self.renew_at_s


class OAuthIdentity:
    """A user whose bearer token an authorization server gives; may be used by several threads.

    Args:
        base: Headers that the user has besides.
        trust: Access of which the certificates are used.
        url: MCP server for which tokens are asked; None until :meth:`at` names it.
        seen: Tokens so far of the same user, also at other servers; they are never shown.
    """

    def __init__(
        self,
        client: OAuthClient,
        base: FixedIdentity | None = None,
        trust: Access = OPEN,
        url: str | None = None,
        seen: list[str] | None = None,
    ) -> None:
        self._client = client
        self._base = base or FixedIdentity()
        self._trust = trust
        self._url = url
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._seen = [] if seen is None else seen
        self._endpoint: Endpoint | None = None
        self._failure: TargetError | None = None
        self._failed_s = 0.0
        self._has_served = False

    is_renewable = True

    @property
    def renew_at_s(self) -> float | None:
        """Time at which the token is renewed, in seconds since the epoch; None for a token without an end."""
        token = self._token
        return None if token is None else token.renew_at_s

    def headers(self) -> Mapping[str, str]:
        """Return the headers with a valid token.

        Raises:
            TargetError: The authorization server gives none; it is asked again after 5 s at the earliest.
        """
        others = {
            name: text for name, text in self._base.headers().items() if name.lower() != "authorization"
        }
        with self._lock:
            return {**others, "Authorization": f"Bearer {self._valid_token().text}"}

    def refused(self) -> None:
        """Forget the token, unless it is new: then another would be refused, too."""
        with self._lock:
            if self._token is not None and time.time() - self._token.obtained_s > _PAUSE_S:
                self._token = None

    def secrets(self) -> Sequence[str]:
        """Return the client's secret and every token so far."""
        secret = self._client.client_secret
        return (
            secret,
            _basic(self._client),
            quote_plus(secret),
            *secrets_in_url(self._client.token_url),
            *self._base.secrets(),
            *self._seen,
        )

    def at(self, url: str) -> OAuthIdentity:
        """Return the user for the server at a URL; the same one for another path of its server."""
        if self._url is not None and _origin(self._url) == _origin(url):
            return self
        return OAuthIdentity(self._client, self._base, self._trust, url, self._seen)

    def _valid_token(self) -> _Token:
        now_s = time.time()
        token = self._token
        if token is not None and not token.is_due(now_s):
            return token
        try:
            self._token = self._new_token(now_s)
        except TargetError:
            # The attempt may have taken a while.
            if token is None or not token.is_valid(time.time()):
                raise
            # There is time left for another attempt.
            return token
        return self._token

    def _new_token(self, now_s: float) -> _Token:
        if self._failure is not None and now_s - self._failed_s < _PAUSE_S:
            raise self._failure
        try:
            token = self._requested()
        except TargetError as error:
            # A server that is starting is asked again at once. An attempt may take longer than the pause.
            if self._has_served or not error.is_temporary:
                self._failure, self._failed_s = error, time.time()
            raise
        self._failure = None
        self._has_served = True
        self._seen.append(token.text)
        return token

    def _requested(self) -> _Token:
        with http_client(self._trust, _TIMEOUT_S) as http:
            if self._endpoint is None:
                self._endpoint = self._token_endpoint(http)
            endpoint = self._endpoint
            try:
                return self._answered(http, endpoint)
            except httpx2.HTTPError as error:
                cause = no_answer(endpoint.token_url, error, expected="a token from", hint=_START_IT)
                # A server is waited for while it starts, but not the other one that gives its tokens.
                is_own = self._url is not None and _origin(self._url) == _origin(endpoint.token_url)
                raise (cause if is_own else TargetError(cause.message, cause.hint)) from error

    def _token_endpoint(self, http: httpx2.Client) -> Endpoint:
        if self._client.token_url:
            return Endpoint(self._client.token_url, _METHODS)
        if self._url is None:
            raise TargetError("expected the URL of an MCP server before a token is asked for, got none")
        return find_endpoint(http, self._url, allow_plain_http=self._trust.insecure)

    def _answered(self, http: httpx2.Client, endpoint: Endpoint) -> _Token:
        methods = [each for each in _METHODS if each in endpoint.methods]
        if not methods:
            raise TargetError(
                f"expected {' or '.join(_METHODS)} among the methods of {masked_url(endpoint.token_url)}, "
                f"got {', '.join(endpoint.methods)}",
                "Register a client that has a secret.",
            )
        for method in methods:
            asked_s = time.time()
            response = self._post(http, endpoint, method)
            document = _json_object(response)
            token, lifetime_s = document.get("access_token"), document.get("expires_in")
            if response.is_success and isinstance(token, str) and token:
                return _Token(token, asked_s, _seconds(lifetime_s))
            if str(document.get("error")) not in _OTHER_METHOD:
                break
        raise self._refusal(endpoint, response, document)

    def _post(self, http: httpx2.Client, endpoint: Endpoint, method: str) -> httpx2.Response:
        client = self._client
        form = {"grant_type": "client_credentials"}
        scope = client.scope or endpoint.scope
        resource = client.resource or endpoint.resource or without_query(self._url or "")
        form |= {"scope": scope} if scope else {}
        form |= {"resource": resource.partition("#")[0]} if resource else {}
        headers = {"Accept": "application/json"}
        if method == "client_secret_basic":
            headers["Authorization"] = f"Basic {_basic(client)}"
        else:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret}
        return http.post(endpoint.token_url, data=form, headers=headers)

    def _refusal(
        self, endpoint: Endpoint, response: httpx2.Response, document: Mapping[str, Any]
    ) -> TargetError:
        reasons = [str(document[name]) for name in ("error", "error_description") if document.get(name)]
        got = ": ".join(reasons) or repr(cut(response.text, 200))
        shown = masked_url(endpoint.token_url)
        text = f"expected a token from {shown}, got status {response.status_code} and {got}"
        hint = {
            "invalid_client": "Check the client id and the variable that has its secret.",
            "invalid_scope": "Correct scope, or leave it out.",
            "invalid_target": "Correct resource: this authorization server gives no tokens for it.",
            "unauthorized_client": "Allow the grant client_credentials for this client.",
            "unsupported_grant_type": "Allow the grant client_credentials at the authorization server.",
        }.get(str(document.get("error")), "See the authorization server, or correct token_url.")
        return TargetError(masked(text, self.secrets()), hint)


def _basic(client: OAuthClient) -> str:
    # Encoded as in a form before they are joined (RFC 6749, section 2.3.1).
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    return base64.b64encode(pair.encode()).decode()


def _seconds(value: object) -> float | None:
    """Return a lifetime; some servers send it as text. None if there is no end."""
    try:
        lifetime_s = float(str(value))
    except ValueError:
        return None
    return lifetime_s if 0 < lifetime_s < math.inf else None


def _json_object(response: httpx2.Response) -> Mapping[str, Any]:
    document = json_in(response.text)
    return document if isinstance(document, dict) else {}


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
