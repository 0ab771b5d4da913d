"""Passwords and keys in URLs."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from perf_core.errors import UsageError
from perf_core.server.credentials.access import OPEN, Access
from perf_core.server.credentials.access_settings import AccessSettings, access_from
from perf_core.server.credentials.url_credentials import filled_url, take_credentials
from perf_core.server.subject import Subject

if TYPE_CHECKING:
    from conftest import Build

ENVIRON = {"MY_KEY": "k-12345", "TOKEN_A": "token-a"}


def headers_of(access: Access) -> list[dict[str, str]]:
    return [dict(identity.headers()) for identity in access.identities]


def test_password_of_a_url_becomes_a_header(build: type[Build]) -> None:
    url, access = take_credentials("https://me:p%40ss-w0rd@h:8443/mcp?x=1", OPEN)
    assert url == "https://h:8443/mcp?x=1"
    encoded = base64.b64encode(b"me:p@ss-w0rd").decode()
    assert headers_of(access) == [{"Authorization": f"Basic {encoded}"}]
    assert {"p@ss-w0rd", encoded} <= set(access.secrets())
    assert take_credentials(url, access) == (url, access)
    subject = Subject(build.adapter({}), "https://me:p%40ss-w0rd@h:8443/mcp")
    assert "ss-w0rd" not in repr(subject)
    assert subject.access.own_headers()["Authorization"].startswith("Basic ")


def test_user_without_a_password_may_be_a_token() -> None:
    url, access = take_credentials("https://t0ken-123@h/mcp", OPEN)
    assert url == "https://h/mcp"
    assert "t0ken-123" in access.secrets()
    assert "me-12345" not in take_credentials("https://me-12345:pw-123@h/mcp", OPEN)[1].secrets()


def test_users_of_their_own_are_kept_beside_a_password() -> None:
    given = access_from(AccessSettings(headers={"X-Key": "$MY_KEY"}), ENVIRON)
    (headers,) = headers_of(take_credentials("http://me:pw-123@h/mcp", given)[1])
    assert headers["X-Key"] == "k-12345"
    assert headers["Authorization"].startswith("Basic ")
    token = access_from(AccessSettings(bearer_env="TOKEN_A"), ENVIRON)
    assert headers_of(take_credentials("http://me:pw-123@h/mcp", token)[1]) == headers_of(token)


def test_key_in_a_query_stays_and_is_hidden() -> None:
    url, access = take_credentials("https://h/mcp?api_key=k-12345&page=2", OPEN)
    assert url == "https://h/mcp?api_key=k-12345&page=2"
    assert access.secrets() == ("k-12345",)
    assert take_credentials(url, access)[1].secrets() == ("k-12345",), "it is hidden once"


def test_key_in_a_path_is_hidden() -> None:
    url, access = take_credentials("https://h/s/ghp_abcdefghijklmnopqrstuvwxyz/mcp", OPEN)
    assert url == "https://h/s/ghp_abcdefghijklmnopqrstuvwxyz/mcp"
    assert access.secrets() == ("ghp_abcdefghijklmnopqrstuvwxyz",)


def test_url_of_a_file_may_name_variables() -> None:
    url, access = filled_url("http://h/mcp?key=$MY_KEY&q=$$5", OPEN, {"MY_KEY": "k/1 2\n"})
    assert url == "http://h/mcp?key=k%2F1%202&q=$5"
    assert set(access.secrets()) == {"k/1 2", "k%2F1%202"}
    assert filled_url("http://h/mcp", OPEN, {}) == ("http://h/mcp", OPEN)
    with pytest.raises(UsageError, match="url: the environment variable MY_KEY is not set"):
        filled_url("http://h/mcp?key=${MY_KEY}", OPEN, {})


@pytest.mark.parametrize(
    ("url", "filled"),
    [
        ("http://$HOST/mcp", "http://h:8000/mcp"),
        ("$URL", "https://h:8000/a?b=c"),
        ("https://me:$KEY@$HOST/$KEY?k=$KEY", "https://me:a%2F%40@h:8000/a%2F%40?k=a%2F%40"),
    ],
)
def test_host_and_whole_urls_are_filled_in_as_they_are(url: str, filled: str) -> None:
    environ = {"HOST": "h:8000", "URL": "https://h:8000/a?b=c", "KEY": "a/@"}
    assert filled_url(url, OPEN, environ)[0] == filled


def test_host_and_port_are_no_secrets() -> None:
    environ = {"HOST": "example.test", "PORT": "8000", "URL": "https://h/s/k-12345"}
    assert filled_url("http://$HOST:$PORT/mcp", OPEN, environ) == ("http://example.test:8000/mcp", OPEN)
    assert "https://h/s/k-12345" in filled_url("$URL", OPEN, environ)[1].secrets()
