from __future__ import annotations

from pathlib import Path

import pytest
from pydantic_settings import SettingsConfigDict

from server_core import Port, ServerSettings, SettingsError, load_settings
from server_core.layers.token_buckets import Rate


class Settings(ServerSettings):
    """Settings of a test."""

    model_config = SettingsConfigDict(env_prefix="DEMO_", cli_prog_name="demo")

    port: Port = 4321


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)


def test_defaults_are_safe() -> None:
    settings = load_settings(Settings, [])
    assert (settings.host, settings.port, settings.path) == ("127.0.0.1", 4321, "/mcp")
    assert settings.json_response
    assert settings.max_body_bytes == 4 * 1024 * 1024
    assert settings.max_sessions == 10_000
    assert settings.otlp_endpoint is None


def test_command_line_beats_environment_beats_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("DEMO_PORT=1\nDEMO_MAX_SESSIONS=1\nDEMO_PATH=/one\nOTHER_PROGRAM=x\n")
    monkeypatch.setenv("DEMO_PORT", "2")
    monkeypatch.setenv("DEMO_MAX_SESSIONS", "2")
    settings = load_settings(Settings, ["--port", "3"])
    assert (settings.port, settings.max_sessions, settings.path) == (3, 2, "/one")


def test_lists_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_ALLOWED_HOSTS", "a.example, b.example")
    settings = load_settings(Settings, ["--allowed-origins", "http://x,http://y"])
    assert settings.allowed_hosts == ["a.example", "b.example"]
    assert settings.allowed_origins == ["http://x", "http://y"]


def test_an_empty_variable_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_PORT", "")
    assert load_settings(Settings, []).port == 4321


def test_the_standard_otlp_variable_is_used_unless_the_servers_own_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://standard:4318")
    assert load_settings(Settings, []).otlp_endpoint == "http://standard:4318"
    monkeypatch.setenv("DEMO_OTLP_ENDPOINT", "http://own:4318")
    assert load_settings(Settings, []).otlp_endpoint == "http://own:4318"


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--port", "abc", "a valid integer"),
        ("--port", "-1", "greater than or equal to 0"),
        ("--port", "65536", "less than or equal to 65535"),
        ("--path", "mcp", "starts with /"),
        ("--path", "/health", "another path"),
        ("--path", "/health/mcp", "another path"),
        ("--path", "/a{b}", "starts with /"),
        ("--transport", "tcp", "'http' or 'stdio'"),
        ("--max-body-bytes", "0", "greater than or equal to 1"),
        ("--request-timeout-s", "inf", "finite"),
        ("--request-timeout-s", "0", "greater than 0"),
        ("--log-level", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("--otlp-endpoint", "collector:4318", "a URL such as"),
        ("--workers", "0", "greater than or equal to 1"),
        ("--workers", "65", "less than or equal to 64"),
        ("--node", "a.b", "text that matches"),
        ("--node", "n" * 33, "text that matches"),
        ("--rate-limit-per-s", "0", "greater than 0"),
        ("--rate-limit-per-s", "1000001", "less than or equal to 1000000"),
        ("--rate-limit-burst", "0", "greater than or equal to 1"),
        ("--max-sessions", "0", "greater than or equal to 1"),
        ("--session-idle-timeout-s", "inf", "finite"),
        ("--drain-timeout-s", "0", "greater than 0"),
        ("--path", "/mcp%0a", "starts with /"),
        ("--path", "/mcp\n", "starts with /"),
    ],
)
def test_a_malformed_setting_is_reported_with_expected_and_actual_value(
    option: str, value: str, expected: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(Settings, [f"{option}={value}"])
    (problem,) = caught.value.problems
    assert option in problem
    assert "DEMO_" + option[2:].replace("-", "_").upper() in problem
    assert f"got {value!r}" in problem
    assert expected in problem
    assert "\n" not in problem
    assert caught.value.exit_code == 2


SECRET = "0123456789abcdef"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_hosts_for_other_machines_need_a_token_or_no_auth(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(Settings, ["--host", host])
    (problem,) = caught.value.problems
    assert problem.startswith("DEMO_AUTH_TOKENS or --auth-tokens: expected at least one token, got none")
    assert "--no-auth" in problem
    assert load_settings(Settings, ["--host", host, "--no-auth"]).auth_tokens == []
    assert load_settings(Settings, ["--host", host, "--transport", "stdio"]).host == host
    monkeypatch.setenv("DEMO_AUTH_TOKENS", f"{SECRET},{SECRET}2")
    tokens = load_settings(Settings, ["--host", host]).auth_tokens
    assert [token.get_secret_value() for token in tokens] == [SECRET, SECRET + "2"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    assert load_settings(Settings, ["--host", host]).auth_tokens == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--auth-tokens", "short-secret"], "at least 16"),
        (["--auth-tokens", f"{SECRET},with blanks and more"], "at least 16"),
        (["--auth-tokens", SECRET, "--no-auth"], "one of the two is a mistake"),
    ],
)
def test_a_problem_with_tokens_does_not_reveal_them(arguments: list[str], expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(Settings, arguments)
    (problem,) = caught.value.problems
    assert expected in problem
    assert "got a hidden value" in problem
    assert not any(secret in problem for secret in ("short-secret", SECRET, "with blanks"))


def test_tokens_are_hidden_in_the_settings_repr() -> None:
    settings = load_settings(Settings, ["--auth-tokens", SECRET])
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.model_dump())


def test_the_default_burst_is_the_rate_of_one_second() -> None:
    assert load_settings(Settings, []).rate is None
    assert load_settings(Settings, ["--rate-limit-per-s", "2.5"]).rate == Rate(2.5, 3)
    assert load_settings(Settings, ["--rate-limit-per-s", "2", "--rate-limit-burst", "9"]).rate == Rate(2, 9)


def test_a_burst_without_a_rate_would_limit_nothing() -> None:
    with pytest.raises(SettingsError, match="given with --rate-limit-per-s"):
        load_settings(Settings, ["--rate-limit-burst", "5"])


def test_stdio_has_one_worker() -> None:
    with pytest.raises(SettingsError, match="expected 1 over stdio"):
        load_settings(Settings, ["--transport", "stdio", "--workers", "2"])


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(Settings, ["--port=x", "--max-sessions=y"])
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("arguments", [["--prot", "1"], ["stray"], ["--port"]])
def test_an_unknown_option_is_one_line(arguments: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(Settings, arguments)
    (problem,) = caught.value.problems
    assert arguments[0] in problem
    assert "--help" in problem


def test_help_lists_every_setting_with_variable_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_settings(Settings, ["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, setting in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        assert f"[env: DEMO_{name.upper()}]" in text
        assert f"(default: {setting.default})" in text
        assert setting.description, name


def test_version_of_a_server_that_is_not_installed_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_settings(Settings, ["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == "demo (version unknown: not installed)\n"


@pytest.mark.parametrize("proxies", ["*", "proxy.example", "10.0.0.0/33", "10.0.0.1,x"])
def test_trusted_proxies_are_addresses_or_networks(proxies: str) -> None:
    with pytest.raises(SettingsError, match=r"addresses or networks such as 127\.0\.0\.1"):
        load_settings(Settings, ["--trusted-proxies", proxies])
    assert load_settings(Settings, ["--trusted-proxies", "::1, 10.1.2.3/8"]).trusted_proxies == [
        "::1",
        "10.1.2.3/8",
    ]
