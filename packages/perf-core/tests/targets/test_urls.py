"""URLs as people type them."""

from __future__ import annotations

import pytest

from perf_core.targets.urls import is_url, server_at, with_scheme, with_usual_path


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("localhost:8000/mcp", "http://localhost:8000/mcp"),
        ("localhost:8000", "http://localhost:8000"),
        ("127.0.0.1:8000/mcp/", "http://127.0.0.1:8000/mcp/"),
        ("[::1]:8000/mcp", "http://[::1]:8000/mcp"),
        ("localhost/mcp", "http://localhost/mcp"),
        ("mcp.example.test/mcp", "https://mcp.example.test/mcp"),
        ("example.test/a/mcp", "https://example.test/a/mcp"),
        (" build-host:9000 ", "http://build-host:9000"),
    ],
)
def test_url_without_a_scheme_is_recognised(typed: str, meant: str) -> None:
    assert with_scheme(typed) == meant
    assert not is_url(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "calculator",
        "calculator@HEAD~1",
        "weather.toml",
        "./server.py",
        "servers/weather",
        "npx",
        "",
        "C:\\x",
        "load",
    ],
)
def test_other_words_are_no_urls(typed: str) -> None:
    assert with_scheme(typed) == ""
    assert not is_url(typed)


def test_scheme_is_recognised() -> None:
    assert is_url("HTTPS://h")
    assert is_url(" http://h")
    assert not is_url("ftp://h")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://127.0.0.1:8100/mcp", "127.0.0.1:8100"),
        ("https://me:secret@example.test/mcp?key=secret", "example.test"),
        ("http://[::1]:80/mcp", "[::1]:80"),
        ("http://h:99999", "server"),
        ("http://[::1", "server"),
    ],
)
def test_server_is_named_by_host_and_port_alone(url: str, name: str) -> None:
    assert server_at(url) == name


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:{port}", "http://127.0.0.1:{port}/mcp"),
        (" http://h:1?key=1 ", "http://h:1/mcp?key=1"),
        # The root of a server may be its endpoint.
        ("http://127.0.0.1:{port}/", "http://127.0.0.1:{port}/"),
        ("http://[::1]:{port}/a", "http://[::1]:{port}/a"),
        ("http://[::1", "http://[::1"),
    ],
)
def test_url_without_a_path_gets_the_usual_one(url: str, expected: str) -> None:
    assert with_usual_path(url) == expected
