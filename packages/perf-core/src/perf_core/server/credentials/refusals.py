"""Why a server refused or did not answer, and what to do about it; pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2

from perf_core.errors import NoAnswer, RequestRefused
from perf_core.server.credentials.bounded_transport import TooLong
from perf_core.server.credentials.masking import cut, masked_url

GIVING_CREDENTIALS = (
    "Give credentials: --bearer-env NAME for a token in the environment variable NAME, --header "
    "'X-Key: $NAME' for another header, or --oauth-client-id with --oauth-secret-env for OAuth; in a target "
    "file [access]."
)

_LONGEST_TEXT = 300

_ENDPOINT_ADVICE = "Check that this is the MCP endpoint (often …/mcp)"

_MAY_SPEAK_TLS = "The server at this port seems to speak TLS: try https:// in the URL."
_TLS_RECORD = "\\x15\\x03"
"""Beginning of a TLS alert, as an HTTP library shows the bytes that it could not read."""

_HANGS = (
    "Something accepts the connection there and does not answer: look at the server's log, or restart it. "
    "Another program may listen at this port."
)
_CLOSES = (
    "Something listens there and closes the connection: look at the server's log. If it speaks TLS, write "
    "https:// in the URL."
)

_TLS_PROBLEMS = {
    "wrong version number": "The server at this port seems to speak plain HTTP: try http:// in the URL.",
    "record layer failure": "The server at this port seems to speak plain HTTP: try http:// in the URL.",
}
_TLS_ONLY = re.compile(r"\bHTTP request\b.*\bHTTPS (?:port|server)\b", re.IGNORECASE | re.DOTALL)
"""The answer of nginx and servers in Go to plain HTTP where they expect TLS."""

_OWN_CERTIFICATE = (
    "For a certificate of your own authority give --ca-file FILE (PEM); --insecure accepts any certificate, "
    "which suits a test server only."
)


def refusal(response: httpx2.Response, method: str, message: Any, *, has_credentials: bool) -> RequestRefused:
    """Return the error for an answer that is no JSON-RPC result.

    Args:
        message: The answer's JSON, if it is any.
        has_credentials: Whether the user gave the lab any.
    """
    error = message.get("error") if isinstance(message, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    status = response.status_code
    return RequestRefused(
        f"{method} at {masked_url(str(response.request.url))}: expected status 200 and a JSON-RPC result, "
        f"got status {status} and {_shown(response)}",
        _advice(response, has_credentials=has_credentials, is_rpc=code is not None),
        status=status,
        code=code,
        data=error.get("data") if isinstance(error, dict) else None,
        reason=str(error.get("message", "")) if isinstance(error, dict) else "",
    )


def _shown(response: httpx2.Response) -> str:
    if _is_page(response):
        title = re.search(r"<title[^<>]*>([^<]{1,100})", response.text, re.IGNORECASE)
        return "a web page" + (f" ({title[1].strip()!r})" if title else "")
    return repr(cut(response.text, _LONGEST_TEXT)) if response.text else "an empty body"


def _is_page(response: httpx2.Response) -> bool:
    kind = response.headers.get("content-type", "")
    return kind.startswith("text/html") or response.text[:100].lstrip().lower().startswith(
        ("<!doctype html", "<html")
    )


def _advice(response: httpx2.Response, *, has_credentials: bool, is_rpc: bool) -> str:
    other_wire = f"{_ENDPOINT_ADVICE}, or try the other wire with --wire."
    match response.status_code:
        case 401:
            return _unauthorized_advice(response, has_credentials=has_credentials)
        case 403 if has_credentials:
            advice = "The server refuses this user: check the scope of its token, or use another."
        case 403:
            advice = f"{GIVING_CREDENTIALS} A server may also refuse the host of the URL: try its real name."
        case 405:
            advice = (
                "Nothing may be posted there. A server with the older transport HTTP+SSE has its stream at "
                f"another path, often /sse: give that URL. {_ENDPOINT_ADVICE}."
            )
        case 400 if not is_rpc and _TLS_ONLY.search(response.text):
            advice = _MAY_SPEAK_TLS
        case 404 if not is_rpc:
            advice = f"There is nothing at this path. {other_wire}"
        case 429:
            advice = "The server asks to wait: try again later, or raise its limits for the measurement."
        case _ if response.is_redirect:
            advice = "Only one redirect is followed: give the URL of the MCP endpoint itself."
        case _ if _is_page(response):
            advice = f"That is a web page and no MCP server. {other_wire}"
        case _:
            advice = other_wire
    return advice


def _unauthorized_advice(response: httpx2.Response, *, has_credentials: bool) -> str:
    challenge = challenge_parameters(response.headers.get("www-authenticate", ""))
    if not has_credentials:
        offers = " It offers OAuth (resource_metadata)." if "resource_metadata" in challenge else ""
        return f"The server wants credentials.{offers} {GIVING_CREDENTIALS}"
    given = (challenge.get(name, "") for name in ("error_description", "error"))
    reasons = [cut(text, _LONGEST_TEXT).rstrip(". ") for text in given if text][:1]
    expiry = expired_at(response.request.headers.get("authorization", ""))
    if expiry is not None:
        reasons.append(f"the token expired at {expiry:%Y-%m-%d %H:%M:%S} UTC")
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return (
        f"The server refused the credentials{why}. Check the variable that they come from; for tokens that "
        "expire, --oauth-client-id with --oauth-secret-env obtains new ones."
    )


def challenge_parameters(header: str) -> dict[str, str]:
    """Return the parameters of a ``WWW-Authenticate`` header (RFC 9110, 11.6.1), names in lower case."""
    # Possessive, and from the first character of a name: else the time grows with the square of its length.
    pairs = re.findall(
        r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]++)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]+))", header
    )
    return {name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain for name, quoted, plain in pairs}


def expired_at(authorization: str) -> datetime | None:
    """Return when the JSON Web Token of a header expired; None if it has not, or if there is none."""
    moment = expiry_of(authorization)
    return moment if moment is not None and moment < datetime.now(UTC) else None


def expiry_of(authorization: str) -> datetime | None:
    """Return when the JSON Web Token of an ``Authorization`` header expires; None if it never does.

    The signature does not matter: nothing is granted here.
    """
    parts = authorization.rpartition(" ")[2].split(".")
    try:
        expiry = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))["exp"]
        return datetime.fromtimestamp(float(expiry), UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError, binascii.Error):
        return None


def no_answer(
    url: str,
    error: httpx2.HTTPError,
    *,
    expected: str = "an MCP server at",
    hint: str = "Start the server, or correct its URL.",
) -> NoAnswer:
    """Return the error for a request that a server did not answer.

    Args:
        expected: What was expected, to stand before the URL.
        hint: Advice where the failure itself suggests none.
    """
    shown = masked_url(url)
    tls = next((each for each in _causes(error) if isinstance(each, ssl.SSLError)), None)
    if tls is not None:
        return _no_tls(shown, tls)
    if isinstance(error, httpx2.UnsupportedProtocol):
        return NoAnswer(f"expected an http or https URL, got {shown}", "Correct the URL.", is_temporary=False)
    if any(isinstance(each, socket.gaierror) for each in _causes(error)):
        return NoAnswer(
            f"expected {expected} {shown}, got a host that is not known: {error}",
            "Correct the name of the host in the URL.",
            is_temporary=False,
        )
    if isinstance(error, httpx2.RemoteProtocolError) and _TLS_RECORD in str(error):
        return NoAnswer(
            f"expected {expected} {shown}, got TLS instead of HTTP", _MAY_SPEAK_TLS, is_temporary=False
        )
    # A server that ends while it answers disconnects, too.
    is_foreign = isinstance(error, httpx2.RemoteProtocolError) and "disconnected" not in str(error)
    if is_foreign or isinstance(error, TooLong):
        return NoAnswer(
            f"expected {expected} {shown}, got {'an answer that is no HTTP: ' if is_foreign else ''}{error}",
            "Another program listens there: correct the port in the URL."
            if is_foreign
            else "Check that this is the right server.",
            is_temporary=False,
        )
    timed_out = isinstance(error, httpx2.ReadTimeout | httpx2.WriteTimeout | httpx2.PoolTimeout)
    is_closed = isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError | httpx2.WriteError)
    return NoAnswer(
        # The errors of some time limits have no text.
        f"expected {expected} {shown}, got no answer: {str(error) or type(error).__name__}",
        # Where somebody accepts connections, there is nothing to start.
        _HANGS if timed_out else _CLOSES if is_closed else hint,
        is_temporary=True,
        timed_out=timed_out,
    )


def _no_tls(shown: str, error: ssl.SSLError) -> NoAnswer:
    """Return the error for a connection on which TLS failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        got = error.verify_message or error
        return NoAnswer(
            f"expected a certificate that this machine trusts at {shown}, got: {got}",
            _OWN_CERTIFICATE,
            is_temporary=False,
        )
    text = str(error).lower().replace("_", " ")
    advice = next((each for part, each in _TLS_PROBLEMS.items() if part in text), _OWN_CERTIFICATE)
    return NoAnswer(f"expected TLS at {shown}, got: {error.reason or error}", advice, is_temporary=False)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
