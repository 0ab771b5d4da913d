"""A server whose callers log in at an authorization server (OAuth 2.1), through FastMCP's own provider.

The authorization server issues JSON Web Tokens for this server's URL, with scopes. A client without a token
gets 401 and the address of the metadata that name the authorization server (RFC 9728); then it registers,
lets its user log in, and calls with the token.

    NOTES_ISSUER=https://login.example.com NOTES_PUBLIC_URL=https://notes.example.com python oauth_server.py

For a server that other machines can reach, add `--no-auth`: the tokens of the settings are not needed,
because the app judges its callers itself.
"""

from __future__ import annotations

import sys

from fastmcp import FastMCP
from fastmcp.server.auth import JWTVerifier, RemoteAuthProvider, require_scopes
from fastmcp.server.dependencies import get_access_token
from pydantic import AnyHttpUrl, Field
from pydantic_settings import SettingsConfigDict

from server_core import Port, ServerSettings, main


class NotesSettings(ServerSettings):
    """Keep notes for users of an authorization server."""

    model_config = SettingsConfigDict(env_prefix="NOTES_", cli_prog_name="notes")

    port: Port = 8400
    public_url: str = Field("http://127.0.0.1:8400", description="URL of this server for its clients.")
    issuer: str = Field("http://127.0.0.1:9400", description="URL of the authorization server.")


def create_server(settings: NotesSettings) -> FastMCP:
    """Return the app, with its notes in memory."""
    verifier = JWTVerifier(
        jwks_uri=f"{settings.issuer}/jwks",
        issuer=settings.issuer,
        audience=f"{settings.public_url}{settings.path}",
        required_scopes=["notes:read"],
    )
    provider = RemoteAuthProvider(
        verifier,
        [AnyHttpUrl(settings.issuer)],
        base_url=settings.public_url,
        scopes_supported=["notes:read", "notes:write"],
        challenge_scopes=["notes:read", "notes:write"],  # what clients ask for when their user logs in
    )
    mcp: FastMCP = FastMCP("notes", version="1.0", auth=provider, dereference_schemas=False)
    notes: dict[str, list[str]] = {}

    def user() -> str:
        token = get_access_token()
        if token is None:
            raise RuntimeError("expected a verified token, got none: serve this app over HTTP")
        return str(token.claims["sub"])

    @mcp.tool
    async def read_notes() -> list[str]:
        """Return the caller's notes."""
        return notes.get(user(), [])

    @mcp.tool(auth=require_scopes("notes:write"))
    async def add_note(text: str) -> int:
        """Add a note, and return how many there are."""
        own = notes.setdefault(user(), [])
        own.append(text)
        return len(own)

    return mcp


if __name__ == "__main__":
    sys.exit(main(create_server, NotesSettings))
