"""An authorization server for client credentials beside the MCP server that it protects, on FastMCP 2.

The client is ``lab``, its secret is in the environment variable FOREIGN_CLIENT_SECRET, and a token is valid
for ``TOKEN_S`` seconds, so that it expires during a run.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from fastmcp.server.auth import AccessToken, RemoteAuthProvider, TokenVerifier
from pydantic import AnyHttpUrl
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

CLIENT = "lab"
TOKEN_S = 8


class Tokens(TokenVerifier):
    """Tokens that were given out, with the time of their end."""

    def __init__(self) -> None:
        super().__init__()
        self._ends_s: dict[str, float] = {}

    def issue(self) -> str:
        """Return a new token."""
        token = secrets.token_urlsafe(24)
        self._ends_s[token] = time.time() + TOKEN_S
        return token

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return the access of a token, or None when it is unknown or has expired."""
        end_s = self._ends_s.get(token, 0.0)
        if time.time() >= end_s:
            return None
        return AccessToken(token=token, client_id=CLIENT, scopes=[], expires_at=int(end_s))


def protected_app(build: Callable[..., Any], base_url: str) -> Any:
    """Return the ASGI app of a server whose clients need a token, and of the server that gives tokens out."""
    tokens = Tokens()
    auth = RemoteAuthProvider(
        token_verifier=tokens, authorization_servers=[AnyHttpUrl(base_url)], base_url=base_url
    )
    server = build("cities behind OAuth", auth=auth)

    @server.custom_route("/.well-known/oauth-authorization-server", methods=["GET"])
    async def metadata(_request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": f"{base_url}/",
                "token_endpoint": f"{base_url}/token",
                "grant_types_supported": ["client_credentials"],
                "response_types_supported": [],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }
        )

    @server.custom_route("/token", methods=["POST"])
    async def token(request: Request) -> Response:
        form = await request.form()
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        client, secret = _credentials(request.headers.get("authorization", ""), form)
        if client != CLIENT or not hmac.compare_digest(secret, os.environ["FOREIGN_CLIENT_SECRET"]):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        print("gave a token out", flush=True)
        return JSONResponse({"access_token": tokens.issue(), "token_type": "Bearer", "expires_in": TOKEN_S})

    return server.http_app()


def _credentials(header: str, form: Any) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return str(form.get("client_id", "")), str(form.get("client_secret", ""))
    try:
        client, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote(client), unquote(secret)
