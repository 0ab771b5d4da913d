"""The page at which k6 asks for new headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import httpx2
import pytest

from perf_core.errors import TargetError
from perf_core.server.credentials.access import FixedIdentity
from perf_core.server.credentials.renewal import Renewal, _Server


@dataclass
class Changing:
    """A user whose token is the number of refusals."""

    renew_at_s: float | None = 1000.5
    is_renewable: bool = True
    refusals: int = 0
    is_down: bool = False
    asked: list[str] = field(default_factory=list)

    def headers(self) -> Mapping[str, str]:
        if self.is_down:
            raise TargetError("the authorization server is down")
        return {"Authorization": f"Bearer {self.refusals}"}

    def refused(self) -> None:
        self.refusals += 1

    def secrets(self) -> Sequence[str]:
        return ()

    def at(self, _url: str) -> Changing:
        return self


def get(url: str) -> httpx2.Response:
    return httpx2.get(url, timeout=10, trust_env=False)


def test_user_that_never_changes_has_no_address() -> None:
    with Renewal([FixedIdentity({"X-Key": "k"})]) as renewal:
        assert renewal.document(0) == {"headers": {"X-Key": "k"}}


def test_new_headers_and_when_to_ask_again() -> None:
    user = Changing()
    with Renewal([FixedIdentity(), user]) as renewal:
        document = renewal.document(1)
        assert document["headers"] == {"Authorization": "Bearer 0"}
        assert document["renew"]["at_ms"] == 1_000_500
        url = document["renew"]["url"]
        assert get(url).json() == document
        assert get(f"{url}?refused").json()["headers"] == {"Authorization": "Bearer 1"}
        assert get(url).json()["headers"] == {"Authorization": "Bearer 1"}
        assert renewal.problems == ()


def test_token_without_an_end_is_asked_for_only_when_it_is_refused() -> None:
    with Renewal([Changing(renew_at_s=None)]) as renewal:
        assert renewal.document(0)["renew"]["at_ms"] == 2**53 - 1


def test_user_without_a_new_token_is_a_problem_that_is_told_once() -> None:
    user = Changing()
    with Renewal([user]) as renewal:
        url = renewal.document(0)["renew"]["url"]
        user.is_down = True
        assert [get(url).status_code for _ in range(3)] == [503] * 3
        assert renewal.problems == ("the authorization server is down",)


def test_other_paths_show_nothing() -> None:
    with Renewal([Changing()]) as renewal:
        url = renewal.document(0)["renew"]["url"]
        origin = url[: url.index("/", len("http://"))]
        for path in ("/", "/0", f"{url.removeprefix(origin)}x", url.removeprefix(origin)[:-1] + "7"):
            response = get(origin + path)
            assert response.status_code == 404
            assert response.json() == {}


def test_broken_connections_are_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    server = _Server(("127.0.0.1", 0), BaseHTTPRequestHandler)
    for error, is_shown in ((BrokenPipeError(), False), (ValueError("a fault"), True)):
        try:
            raise error
        except (OSError, ValueError):
            server.handle_error(None, ("127.0.0.1", 1))
        assert ("Traceback" in capsys.readouterr().err) is is_shown
    server.server_close()


def test_page_ends_with_its_context() -> None:
    with Renewal([Changing()]) as renewal:
        url = renewal.document(0)["renew"]["url"]
    with pytest.raises(httpx2.ConnectError):
        get(url)
