"""Cookies that a session behind the bridge keeps."""

from __future__ import annotations

from perf_core.server.bridge.cookies import Cookies


def test_cookies_are_sent_until_they_end() -> None:
    cookies = Cookies()
    assert cookies.added_to({b"a": b"b"}) == {b"a": b"b"}
    cookies.take([b"node=1; Path=/; HttpOnly", b"zone = x", b"nothing", b"=nobody"])
    assert cookies.added_to({b"a": b"b"}) == {b"a": b"b", b"cookie": b"node=1; zone=x"}
    cookies.take([b"node=2", b"zone=; max-age=0"])
    assert cookies.added_to({b"cookie": b"team=1"}) == {b"cookie": b"team=1; node=2"}


def test_a_server_sets_a_limited_number_of_cookies() -> None:
    cookies = Cookies()
    cookies.take(b"c%d=1" % number for number in range(1000))
    assert cookies.added_to({})[b"cookie"].count(b"=") == 50
    cookies.take([b"c0=2", b"another=1"])
    assert cookies.added_to({})[b"cookie"].startswith(b"c0=2; ")
