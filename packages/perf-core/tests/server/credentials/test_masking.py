"""Secrets are found by name and format, and masked in every form."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf_core.errors import TargetError
from perf_core.server.credentials.access_settings import AccessSettings, access_from
from perf_core.server.credentials.masking import (
    cut,
    looks_secret,
    mask_file,
    masked,
    masked_command,
    masked_errors,
    masked_url,
    masked_word,
    secrets_in_command,
    secrets_in_environment,
    secrets_in_url,
)


@pytest.mark.parametrize(
    "name",
    ["Authorization", "X-Api-Key", "x-key", "API_KEY", "apikey", "key", "GITHUB_TOKEN", "--token",
     "--auth-tokens", "accessToken", "client_secret", "DB_PASSWORD", "PGPASSWORD", "passwd", "Cookie",
     "SENTRY_DSN", "sig", "--private-key", "Proxy-Authorization"],
)  # fmt: skip # names read better in rows
def test_names_of_secrets(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    ["X-Team", "--port", "monkey", "keyboard", "--max-tokens", "MAX_TOKENS", "tokenizer", "--key-file",
     "author", "TOKEN_URL", "--bearer-env", "Accept", "page", "signal", "pattern", "turkey"],
)  # fmt: skip # names read better in rows
def test_names_of_other_values(name: str) -> None:
    assert not looks_secret(name)


def test_secret_is_masked_in_every_form() -> None:
    secret = 'p@ss "wörd"/+1'
    for text in (
        secret,
        "x=p%40ss%20%22w%C3%B6rd%22%2F%2B1&y",
        "x=p%40ss+%22w%C3%B6rd%22%2F%2B1&y",
        '{"a":"p@ss \\"wörd\\"/+1"}',
        '{"a":"p@ss \\"w\\u00f6rd\\"/+1"}',
    ):
        assert "***" in masked(text, [secret])
        assert "rd" not in masked(text, [secret])
    assert masked("a longer secret and a long", ["a long", "a longer secret"]) == "*** and ***"
    assert masked("abc", ["abc", ""]) == "abc", "so short a text stands in ordinary words"


@pytest.mark.parametrize(
    "text",
    [
        "the key is opensesame-7",
        "opensesame-7",
        'Bearer "opensesame-7" is wrong',
        "k=opensesame-7&opensesame-7",
    ],
)
def test_secret_that_was_cut_is_masked(text: str) -> None:
    for longest in range(1, len(text) + 3):
        shown = masked(cut(text, longest), ["opensesame-7", "ameliorate"])
        assert "opens" not in shown
        assert len(cut(text, longest)) <= max(longest, 1)
    assert masked(cut("the key is opensesame-7", 16), ["opensesame-7"]) == "the key is ***…"
    assert (
        masked("the key is openses… (200 characters)", ["opensesame-7"]) == "the key is ***… (200 characters)"
    )
    assert masked(cut("a word like open spaces", 17), ["opensesame-7"]) == "a word like ***…"
    assert masked("others… are… left… alone", ["opensesame-7"]) == "others… are… left… alone"


def test_urls() -> None:
    assert masked_url("see http://me:pw@h:1/x and http://h/y") == "see http://me:***@h:1/x and http://h/y"
    assert masked_url("http://h/mcp?api_key=k&page=2&token=t") == "http://h/mcp?api_key=***&page=2&token=***"
    assert masked_url("http://me:p@w:d@h:1/x?mail=a@b") == "http://me:***@h:1/x?mail=a@b"
    found = secrets_in_url("http://me:p%40w@h/mcp?api_key=a%2fb&page=2")
    assert found == ("p@w", "p%40w", "a/b", "a%2fb"), "as they stand there and decoded"
    assert secrets_in_url("http://[") == secrets_in_url("text") == ()


def test_commands() -> None:
    argv = [
        *("npx", "server", "--api-key", "key-1", "--port", "80", "--token=tok-2", "A_SECRET=sec-3"),
        *("sk-abcdefgh12345678", "--header", "Authorization: Bearer bea-4", "postgres://u:pwd-5@h/db"),
        *("--auth-tokens", "ta-6,tb-6", "$HOME"),
    ]
    secrets = secrets_in_command(argv)
    assert set(secrets) >= {
        "key-1",
        "tok-2",
        "sec-3",
        "sk-abcdefgh12345678",
        "bea-4",
        "pwd-5",
        "ta-6",
        "tb-6",
    }
    assert masked_command(argv) == [
        *("npx", "server", "--api-key", "***", "--port", "80", "--token=***", "A_SECRET=***", "***"),
        *("--header", "Authorization: Bearer ***", "postgres://u:***@h/db", "--auth-tokens", "***", "$HOME"),
    ]  # fmt: skip
    named = ["--header", "X-Key: $MY_KEY", "--token", "$TOKEN", "--api-key", "--verbose"]
    assert masked_command(named) == named, "the name of a variable is no secret"


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("--env=API_KEY=k-12345", "--env=API_KEY=***"),
        ("--header=X-Api-Key: k-12345", "--header=X-Api-Key: ***"),
        ("--header=Authorization: Bearer k-12345", "--header=Authorization: Bearer ***"),
        ("-HAuthorization: Bearer k-12345", "-HAuthorization: Bearer ***"),
        ("Cookie: session=k-12345; theme=k-6789", "Cookie: ***"),
        ('{"apiKey": "k-12345", "servers": [{"env": {"TOKEN": "k-6789"}}]}',
         '{"apiKey": "***", "servers": [{"env": {"TOKEN": "***"}}]}'),
        ('--config={"apiKey":"k-12345"}', '--config={"apiKey":"***"}'),
        ("npx -y server --api-key k-12345 --port 80", "npx -y server --api-key *** --port 80"),
        ("LEVEL=1 API_KEY=k-12345 exec server --token='k-6789 x'",
         "LEVEL=1 API_KEY=*** exec server --token='***'"),
        ("curl -H 'X-Api-Key: k-12345' http://h/k", "curl -H 'X-Api-Key: ***' http://h/k"),
        ("it isn't --token k-12345", "it isn't --token ***"),
    ],
)  # fmt: skip # pairs read better in rows
def test_secrets_within_one_argument(argument: str, shown: str) -> None:
    assert masked_command(["run", argument]) == ["run", shown]
    alone = [each for each in ("k-12345", "k-6789") if each in argument]
    assert not [each for each in alone if each in masked(f"{alone} in a log", secrets_in_command([argument]))]


def test_header_of_another_scheme_is_masked_whole() -> None:
    argv = ["--header", 'Authorization: Digest username="me", response="k-12345"']
    assert masked_command(argv) == ["--header", "Authorization: ***"]


@pytest.mark.parametrize("argument", ["print(sorted(names, key=len_of))", "[::1]", "{port}", "[1, 2"])
def test_code_and_other_text_is_left_alone(argument: str) -> None:
    assert secrets_in_command(["python", "-c", argument]) == ()


def test_environment() -> None:
    variables = {
        "API_KEY": "k-1",
        "PATH": "/bin",
        "URL": "http://u:p-2@h",
        "GH": f"ghp_{'a' * 30}",
        "MAX_TOKENS": "5",
        "USE_TOKEN": "true",
        "KEY": "12345",
    }
    assert set(secrets_in_environment(variables)) == {"k-1", "p-2", f"ghp_{'a' * 30}"}


def test_the_working_folder_of_a_shell_is_no_secret() -> None:
    assert secrets_in_environment({"PWD": "/home/ada/project", "DB_PWD": "p-2-of-ada"}) == ("p-2-of-ada",)


def test_errors_are_masked_with_the_secrets_of_that_moment() -> None:
    secrets = ["first-one"]

    def fail() -> None:
        secrets.append("second-one")
        raise TargetError("got first-one and second-one", "use second-one")

    with pytest.raises(TargetError) as caught, masked_errors(lambda: secrets):
        fail()
    assert str(caught.value) == "got *** and ***\nuse ***"
    assert caught.value.args == ("got *** and ***",)


def test_log_is_masked_in_place_and_otherwise_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_bytes(b"start\r\nkey s3cret-key \xff\xfe\nend")
    mask_file(path, ["s3cret-key"])
    assert path.read_bytes() == b"start\r\nkey *** \xff\xfe\nend"
    before = path.stat().st_mtime_ns
    mask_file(path, ["another"])
    assert path.stat().st_mtime_ns == before
    mask_file(tmp_path / "none", ["another"])
    assert [each.name for each in tmp_path.iterdir()] == ["server.log"]


def test_values_of_headers_are_masked_with_and_without_their_scheme() -> None:
    access = access_from(AccessSettings(bearer_env="T"), {"T": "abcdef"})
    assert masked("Authorization: Bearer abcdef; abcdef", access.secrets()) == "Authorization: ***; ***"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("me:opensesame@127.0.0.1:9/mcp", "me:***@127.0.0.1:9/mcp"),
        ("ftp://me:opensesame@h", "ftp://me:***@h"),
        ("http:/me:opensesame@h", "http:/me:***@h"),
        ("https://me:open/ses@me@h:9/mcp", "https://me:***@h:9/mcp"),
        ("me:o:p@h", "me:***@h"),
        (":opensesame@h", ":***@h"),
        ("h:8000/mcp?token=opensesame", "h:8000/mcp?token=***"),
        ("http://127.0.0.1:8000/users/me@example.test", "http://127.0.0.1:8000/users/me@example.test"),
        ("calculator@HEAD~1", "calculator@HEAD~1"),
        ("notes@v1:2", "notes@v1:2"),
        ("localhost:8000/mcp", "localhost:8000/mcp"),
        ("C:\\servers\\weather.exe", "C:\\servers\\weather.exe"),
    ],
)
def test_word_that_was_typed_is_shown_without_its_password(word: str, shown: str) -> None:
    assert masked_word(word) == shown


def test_references_in_a_url_are_kept_where_they_are_variables() -> None:
    url = "https://${U}:${P}@h/mcp?api_key=${K}&token=abcdef"
    assert masked_url(url, has_references=True) == "https://${U}:${P}@h/mcp?api_key=${K}&token=***"
    assert masked_url(url) == "https://${U}:***@h/mcp?api_key=***&token=***"


def test_key_of_a_known_form_is_masked_anywhere_in_a_url() -> None:
    assert masked_url("https://h/s/ghp_abcdefghijklmnopqrstuvwxyz/mcp") == "https://h/s/***/mcp"


def test_value_of_a_switch_is_no_secret() -> None:
    assert masked('{"found": true, "key": "abcdef"}', ("true", "abcdef")) == '{"found": true, "key": "***"}'
