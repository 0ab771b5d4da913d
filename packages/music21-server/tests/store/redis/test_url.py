"""Validation of Redis URLs, and addresses without passwords."""

from __future__ import annotations

import pytest

from music21_server.store.redis import url
from music21_server.store.redis.url import address, check_redis_url

GOOD = {
    "redis://localhost": "Redis at localhost:6379",
    "redis://10.0.0.7:6380/2": "Redis at 10.0.0.7:6380, database 2",
    "redis://user:hunter2@host/0": "Redis at host:6379, database 0",
    "redis://:hunter2@host?db=3": "Redis at host:6379, database 3",
    "rediss://[::1]:7000": "Redis at [::1]:7000",
    "unix:///run/redis.sock": "Redis at /run/redis.sock",
    "unix://:hunter2@/run/redis.sock?db=4": "Redis at /run/redis.sock, database 4",
}


@pytest.mark.parametrize("url", GOOD)
def test_the_address_of_a_url_has_no_password(url: str) -> None:
    check_redis_url(url)
    assert address(url) == GOOD[url]


@pytest.mark.parametrize(
    "url",
    [
        "", "localhost:6379", "http://host", "redis://", "redis:///0", "redis://host:x", "redis://host:0",
        "redis://host:99999", "redis://host/one", "redis://[::1", "unix://", "unix://host",
        "redis://host?socket_timeout=60", "redis://host?db=x", "redis://host#1", "redis://host?=1",
    ],
)  # fmt: skip
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^a URL such as redis://"):
        check_redis_url(url)


def test_the_error_for_a_missing_client_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url, "find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"pip install 'music21-server\[redis\]'"):
        check_redis_url("redis://localhost")
