"""Certificates: trusted, unknown, and anything at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from perf_core.errors import NoAnswer
from perf_core.server.client.endpoints import uptime_s
from perf_core.server.client.handshake import shake_hands
from perf_core.server.credentials.access import Access
from perf_core.server.credentials.http_client import tls_context

if TYPE_CHECKING:
    from conftest import Certificates


def test_certificate_of_an_own_authority(guarded: Any, certificates: Certificates) -> None:
    server = guarded(tls=certificates.tls)
    trusting = Access(ca_file=certificates.ca_file)
    assert shake_hands(server.url, "session", access=trusting).server_name == "guarded"
    assert shake_hands(server.url, "session", access=Access(insecure=True)).server_name == "guarded"
    assert (uptime_s(server.url, access=trusting) or 0) > 0
    assert uptime_s(server.url) is None


def test_unknown_certificate_is_told_with_both_ways_out(guarded: Any, certificates: Certificates) -> None:
    server = guarded(tls=certificates.tls)
    with pytest.raises(
        NoAnswer, match="expected a certificate that this machine trusts at https://"
    ) as caught:
        shake_hands(server.url, "session")
    assert "--ca-file FILE" in caught.value.hint
    assert "--insecure" in caught.value.hint
    assert not caught.value.is_temporary, "it does not become valid while a server starts"


def test_tls_where_none_is_spoken(guarded: Any) -> None:
    server = guarded()
    with pytest.raises(NoAnswer, match="expected TLS") as caught:
        shake_hands(server.url.replace("http", "https"), "session")
    assert "http://" in caught.value.hint
    assert not caught.value.is_temporary


def test_contexts_are_made_once(certificates: Certificates) -> None:
    assert tls_context(certificates.ca_file) is tls_context(certificates.ca_file)
