"""The lab's HTTP client: no proxies of the environment, and the certificates that the user trusts."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx2

from perf_core.errors import UsageError
from perf_core.server.credentials.access import Access


def http_client(access: Access, timeout_s: float, **options: Any) -> httpx2.Client:
    """Return a client with which to reach a server.

    Args:
        options: Further arguments of ``httpx2.Client``.

    Raises:
        UsageError: The file of certificates cannot be used.
    """
    # Without the proxies of the environment, which would be measured too.
    verify = tls_context(access.ca_file, insecure=access.insecure)
    return httpx2.Client(timeout=timeout_s, trust_env=False, verify=verify, **options)


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
