"""The lab's HTTP clients: no proxies of the environment, and the certificates that the user trusts."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import httpx2

from perf_core.errors import UsageError
from perf_core.server.credentials.access import Access
from perf_core.server.credentials.bounded_transport import AsyncBoundedTransport, BoundedTransport


def http_client(
    access: Access,
    timeout_s: float,
    *,
    follow_redirects: bool = False,
    max_connections: int = 100,
    keeps_cookies: bool = True,
) -> httpx2.Client:
    """Return a client with which to reach a server.

    Args:
        timeout_s: Longest time until an answer is complete; for an event stream until it begins.
        keeps_cookies: Whether later requests have the cookies of earlier answers, as those of one user do.

    Raises:
        UsageError: The file of certificates cannot be used.
    """
    verify = tls_context(access.ca_file, insecure=access.insecure)
    limits = httpx2.Limits(max_connections=max_connections)
    # Without the proxies of the environment, which would be measured too.
    transport = BoundedTransport(httpx2.HTTPTransport(verify=verify, trust_env=False, limits=limits))
    client = httpx2.Client(
        timeout=timeout_s, trust_env=False, transport=transport, follow_redirects=follow_redirects
    )
    if not keeps_cookies:
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client


def async_http_client(
    access: Access,
    timeout: httpx2.Timeout,
    *,
    socket_options: Sequence[tuple[int, int, int]] = (),
    max_connections: int = 100,
) -> httpx2.AsyncClient:
    """Return an asynchronous client with which to reach a server.

    Raises:
        UsageError: The file of certificates cannot be used.
    """
    verify = tls_context(access.ca_file, insecure=access.insecure)
    transport = httpx2.AsyncHTTPTransport(
        verify=verify,
        trust_env=False,
        limits=httpx2.Limits(max_connections=max_connections, max_keepalive_connections=20),
        socket_options=list(socket_options) or None,
    )
    return httpx2.AsyncClient(timeout=timeout, trust_env=False, transport=AsyncBoundedTransport(transport))


@lru_cache(maxsize=16)
def tls_context(ca_file: Path | None, *, insecure: bool = False) -> ssl.SSLContext:
    """Return the certificates to trust; a context takes some 20 ms to make, and is kept.

    Raises:
        UsageError: The file of certificates cannot be used.
    """
    context = httpx2.create_ssl_context(verify=not insecure, trust_env=False)
    if insecure or ca_file is None:
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except OSError as error:
        problem = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise UsageError(
            f"expected certificates in PEM format in the CA file {ca_file}, got: {problem}",
            "Give the certificate of the authority that signed the server's: it begins with "
            "-----BEGIN CERTIFICATE-----.",
        ) from error
    return context
