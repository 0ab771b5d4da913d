"""Credentials as users state them: named, never written down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from perf_core.errors import UsageError
from perf_core.server.credentials.access import OPEN, Access, FixedIdentity
from perf_core.server.credentials.access_settings import (
    AccessSettings,
    IdentitySettings,
    OAuthSettings,
    access_from,
    parse_header,
)
from perf_core.server.credentials.oauth import OAuthIdentity

if TYPE_CHECKING:
    from conftest import Certificates

CLIENT = {"client_id": "lab", "client_secret_env": "SECRET"}

ENVIRON = {
    "MY_KEY": "k-12345",
    "TOKEN_A": "token-a",
    "TOKEN_B": "token-b\n",
    "EMPTY": " ",
    "SECRET": "s3cr3t",
}


def headers_of(access: Access) -> list[dict[str, str]]:
    return [dict(identity.headers()) for identity in access.identities]


def test_values_come_from_the_environment_and_are_hidden() -> None:
    headers = {"X-Key": "$MY_KEY", "Authorization": "Token ${TOKEN_A}", "X-Team": "blue", "X-Price": "$$5"}
    access = access_from(AccessSettings(headers=headers), ENVIRON)
    assert headers_of(access) == [
        {"X-Key": "k-12345", "Authorization": "Token token-a", "X-Team": "blue", "X-Price": "$5"}
    ]
    assert set(access.secrets()) == {"k-12345", "token-a", "Token token-a"}
    assert "token-a" not in repr(access)


def test_several_tokens_are_several_users() -> None:
    access = access_from(
        AccessSettings(headers={"X-Team": "blue"}, bearer_env=["TOKEN_A", "TOKEN_B"]), ENVIRON
    )
    assert access.own_headers() == {"X-Team": "blue", "Authorization": "Bearer token-a"}
    assert [user.headers()["Authorization"] for user in access.users] == ["Bearer token-b"]
    one = access_from(AccessSettings(bearer_env="TOKEN_A"), ENVIRON)
    assert one.users == one.identities, "a single user is everybody's"
    assert access_from(AccessSettings(), ENVIRON) == OPEN


def test_users_that_differ() -> None:
    users = (
        IdentitySettings(headers={"X-Key": "$MY_KEY"}),
        IdentitySettings(bearer_env="TOKEN_A"),
        IdentitySettings(oauth=OAuthSettings(**CLIENT)),
    )
    access = access_from(AccessSettings(headers={"X-Team": "blue"}, identities=users), ENVIRON)
    fixed = [each.headers() for each in access.identities if isinstance(each, FixedIdentity)]
    assert fixed == [
        {"X-Team": "blue", "X-Key": "k-12345"},
        {"X-Team": "blue", "Authorization": "Bearer token-a"},
    ]
    assert isinstance(access.identities[2], OAuthIdentity)
    assert "s3cr3t" in access.secrets()


def test_case_of_a_name_makes_no_second_header() -> None:
    users = (
        IdentitySettings(headers={"x-team": "red"}),
        IdentitySettings(bearer_env="TOKEN_A"),
    )
    headers = {"X-Team": "blue", "authorization": "Token $MY_KEY"}
    access = access_from(AccessSettings(headers=headers, identities=users), ENVIRON)
    assert headers_of(access) == [
        {"authorization": "Token k-12345", "x-team": "red"},
        {"X-Team": "blue", "Authorization": "Bearer token-a"},
    ]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"headers": {"X-Key": "$NO_SUCH"}}, "headers: X-Key: the environment variable NO_SUCH is not set"),
        ({"bearer_env": "EMPTY"}, "bearer_env: the environment variable EMPTY is empty"),
        ({"headers": {"X-Api-Key": "very-secret"}}, "expected the value of X-Api-Key from the environment"),
        ({"headers": {"Authorization": "Bearer very-secret"}}, "expected the value of Authorization from"),
        ({"bearer_env": "very-secret token"}, "expected the name of an environment variable, got"),
        ({"headers": {"Mcp-Session-Id": "1"}}, "Mcp-Session-Id belongs to the protocol"),
        ({"headers": {"X Team": "blue"}}, "expected the name of an HTTP header, got 'X Team'"),
        ({"headers": {"X-Team": "blue\r\nX-Evil: 1"}}, "X-Team has a character that no header can carry"),
        ({"revision": "2026-07-28"}, "which --wire stateless chooses"),
        ({"revision": "2020-01-01"}, "expected one of 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25"),
        ({"bearer_env": "TOKEN_A", "oauth": CLIENT}, "got both"),
        ({"bearer_env": "TOKEN_A", "identities": [{"bearer_env": "TOKEN_B"}]}, "within each identity"),
        ({"oauth": {**CLIENT, "client_secret_env": "NO_SUCH"}}, "oauth.client_secret_env: the"),
        (
            {"oauth": {**CLIENT, "token_url": "ftp://h"}},
            "token_url: expected an http or https URL",
        ),
        (
            {"oauth": {**CLIENT, "token_url": "http://["}},
            "token_url: expected an http or https URL",
        ),
        (
            {"oauth": {**CLIENT, "token_url": "me:very-secret@h/token"}},
            "token_url: expected an http or https URL, got 'me:***@h/token'",
        ),
        (
            {"oauth": {**CLIENT, "token_url": "https://me:very-secret@h/token"}},
            "token_url: expected a URL without a user, got 'https://me:***@h/token'",
        ),
    ],
)  # fmt: skip # rows read better
def test_what_cannot_be_used_is_told_without_its_value(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        access_from(AccessSettings(**settings), ENVIRON)
    assert problem in caught.value.message
    assert "very-secret" not in str(caught.value)
    assert "export NAME" in caught.value.hint


def test_every_problem_is_told_at_once() -> None:
    settings = AccessSettings(headers={"X-Key": "$NO_SUCH"}, bearer_env=("EMPTY",), revision="1")
    with pytest.raises(UsageError) as caught:
        access_from(settings, ENVIRON)
    assert all(text in caught.value.message for text in ("NO_SUCH", "EMPTY", "revision"))


def test_unknown_members_are_refused() -> None:
    with pytest.raises(ValidationError, match="bearer"):
        AccessSettings(bearer="t")  # type: ignore[call-arg] # that is the mistake


def test_certificates_are_looked_at_before_anything_starts(
    certificates: Certificates, tmp_path: Path
) -> None:
    folder, name = certificates.ca_file.parent, Path(certificates.ca_file.name)
    assert access_from(AccessSettings(ca_file=name), ENVIRON, folder).ca_file == certificates.ca_file
    with pytest.raises(UsageError, match=r"no-such.pem, got: No such file"):
        access_from(AccessSettings(ca_file=Path("no-such.pem")), ENVIRON, tmp_path)
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(UsageError, match="got: no certificate in it") as caught:
        access_from(AccessSettings(ca_file=tmp_path / "empty.pem"), ENVIRON)
    assert "-----BEGIN CERTIFICATE-----" in caught.value.hint


def test_header_as_it_is_typed() -> None:
    assert parse_header("X-Key:  $MY_KEY ") == ("X-Key", "$MY_KEY")
    for text in ("very-secret", ": x", "a b: c"):
        with pytest.raises(UsageError) as caught:
            parse_header(text)
        assert "very-secret" not in str(caught.value)
