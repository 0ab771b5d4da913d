"""Targets of redirects, with and without credentials."""

import pytest

from perf_core.errors import TargetError
from perf_core.server.client.redirects import redirect_target


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("http://h/mcp", "/mcp/", "http://h/mcp/"),
        ("http://h/api/mcp", "mcp/", "http://h/api/mcp/"),
        ("http://h/mcp?a=1", "?b=2", "http://h/mcp?b=2"),
        ("http://h/mcp", "http://h:80/x", "http://h:80/x"),
        ("http://h/mcp", "https://h/mcp", "https://h/mcp"),
        ("http://[::1]:8/mcp", "http://[::1]:8/mcp/", "http://[::1]:8/mcp/"),
    ],
)
def test_same_server_may_have_the_credentials(url: str, location: str, target: str) -> None:
    assert redirect_target(url, location, has_credentials=True) == target


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("http://h/mcp", "http://other/mcp"),
        ("http://h/mcp", "//other/mcp"),
        ("http://h/mcp", "http://h:81/mcp"),
        ("https://h/mcp", "http://h/mcp"),
        ("http://h:8080/mcp", "https://h:8443/mcp"),
    ],
)
def test_another_server_may_not(url: str, location: str) -> None:
    with pytest.raises(TargetError, match="which would get the credentials"):
        redirect_target(url, location, has_credentials=True)
    assert redirect_target(url, location, has_credentials=False)


@pytest.mark.parametrize("has_credentials", [True, False])
@pytest.mark.parametrize(
    "location", ["ftp://h/mcp", "javascript:1", "http://[", "http://h:x/", "http://other:99999/mcp"]
)
def test_what_is_no_address_is_refused(location: str, has_credentials: bool) -> None:
    with pytest.raises(TargetError, match="to an http or https URL"):
        redirect_target("http://h/mcp", location, has_credentials=has_credentials)


def test_secrets_of_addresses_are_not_shown() -> None:
    with pytest.raises(TargetError) as caught:
        redirect_target("http://h/mcp?key=k-123", "http://me:pw-123@o/?token=t-123", has_credentials=True)
    assert not any(secret in str(caught.value) for secret in ("k-123", "pw-123", "t-123"))
