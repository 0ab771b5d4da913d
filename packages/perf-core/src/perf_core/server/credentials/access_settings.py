"""Credentials and certificates as a user states them: options, or the table ``[access]`` of a file.

Secrets are named and never written: a header says ``$NAME``, a bearer token and a client secret are the names
of environment variables. Example::

    settings = AccessSettings(headers={"X-Key": "$WEATHER_KEY"}, ca_file=Path("ca.pem"))
    access = access_from(settings, os.environ)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from perf_core.errors import UsageError
from perf_core.server.credentials.access import (
    SESSION_REVISION,
    SESSION_REVISIONS,
    STATELESS_REVISION,
    Access,
    FixedIdentity,
    Identity,
)
from perf_core.server.credentials.http_client import tls_context
from perf_core.server.credentials.masking import looks_secret, masked_word
from perf_core.server.credentials.oauth import OAuthClient, OAuthIdentity

_REFERENCE = re.compile(r"\$(?:(\$)|\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", re.ASCII)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)

_OWN_HEADERS = frozenset(
    {
        "accept",
        "connection",
        "content-length",
        "content-type",
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
        "mcp-session-id",
        "transfer-encoding",
    }
)
"""Headers that the protocol determines."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OAuthSettings(_Strict):
    """OAuth 2.1 client credentials; the authorization server is found through the MCP server.

    Attributes:
        client_id: Identifier of the client; ``$NAME`` takes it from the environment.
        client_secret_env: Name of the environment variable that has the secret.
        scope: Scopes, separated by blanks; empty for those that the server asks for.
        token_url: Token endpoint, for a server that does not announce its authorization server.
        resource: Resource for which tokens are asked (RFC 8707); empty for the one that the server announces,
            else its URL without the query.
    """

    client_id: str = Field(min_length=1)
    client_secret_env: str = Field(min_length=1)
    scope: str = ""
    token_url: str = ""
    resource: str = ""


class IdentitySettings(_Strict):
    """One user of a server; ``headers`` add to those that all users have."""

    headers: dict[str, str] = Field(default_factory=dict)
    bearer_env: str | None = None
    oauth: OAuthSettings | None = None


class AccessSettings(_Strict):
    """Settings of the access to a server.

    Attributes:
        headers: Headers of every request; ``$NAME`` and ``${NAME}`` are replaced from the environment, ``$$``
            is a dollar sign.
        bearer_env: Names of environment variables that have bearer tokens, one for each user.
        oauth: Client credentials that all users share.
        identities: Users that differ: the lab's own requests come from the first, virtual users are the
            others in rotation.
        ca_file: Certificates to trust besides those of the system, in PEM format.
        insecure: Whether any certificate is accepted.
        revision: Protocol revision to offer on the session wire.
    """

    headers: dict[str, str] = Field(default_factory=dict)
    bearer_env: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    oauth: OAuthSettings | None = None
    identities: tuple[IdentitySettings, ...] = ()
    ca_file: Path | None = None
    insecure: bool = False
    revision: str = SESSION_REVISION


def parse_header(text: str) -> tuple[str, str]:
    """Return name and value of a header as it is typed, such as ``X-Key: $MY_KEY``.

    Raises:
        UsageError: There is no colon; the text is not repeated, since it may be a secret.
    """
    name, colon, value = text.partition(":")
    if not colon or not _HEADER_NAME.fullmatch(name.strip()):
        raise UsageError(
            "--header: expected a name, a colon and a value, got another text",
            "For example --header 'X-Key: $MY_KEY', with the value in the environment variable MY_KEY.",
        )
    return name.strip(), value.strip()


def access_from(settings: AccessSettings, environ: Mapping[str, str], folder: Path | None = None) -> Access:
    """Return the access that settings describe, with values from the environment.

    Args:
        folder: Folder to which ``ca_file`` is relative; None is the working folder.

    Raises:
        UsageError: A variable is missing, a secret is written down, or a setting cannot be used; lists every
            problem, and shows no value.
    """
    problems = list(_problems(settings, environ))
    if problems:
        raise UsageError(
            "the access to the server cannot be used: " + "; ".join(problems),
            "Values that must stay secret are in environment variables: export NAME=…",
        )
    ca_file = settings.ca_file if folder is None or settings.ca_file is None else folder / settings.ca_file
    tls_context(ca_file)  # a file that cannot be used ends the command before anything starts
    access = Access(ca_file=ca_file, insecure=settings.insecure, revision=settings.revision)
    return replace(access, identities=tuple(_identities(settings, environ, access)))


def _identities(settings: AccessSettings, environ: Mapping[str, str], access: Access) -> Iterator[Identity]:
    for user in _users(settings):
        values = _merged(settings.headers, user.headers)
        if user.bearer_env is not None:
            values = _merged(values, {"Authorization": f"Bearer ${{{user.bearer_env}}}"})
        headers, hidden = {}, []
        for name, text in values.items():
            headers[name], referenced = filled(text, environ)
            hidden += [*referenced, headers[name]] if referenced else []
        fixed = FixedIdentity(headers, tuple(dict.fromkeys(hidden)))
        yield fixed if user.oauth is None else OAuthIdentity(_client(user.oauth, environ), fixed, access)


def _merged(headers: Mapping[str, str], further: Mapping[str, str]) -> dict[str, str]:
    """Return headers and further ones, which replace those of the same name; case makes no difference."""
    replaced = {name.lower() for name in further}
    return {**{name: text for name, text in headers.items() if name.lower() not in replaced}, **further}


def _client(settings: OAuthSettings, environ: Mapping[str, str]) -> OAuthClient:
    return OAuthClient(
        client_id=filled(settings.client_id, environ)[0],
        client_secret=environ[settings.client_secret_env].strip(),
        scope=settings.scope,
        token_url=settings.token_url,
        resource=settings.resource,
    )


def _users(settings: AccessSettings) -> Sequence[IdentitySettings]:
    if settings.identities:
        return settings.identities
    if settings.bearer_env:
        return [IdentitySettings(bearer_env=name) for name in settings.bearer_env]
    if settings.oauth is not None:
        return [IdentitySettings(oauth=settings.oauth)]
    return [IdentitySettings()] if settings.headers else []


def filled_from(variables: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables of a command with ``$NAME`` and ``${NAME}`` in their values replaced.

    Raises:
        UsageError: The environment lacks one of them; names every one.
    """
    names = {
        match[2] or match[3]
        for text in variables.values()
        for match in _REFERENCE.finditer(text)
        if not match[1]
    }
    missing = sorted(names - environ.keys())
    if missing:
        raise UsageError(
            f"env: expected {', '.join(missing)} in the environment, got none",
            f"Set it first, such as: export {missing[0]}=…; a dollar sign is written $$.",
        )
    return {name: filled(text, environ)[0] for name, text in variables.items()}


def filled(text: str, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return a text with ``$NAME`` and ``${NAME}`` replaced, and the values that were put in.

    Raises:
        KeyError: A variable is not set.
    """
    values: list[str] = []

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        # A variable that was read from a file often ends with a line break.
        values.append(environ[match[2] or match[3]].strip())
        return values[-1]

    return _REFERENCE.sub(value, text), values


def _problems(settings: AccessSettings, environ: Mapping[str, str]) -> Iterator[str]:
    if settings.identities and (settings.bearer_env or settings.oauth):
        yield "identities: expected bearer_env and oauth within each identity, got them beside"
    if settings.bearer_env and settings.oauth:
        yield "oauth: expected either oauth or bearer_env, got both"
    if settings.revision == STATELESS_REVISION:
        yield f"revision: {STATELESS_REVISION} is the stateless wire, which --wire stateless chooses"
    elif settings.revision not in SESSION_REVISIONS:
        yield f"revision: expected one of {', '.join(SESSION_REVISIONS)}, got {settings.revision!r}"
    yield from _header_problems("headers", settings.headers, environ)
    for name in settings.bearer_env:
        yield from _variable_problems("bearer_env", name, environ)
    if settings.oauth is not None:
        yield from _oauth_problems("oauth", settings.oauth, environ)
    for number, user in enumerate(settings.identities):
        place = f"identities.{number}"
        yield from _header_problems(f"{place}.headers", user.headers, environ)
        if user.bearer_env is not None:
            yield from _variable_problems(f"{place}.bearer_env", user.bearer_env, environ)
        if user.oauth is not None:
            yield from _oauth_problems(f"{place}.oauth", user.oauth, environ)
        if user.bearer_env is not None and user.oauth is not None:
            yield f"{place}: expected either bearer_env or oauth, got both"


def _header_problems(place: str, headers: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[str]:
    for name, text in headers.items():
        references = [match[2] or match[3] for match in _REFERENCE.finditer(text) if not match[1]]
        missing = [problem for each in references for problem in _variable_problems(name, each, environ)]
        yield from (f"{place}: {problem}" for problem in missing)
        if not _HEADER_NAME.fullmatch(name):
            yield f"{place}: expected the name of an HTTP header, got {name!r}"
        elif name.lower() in _OWN_HEADERS:
            yield f"{place}: {name} belongs to the protocol, and the lab sets it itself"
        elif looks_secret(name) and not references:
            yield (
                f"{place}: expected the value of {name} from the environment, such as "
                f"'{name}: $NAME', got a literal one, which would stand in files and in the shell's history"
            )
        elif not missing and not _is_header_value(filled(text, environ)[0]):
            yield f"{place}: {name} has a character that no header can carry, such as a line break"


def _is_header_value(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _variable_problems(place: str, name: str, environ: Mapping[str, str]) -> Iterator[str]:
    if not _VARIABLE.fullmatch(name):
        # Perhaps the secret itself, which must not be repeated.
        yield f"{place}: expected the name of an environment variable, got another text"
    elif not environ.get(name, "").strip():
        state = "is empty" if name in environ else "is not set"
        yield f"{place}: the environment variable {name} {state}"


def _oauth_problems(place: str, oauth: OAuthSettings, environ: Mapping[str, str]) -> Iterator[str]:
    yield from _variable_problems(f"{place}.client_secret_env", oauth.client_secret_env, environ)
    for match in _REFERENCE.finditer(oauth.client_id):
        if not match[1]:
            yield from _variable_problems(f"{place}.client_id", match[2] or match[3], environ)
    if oauth.token_url and (complaint := _url_complaint(oauth.token_url)):
        yield f"{place}.token_url: {complaint}, got {masked_word(oauth.token_url)!r}"


def _url_complaint(url: str) -> str:
    """Return what was expected of the address of a token endpoint; empty if it can be used."""
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a malformed IPv6 address or port
        return "expected an http or https URL"
    if not is_usable:
        return "expected an http or https URL"
    # It would be sent in place of the client id and secret.
    return "expected a URL without a user" if "@" in parts.netloc else ""
