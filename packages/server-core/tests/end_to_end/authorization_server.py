"""A local authorization server for tests: it registers every client and lets the user `ann` in.

It has what the MCP specification asks for: metadata (RFC 8414), dynamic registration (RFC 7591), the
authorization code flow with PKCE, resource indicators (RFC 8707), and public keys (JWKS).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastmcp.server.auth.providers.jwt import RSAKeyPair
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

USER = "ann"
PATH = "/login"
"""Path of the issuer: to an issuer without one pydantic adds a slash, and clients compare it exactly."""


@dataclass
class AuthorizationServer:
    """The server at `issuer`, which ends with `PATH`.

    It grants the scopes in `granted`, as far as a client asks for them.
    """

    issuer: str
    granted: tuple[str, ...] = ("notes:read", "notes:write")
    keys: RSAKeyPair = field(default_factory=RSAKeyPair.generate)
    requests: list[str] = field(default_factory=list)
    _codes: dict[str, Any] = field(default_factory=dict)

    def app(self) -> Starlette:
        """Return the ASGI app."""
        return Starlette(
            routes=[
                Route(f"/.well-known/oauth-authorization-server{PATH}", self._metadata),
                Route(f"{PATH}/jwks", self._jwks),
                Route(f"{PATH}/register", self._register, methods=["POST"]),
                Route(f"{PATH}/authorize", self._authorize),
                Route(f"{PATH}/token", self._token, methods=["POST"]),
            ]
        )

    def token(self, audience: str, *scopes: str, **claims: Any) -> str:
        """Return a token, as the server would issue it."""
        return self.keys.create_token(
            subject=USER,
            issuer=self.issuer,
            audience=audience,
            scopes=list(scopes),
            kid="test",
            additional_claims={"client_id": "client", **claims},
        )

    async def _metadata(self, _request: Request) -> Response:
        self.requests.append("metadata")
        pages = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "registration_endpoint": "register",
            "jwks_uri": "jwks",
        }
        return JSONResponse(
            {
                "issuer": self.issuer,
                **{name: f"{self.issuer}/{page}" for name, page in pages.items()},
                "scopes_supported": list(self.granted),
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "token_endpoint_auth_methods_supported": ["none"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _jwks(self, _request: Request) -> Response:
        key = RSAKey.import_key(self.keys.public_key)
        return JSONResponse({"keys": [{**key.as_dict(), "kid": "test", "alg": "RS256", "use": "sig"}]})

    async def _register(self, request: Request) -> Response:
        self.requests.append("register")
        registration = await request.json()
        answer = {**registration, "client_id": "client", "token_endpoint_auth_method": "none"}
        return JSONResponse(answer, 201)

    async def _authorize(self, request: Request) -> Response:
        self.requests.append("authorize")
        query = request.query_params
        code = secrets.token_urlsafe()
        self._codes[code] = query
        back = urlencode({"code": code, "state": query["state"], "iss": self.issuer})
        return RedirectResponse(f"{query['redirect_uri']}?{back}", 302)

    async def _token(self, request: Request) -> Response:
        self.requests.append("token")
        form = await request.form()
        query = self._codes.pop(str(form["code"]))
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != query["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        scopes = [scope for scope in query.get("scope", "").split() if scope in self.granted]
        return JSONResponse(
            {
                "access_token": self.token(str(form["resource"]), *scopes),
                "token_type": "Bearer",
                "expires_in": 3600,
                "scope": " ".join(scopes),
            }
        )
