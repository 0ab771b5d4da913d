"""Variables with which k6 reaches a server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from perf_core.errors import TargetError, UsageError
from perf_core.load.k6_access import LoadedServer, k6_access
from perf_core.server.credentials.access import OPEN, Access, bearer
from perf_core.server.credentials.oauth import OAuthClient, OAuthIdentity

if TYPE_CHECKING:
    from conftest import Certificates

URL = "http://h/mcp"


def test_open_server_needs_its_url_only() -> None:
    with k6_access(LoadedServer(URL, OPEN)) as access:
        assert access.env == {"SERVER_URL": URL, "MCP_REVISION": "2025-11-25"}


def test_users_of_both_servers_of_a_comparison() -> None:
    first = LoadedServer(f"{URL}?key=k", bearer(["the lab's", "a", "b"]), "2025-03-26")
    second = LoadedServer("http://o/mcp", bearer(["everybody's"]))
    with k6_access(first, second) as access:
        env = dict(access.env)
    assert env["SERVER_URL"] == f"{URL}?key=k"
    assert json.loads(env["MCP_IDENTITIES"]) == [
        {"headers": {"Authorization": "Bearer a"}},
        {"headers": {"Authorization": "Bearer b"}},
    ]
    assert env["MCP_REVISION"] == "2025-03-26"
    assert env["RIVAL_URL"] == "http://o/mcp"
    assert json.loads(env["MCP_RIVAL_IDENTITIES"]) == [{"headers": {"Authorization": "Bearer everybody's"}}]
    assert env["MCP_RIVAL_REVISION"] == "2025-11-25"
    assert "everybody's" not in repr(access)


@pytest.mark.parametrize(
    ("url", "exact"),
    [
        ("http://h:1", "http://h:1/"),
        ("http://h/", "http://h/"),
        ("http://h?a=1", "http://h/?a=1"),
        (URL, URL),
    ],
)
def test_url_that_was_reached_is_the_endpoint(url: str, exact: str) -> None:
    with k6_access(LoadedServer(url, OPEN), LoadedServer(url, OPEN)) as access:
        assert (access.env["SERVER_URL"], access.env["RIVAL_URL"]) == (exact, exact)


def test_many_users_stand_in_several_variables() -> None:
    tokens = [f"{number:04}" * 300 for number in range(400)]
    with k6_access(LoadedServer(URL, bearer(["the lab's", *tokens]))) as access:
        env = dict(access.env)
    names = ["MCP_IDENTITIES", *(f"MCP_IDENTITIES_{number}" for number in range(2, 6))]
    assert sorted(name for name in env if name.startswith("MCP_IDENTITIES")) == names
    users = [user for name in names for user in json.loads(env[name])]
    assert [user["headers"]["Authorization"] for user in users] == [f"Bearer {token}" for token in tokens]
    # The limit of Linux is 131,072.
    assert max(map(len, env.values())) < 110_000


def test_token_that_expires_is_renewed_at_an_address_of_the_lab(guarded: Any) -> None:
    server = guarded()
    server.tokens = set()
    identity = OAuthIdentity(OAuthClient(*server.client)).at(server.url)
    with k6_access(LoadedServer(server.url, Access((identity,)))) as access:
        (user,) = json.loads(access.env["MCP_IDENTITIES"])
        assert user["headers"] == {"Authorization": "Bearer issued-token-1"}
        assert httpx2.get(user["renew"]["url"], trust_env=False).json() == user
        assert access.problems == ()
        server.is_down = True
        identity._token = None
        assert httpx2.get(user["renew"]["url"], trust_env=False).status_code == 503
        (problem,) = access.problems
        assert problem.startswith("expected a new token during the load")
    with pytest.raises(TargetError, match="expected a token"), k6_access(access_of_a_down_server(server)):
        pass


def access_of_a_down_server(server: Any) -> LoadedServer:
    identity = OAuthIdentity(OAuthClient(*server.client)).at(server.url)
    return LoadedServer(server.url, Access((identity,)))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Go asks the system's own store")
def test_certificates_are_added_to_those_of_the_system(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "system.pem"
    system.write_text("the system's\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(system))
    with k6_access(LoadedServer(URL, Access(ca_file=certificates.ca_file))) as access:
        bundle = Path(access.env["SSL_CERT_FILE"])
        text = bundle.read_text()
        assert "the system's" in text
        assert certificates.ca_file.read_text() in text
        assert "MCP_INSECURE_TLS" not in access.env
    assert not bundle.exists()
    with k6_access(LoadedServer(URL, Access(insecure=True))) as access:
        assert access.env["MCP_INSECURE_TLS"] == "1"


def test_certificates_where_k6_takes_none_from_a_file(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    server = LoadedServer(URL, Access(ca_file=certificates.ca_file))
    with pytest.raises(UsageError, match="--ca-file: expected Linux"), k6_access(server):
        pass


def test_each_rival_has_numbered_variables() -> None:
    rivals = [LoadedServer(f"http://r{number}/mcp", bearer(["lab", f"t{number}"])) for number in (1, 2, 3)]
    with k6_access(LoadedServer(URL, OPEN), *rivals) as access:
        env = dict(access.env)
    assert [env[name] for name in ("RIVAL_URL", "RIVAL_2_URL", "RIVAL_3_URL")] == [r.url for r in rivals]
    tokens = [
        json.loads(env[f"MCP_{rival}_IDENTITIES"])[0]["headers"]["Authorization"]
        for rival in ("RIVAL", "RIVAL_2", "RIVAL_3")
    ]
    assert tokens == ["Bearer t1", "Bearer t2", "Bearer t3"]
    assert env["MCP_RIVAL_3_REVISION"] == "2025-11-25"
