"""The authorization server of an MCP server, found as its clients find it.

Sources: the MCP specification, revision 2025-11-25, authorization, "Authorization Server Discovery"; RFC
8414, RFC 9728 and OpenID Connect Discovery 1.0. Servers of revision 2025-03-26 are their own authorization
servers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from perf_core.errors import TargetError
from perf_core.server.credentials.masking import masked_url
from perf_core.server.credentials.refusals import challenge_parameters, no_answer

_ADVICE = (
    "Give the token endpoint (--oauth-token-url, or token_url in a file), or correct what the server "
    "announces."
)
_PROBE = {"jsonrpc": "2.0", "id": 0, "method": "ping"}
_HEADERS = {"Accept": "application/json, text/event-stream"}


@dataclass(frozen=True)
class Endpoint:
    """A token endpoint.

    Attributes:
        methods: How clients may authenticate there.
        scope: Scopes that the MCP server asks for, separated by blanks; may be empty.
    """

    token_url: str
    methods: tuple[str, ...]
    scope: str = ""


def find_endpoint(http: httpx2.Client, url: str, *, allow_plain_http: bool = False) -> Endpoint:
    """Return the token endpoint for the MCP server at a URL.

    Args:
        allow_plain_http: Whether an authorization server on another machine may do without TLS.

    Raises:
        TargetError: None is announced, or what is announced cannot be used.
    """
    try:
        challenge = _challenge(http, url)
        resource = _resource_metadata(http, url, challenge.get("resource_metadata", ""))
        issuers = resource.get("authorization_servers")
        issuer = str(issuers[0]) if isinstance(issuers, list) and issuers else _root(url)
        metadata = _server_metadata(http, issuer)
    except httpx2.HTTPError as error:
        cause = no_answer(url, error)
        raise TargetError(
            f"expected to find the authorization server of {masked_url(url)}: {cause.message}", cause.hint
        ) from error
    except httpx2.InvalidURL as error:
        raise TargetError(
            f"expected the address of an authorization server at {masked_url(url)}, got: {error}", _ADVICE
        ) from error
    token_url = metadata.get("token_endpoint")
    if not isinstance(token_url, str):
        raise TargetError(
            f"expected a token_endpoint of the authorization server {issuer}, which {masked_url(url)} "
            "announces, got none",
            _ADVICE,
        )
    if not (allow_plain_http or _is_safe(token_url)):
        raise TargetError(
            f"expected a token endpoint with https, got {token_url}, which would get the secret unencrypted",
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
    )


def _challenge(http: httpx2.Client, url: str) -> Mapping[str, str]:
    """Return what the server says about authorization to a request without credentials."""
    with http.stream("POST", url, json=_PROBE, headers=_HEADERS) as response:
        if response.status_code != httpx2.codes.UNAUTHORIZED:
            return {}
        return challenge_parameters(response.headers.get("www-authenticate", ""))


def _resource_metadata(http: httpx2.Client, url: str, announced: str) -> Mapping[str, Any]:
    path = urlsplit(url).path.rstrip("/")
    well_known = urljoin(url, "/.well-known/oauth-protected-resource")
    addresses = [urljoin(url, announced)] if announced else [well_known + path, well_known]
    return _first(http, addresses, "authorization_servers")


def _server_metadata(http: httpx2.Client, issuer: str) -> Mapping[str, Any]:
    return _first(http, list(_metadata_addresses(issuer)), "token_endpoint")


def _metadata_addresses(issuer: str) -> Iterator[str]:
    """Yield the addresses at which an authorization server may describe itself, in the order of MCP."""
    path = urlsplit(issuer).path.rstrip("/")
    yield urljoin(issuer, "/.well-known/oauth-authorization-server") + path
    yield urljoin(issuer, "/.well-known/openid-configuration") + path
    if path:
        yield issuer.rstrip("/") + "/.well-known/openid-configuration"


def _first(http: httpx2.Client, addresses: list[str], member: str) -> Mapping[str, Any]:
    """Return the first document with a member; empty without one."""
    for address in dict.fromkeys(addresses):
        response = http.get(address, headers={"Accept": "application/json"}, follow_redirects=True)
        try:
            document = response.json() if response.is_success else None
        except ValueError:
            continue
        if isinstance(document, dict) and member in document:
            return document
    return {}


def _root(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" or host in {"localhost", "::1"} or host.startswith("127.")
