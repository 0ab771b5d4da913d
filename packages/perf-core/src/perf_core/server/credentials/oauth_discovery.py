"""The authorization server of an MCP server, found as its clients find it.

Sources: the MCP specification, revision 2025-11-25, authorization, "Authorization Server Discovery"; RFC
8414, RFC 9728 and OpenID Connect Discovery 1.0. Servers of revision 2025-03-26 are their own authorization
servers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx2

from perf_core.errors import TargetError
from perf_core.server.client.responses import json_in
from perf_core.server.credentials.masking import masked_url
from perf_core.server.credentials.refusals import challenge_parameters, no_answer, refusal

_ADVICE = (
    "Give the token endpoint (--oauth-token-url, or token_url in a file), or correct what the server "
    "announces."
)
_PROBE = {"jsonrpc": "2.0", "id": 0, "method": "ping"}
_HEADERS = {"Accept": "application/json, text/event-stream"}
_NOT_READY = frozenset({502, 503})
"""Statuses of a server that is starting: what it announces is not known yet."""


@dataclass(frozen=True)
class Endpoint:
    """A token endpoint.

    Attributes:
        methods: How clients may authenticate there.
        scope: Scopes that the MCP server asks for, separated by blanks; may be empty.
        resource: Resource of which the MCP server says that it is part; empty if it says nothing.
    """

    token_url: str
    methods: tuple[str, ...]
    scope: str = ""
    resource: str = ""


def find_endpoint(http: httpx2.Client, url: str, *, allow_plain_http: bool = False) -> Endpoint:
    """Return the token endpoint for the MCP server at a URL.

    Args:
        allow_plain_http: Whether an authorization server on another machine may do without TLS.

    Raises:
        NoAnswer: The MCP server does not answer; one that is starting may answer later.
        RequestRefused: The MCP server is not ready yet.
        TargetError: No endpoint is announced, or what is announced cannot be used.
    """
    challenge = _challenge(http, url)
    try:
        resource = _resource_metadata(http, url, challenge.get("resource_metadata", ""))
        issuers = resource.get("authorization_servers")
        issuer = str(issuers[0]) if isinstance(issuers, list) and issuers else _root(url)
        metadata = _first(http, list(_metadata_addresses(issuer)), "token_endpoint", issuer)
        token_url = metadata.get("token_endpoint")
        if isinstance(token_url, str):
            _expect_address(token_url)
        own_resource = _resource_of(resource.get("resource"), url)
    except (httpx2.InvalidURL, ValueError) as error:
        raise TargetError(
            f"expected addresses of an authorization server from {masked_url(url)}, got: {error}", _ADVICE
        ) from error
    if not isinstance(token_url, str):
        raise TargetError(
            f"expected a token_endpoint of the authorization server {masked_url(issuer)}, which "
            f"{masked_url(url)} announces, got none",
            _ADVICE,
        )
    if not (allow_plain_http or _is_safe(token_url)):
        raise TargetError(
            f"expected a token endpoint with https, got {masked_url(token_url)}, which would get the secret "
            "unencrypted",
            "Use TLS there; --insecure allows it for a test.",
        )
    methods = metadata.get("token_endpoint_auth_methods_supported")
    scopes = resource.get("scopes_supported")
    listed = " ".join(map(str, scopes)) if isinstance(scopes, list) else ""
    return Endpoint(
        token_url,
        # The default of RFC 8414.
        tuple(map(str, methods)) if isinstance(methods, list) and methods else ("client_secret_basic",),
        challenge.get("scope") or listed,
        own_resource,
    )


def without_query(url: str) -> str:
    """Return a URL as the name of a resource: a query may have a key, which is not for another server."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def _challenge(http: httpx2.Client, url: str) -> Mapping[str, str]:
    """Return what the server says about authorization to a request without credentials."""
    try:
        # Any redirect may be followed, since the request has no credentials.
        with http.stream("POST", url, json=_PROBE, headers=_HEADERS, follow_redirects=True) as response:
            if response.status_code == httpx2.codes.UNAUTHORIZED:
                return challenge_parameters(response.headers.get("www-authenticate", ""))
            if response.status_code not in _NOT_READY:
                return {}
            response.read()
            raise refusal(response, "ping", None, has_credentials=True)
    except httpx2.TooManyRedirects:
        return {}
    except httpx2.HTTPError as error:
        raise no_answer(url, error) from error


def _resource_metadata(http: httpx2.Client, url: str, announced: str) -> Mapping[str, Any]:
    path = urlsplit(url).path.rstrip("/")
    well_known = urljoin(url, "/.well-known/oauth-protected-resource")
    addresses = [urljoin(url, announced)] if announced else [well_known + path, well_known]
    return _first(http, addresses, "authorization_servers")


def _resource_of(announced: object, url: str) -> str:
    """Return the announced resource if the MCP server may be part of it (RFC 9728, section 3.3)."""
    if not isinstance(announced, str):
        return ""
    whole, part = urlsplit(announced), urlsplit(url)
    is_part = f"{part.path.rstrip('/')}/".startswith(f"{whole.path.rstrip('/')}/")
    return announced if is_part and _root(announced).lower() == _root(url).lower() else ""


def _metadata_addresses(issuer: str) -> Iterator[str]:
    """Yield the addresses at which an authorization server may describe itself, in the order of MCP."""
    path = urlsplit(issuer).path.rstrip("/")
    yield urljoin(issuer, "/.well-known/oauth-authorization-server") + path
    yield urljoin(issuer, "/.well-known/openid-configuration") + path
    if path:
        yield issuer.rstrip("/") + "/.well-known/openid-configuration"


def _first(http: httpx2.Client, addresses: list[str], member: str, issuer: str = "") -> Mapping[str, Any]:
    """Return the first document with a member; empty without one.

    Args:
        issuer: Authorization server that describes itself there; empty for documents of other kinds.

    Raises:
        TargetError: A document cannot be got, or is that of another authorization server, which could have
            the secret sent to it (RFC 8414, section 3.3).
    """
    for address in dict.fromkeys(addresses):
        _expect_address(address)
        try:
            response = http.get(address, headers={"Accept": "application/json"}, follow_redirects=True)
        except httpx2.HTTPError as error:
            cause = no_answer(address, error, expected="metadata of an authorization server at", hint=_ADVICE)
            # No NoAnswer: the MCP server did answer.
            raise TargetError(cause.message, cause.hint) from error
        document = json_in(response.text) if response.is_success else None
        if isinstance(document, dict) and member in document:
            stated = document.get("issuer", issuer)
            if issuer and not _is_same_issuer(stated, issuer):
                raise TargetError(
                    f"expected the issuer {masked_url(issuer)} in its metadata at {masked_url(address)}, got "
                    f"{masked_url(str(stated))!r}",
                    _ADVICE,
                )
            return document
    return {}


def _is_same_issuer(stated: object, issuer: str) -> bool:
    # Libraries for URLs add the slash of an empty path.
    return isinstance(stated, str) and stated.rstrip("/") == issuer.rstrip("/")


def _expect_address(url: str) -> None:
    """Raise ValueError or InvalidURL unless a request can be sent to a URL."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError(f"{masked_url(url)!r} is no http or https URL")
    httpx2.URL(url)


def _root(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" or host == "localhost" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    # Not by its beginning: 127.0.0.1.example.test is another machine.
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
