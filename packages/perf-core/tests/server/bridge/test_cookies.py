"""Cookies that a session behind the bridge keeps."""

from __future__ import annotations

import pytest

from perf_core.server.bridge.cookies import Cookies


def test_cookies_are_sent_until_they_end() -> None:
    cookies = Cookies()
    assert cookies.added_to({b"a": b"b"}) == {b"a": b"b"}
    cookies.take([b"node=1; Path=/; HttpOnly", b"zone = x", b"nothing", b"=nobody"])
    assert cookies.added_to({b"a": b"b"}) == {b"a": b"b", b"cookie": b"node=1; zone=x"}
    cookies.take([b"node=2", b"zone=; max-age=0"])
    assert cookies.added_to({b"cookie": b"team=1"}) == {b"cookie": b"team=1; node=2"}


@pytest.mark.parametrize(
    ("attributes", "is_over"),
    [
        ("Max-Age=-1", True),
        ("max-age = 00", True),
        ("Max-Age=60", False),
        (f"Max-Age={'9' * 5000}", False),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT", True),
        ("expires=Thu, 01-Jan-1970 00:00:01 -0000; Path=/", True),
        ("Expires=Fri, 31 Dec 9999 23:59:59 GMT", False),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", False),
        ("Expires=Fri, 31 Dec 9999 23:59:59 GMT; Max-Age=0", True),
        ("Expires=never; Max-Age=soon", False),
        ("Expires; Max-Age", False),
    ],
)
def test_a_cookie_ends_when_the_server_says_so(attributes: str, is_over: bool) -> None:
    cookies = Cookies()
    cookies.take([b"node=1"])
    cookies.take([f"node=2; {attributes}".encode()])
    assert cookies.added_to({}) == ({} if is_over else {b"cookie": b"node=2"})


def test_a_server_sets_a_limited_number_of_cookies() -> None:
    cookies = Cookies()
    cookies.take(b"c%d=1" % number for number in range(1000))
    assert cookies.added_to({})[b"cookie"].count(b"=") == 50
    cookies.take([b"c0=2", b"another=1"])
    assert cookies.added_to({})[b"cookie"].startswith(b"c0=2; ")
