"""Redis URLs: validation, and the address for messages."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

_OPTIONS: Final = frozenset({"db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
"""Query parameters that a URL may have."""


def check_redis_url(url: str) -> None:
    """Raise ValueError unless `url` is a Redis URL and the client is installed.

    The message says what was expected and contains nothing of the URL, which may have a password.
    """
    try:
        is_valid = _is_redis_url(urlsplit(url))
    except ValueError:  # incomplete IPv6 address, or a port that is not a number up to 65535
        is_valid = False
    if not is_valid:
        raise ValueError(
            "a URL such as redis://:password@10.0.0.7:6379/0, rediss://… or unix:///run/redis.sock?db=0, "
            f"with no options but {', '.join(sorted(_OPTIONS))}"
        )
    if find_spec("redis") is None:
        raise ValueError("the Redis client to be installed: pip install 'music21-server[redis]'")


def address(url: str) -> str:
    """Return the address in a URL without user and password: `Redis at 10.0.0.7:6379, database 2`."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        server, database = f"Redis at {parts.path}", ""
    else:
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "localhost"
        server, database = f"Redis at {host}:{parts.port or 6379}", parts.path.strip("/")
    database = dict(parse_qsl(parts.query)).get("db", database)
    return f"{server}, database {database}" if database else server


def _is_redis_url(parts: SplitResult) -> bool:
    options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True))
    if parts.fragment or not options.keys() <= _OPTIONS or not options.get("db", "0").isdecimal():
        return False
    if parts.scheme == "unix":
        return parts.path.startswith("/") and len(parts.path) > 1
    database = parts.path.strip("/")
    return (
        parts.scheme in ("redis", "rediss")
        and parts.port != 0
        and bool(parts.hostname)
        and (not database or database.isdecimal())
    )
