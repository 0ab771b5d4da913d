"""Settings of a server, from command line, environment and `.env`, in this order of precedence."""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, CliApp, CliSettingsSource, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as MalformedSourceError

from server_core.errors import SettingsError
from server_core.layers.token_buckets import Rate
from server_core.layers.trusted_proxies import parse_network

STANDARD_OTLP_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The variable of the OpenTelemetry specification; used if the server's own variable is not set."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]{16,}=*")
"""Tokens that a header can carry (RFC 6750, b64token) and that are too long to guess."""


def split_on_commas(value: object) -> object:
    """Return the comma-separated parts of a text; any other value unchanged."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


# A type of its own, for subclasses that change only the default.
Port = Annotated[
    int, Field(ge=0, le=65535, description="Port to listen on; 0 picks a free one (see the ready file).")
]
Names = Annotated[list[str], NoDecode, BeforeValidator(split_on_commas)]
Secrets = Annotated[list[SecretStr], NoDecode, BeforeValidator(split_on_commas)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ServerSettings(BaseSettings):
    """Settings of every server; a subclass sets `env_prefix`, `cli_prog_name` and the port."""

    model_config = SettingsConfigDict(
        env_prefix="MCP_",  # without a prefix, `path` would be the shell's PATH
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",  # a .env file may serve several programs
        frozen=True,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_avoid_json=True,
        cli_show_env_vars=True,
        cli_exit_on_error=False,
        cli_hide_none_type=True,
    )

    transport: Literal["http", "stdio"] = Field(
        "http", description="`http` serves both MCP wires at one URL; `stdio` serves one desktop client."
    )
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address to listen on. Any but loopback needs --auth-tokens, and --allowed-hosts for "
        "host names.",
    )
    port: Port = 8000
    path: str = Field("/mcp", description="Path of the MCP endpoint.")
    workers: int = Field(
        1, ge=1, le=64, description="Worker processes; one that dies is replaced. Not on Windows."
    )
    node: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]{0,32}$",
        description="Name of this machine in session ids, for a proxy in front of several machines.",
    )
    auth: bool = Field(
        True,
        description="Require tokens if other machines can connect; off: anyone may call, unless the app has "
        "an `auth` provider of its own.",
    )
    auth_tokens: Secrets = Field(
        [],
        validate_default=True,
        description="Bearer tokens, one of which each request must carry (else 401); comma-separated, at "
        "least 16 characters each. A command line is visible to other users: use the environment.",
    )
    rate_limit_per_s: float | None = Field(
        None,
        gt=0,
        le=1e6,
        allow_inf_nan=False,
        description="Messages per second that one client (by token, else by address) may send in the long "
        "run (else 429). Unset: no limit.",
    )
    rate_limit_burst: int | None = Field(
        None,
        ge=1,
        description="Messages that one client may send at once after a pause. Unset: the rate of one second.",
    )
    json_response: bool = Field(
        True,
        description="Answer calls with JSON; off: with server-sent events, which can carry progress, "
        "requests to the client, and pings that keep proxies from ending long calls (the fast lane answers "
        "with JSON what is ready before the first ping).",
    )
    fast_lane: bool = Field(
        True, description="Answer plain tool calls without FastMCP; off: every request goes through FastMCP."
    )
    server_timing: bool = Field(
        False,
        description="Tell clients in the header Server-Timing how long a request and its tool took. It tells "
        "anyone who may call how busy the server is.",
    )
    max_body_bytes: int = Field(
        4 * 1024 * 1024, ge=1, description="Largest request body in bytes (else 413)."
    )
    max_bodies_bytes: int = Field(
        512 * 1024 * 1024,
        ge=1,
        description="Bytes of large request bodies that a process may hold, of one client at most half "
        "(else 503).",
    )
    request_timeout_s: Seconds = Field(
        30.0, description="Seconds that a call, or the arrival of a request body, may take."
    )
    session_idle_timeout_s: Seconds = Field(
        1800.0, description="Seconds without a request after which a session expires (then 404)."
    )
    max_sessions: int = Field(10_000, ge=1, description="Sessions that may be open at once (else 503).")
    max_sessions_per_client: int = Field(
        1_000,
        ge=1,
        description="Sessions that one client (by token, else by address) may have open; the one that it has "
        "not used for longest gives way to a new one.",
    )
    max_connections_per_address: int = Field(
        4096,
        ge=1,
        description="Connections that one address (of IPv6, a /64) may have open to a process (else 503); "
        "never more than half of the files that may be open. Trusted proxies may have any number.",
    )
    allowed_hosts: Names = Field(
        [],
        description="Host names, besides loopback and the bound address, that a request may use (else 421); "
        "comma-separated, * and ? match.",
    )
    allowed_origins: Names = Field(
        [],
        description="Browser origins, besides the server's own, that may call (else 403); comma-separated, "
        "for example https://app.example.",
    )
    trusted_proxies: Names = Field(
        [],
        description="Addresses or networks of proxies whose Forwarded or X-Forwarded-For, -Proto and -Host "
        "headers tell the client's address and URL; comma-separated, for example 10.0.0.0/8.",
    )
    drain_timeout_s: Seconds = Field(
        10.0, description="Seconds that requests in flight may still take after SIGTERM or SIGINT."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level of log lines on stderr."
    )
    otlp_endpoint: str | None = Field(
        None,
        description="Base URL of an OpenTelemetry collector (OTLP over HTTP) for traces and metrics; also "
        f"read from {STANDARD_OTLP_VARIABLE}. Unset: nothing is exported.",
    )
    ready_file: Path | None = Field(
        None,
        description="File that gets the actual URL and the process id as JSON once the server is ready.",
    )

    @model_validator(mode="before")
    @classmethod
    def _adopt_standard_otlp_variable(cls, values: Any) -> Any:
        standard = os.environ.get(STANDARD_OTLP_VARIABLE)
        if isinstance(values, dict) and standard and values.get("otlp_endpoint") is None:
            return {**values, "otlp_endpoint": standard}
        return values

    @field_validator("path")
    @classmethod
    def _path_is_absolute_and_unused(cls, path: str) -> str:
        if not path.startswith("/") or set(path) & set(" ?#%{}") or not path.isprintable():
            raise ValueError("Input should be a path that starts with / and has no space, ?, #, %, { or }")
        if path in ("/health", "/metrics") or path.startswith("/health/"):
            raise ValueError("Input should be another path: /health and /metrics are the server's own")
        return path

    @field_validator("workers")
    @classmethod
    def _workers_are_possible(cls, workers: int, info: ValidationInfo) -> int:
        if workers > 1 and sys.platform == "win32":
            raise ValueError("Input should be 1 on Windows: workers cannot share a port there")
        if workers > 1 and info.data.get("transport") == "stdio":
            raise ValueError("Input should be 1 over stdio: it serves one client")
        return workers

    @field_validator("rate_limit_burst")
    @classmethod
    def _burst_has_a_rate(cls, burst: int | None, info: ValidationInfo) -> int | None:
        if burst is not None and info.data.get("rate_limit_per_s", 0.0) is None:
            raise ValueError("Input should be given with --rate-limit-per-s: a burst alone limits nothing")
        return burst

    @field_validator("auth_tokens")
    @classmethod
    def _tokens_are_strong_and_present(cls, tokens: list[SecretStr], info: ValidationInfo) -> list[SecretStr]:
        if not all(_TOKEN.fullmatch(token.get_secret_value()) for token in tokens):
            raise ValueError(
                "Input should be tokens of at least 16 letters, digits or -._~+/ each, for example from "
                "`openssl rand -hex 32`"
            )
        host, requires_tokens = info.data.get("host", ""), info.data.get("auth", True)
        if tokens and not requires_tokens:
            raise ValueError("Input should be none with --no-auth, or --auth: one of the two is a mistake")
        if not tokens and requires_tokens and info.data.get("transport") == "http" and not _is_loopback(host):
            raise ValueError(
                f"Input should be at least one token: other machines can connect to {host}; use --no-auth "
                "to serve anyone"
            )
        return tokens

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_networks(cls, proxies: list[str]) -> list[str]:
        try:
            for proxy in proxies:
                parse_network(proxy)
        except ValueError as error:
            raise ValueError(
                "Input should be addresses or networks such as 127.0.0.1,10.0.0.0/8; 0.0.0.0/0 trusts anyone"
            ) from error
        return proxies

    @field_validator("otlp_endpoint")
    @classmethod
    def _endpoint_is_http(cls, endpoint: str | None) -> str | None:
        if endpoint is not None:
            try:
                parts = urlsplit(endpoint)
            except ValueError:
                parts = urlsplit("")
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("Input should be a URL such as http://127.0.0.1:4318")
        return endpoint

    @property
    def rate(self) -> Rate | None:
        """Messages that one client may send, None if there is no limit."""
        if self.rate_limit_per_s is None:
            return None
        burst = self.rate_limit_burst
        return Rate(self.rate_limit_per_s, math.ceil(self.rate_limit_per_s) if burst is None else burst)

    @classmethod
    def environment_name(cls, field: str) -> str:
        """Return the environment variable of a field, for example `CALCULATOR_PORT`."""
        return f"{cls.model_config.get('env_prefix', '')}{field}".upper()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in ("localhost", "")  # an empty host is malformed, which is reported separately


SettingsT = TypeVar("SettingsT", bound=ServerSettings)


def load_settings(settings_class: type[SettingsT], arguments: Sequence[str]) -> SettingsT:
    """Read settings from `arguments`, the environment and `.env`.

    Args:
        settings_class: Defines the settings and their names.
        arguments: Command line without the program's name; `--help` and `--version` print and raise
            `SystemExit(0)`.

    Raises:
        SettingsError: One line per problem: the setting, the expected value, the actual one.
    """
    try:
        source: CliSettingsSource[Any] = CliSettingsSource(settings_class)
        source.root_parser.add_argument(
            "--version", action=_PrintVersion, nargs=0, help="print the version and exit"
        )
        return CliApp.run(settings_class, cli_args=list(arguments), cli_settings_source=source)
    except ValidationError as error:
        raise SettingsError(*(_problem(settings_class, detail) for detail in error.errors())) from error
    except MalformedSourceError as error:
        cause = str(error).removeprefix("error parsing CLI: ")
        raise SettingsError(f"{cause} (--help lists every setting)") from error


def _problem(settings_class: type[ServerSettings], detail: Any) -> str:
    name = str(detail["loc"][0]) if detail["loc"] else "settings"
    flag = "--" + name.replace("_", "-")
    expected = detail["msg"].replace("String should match pattern", "text that matches")
    for preamble in ("Value error, ", "Input should be ", "Input should "):
        expected = expected.removeprefix(preamble)
    variable = settings_class.environment_name(name)
    actual = _displayed(settings_class, name, detail["input"])
    expected, colon, cure = expected.partition(": ")
    return f"{variable} or {flag}: expected {expected}, got {actual}{colon}{cure}"


def _displayed(settings_class: type[ServerSettings], name: str, value: object) -> str:
    field = settings_class.model_fields.get(name)
    if field is None or "SecretStr" not in str(field.annotation):
        return repr(value)
    return "a hidden value" if value else "none"


class _PrintVersion(argparse.Action):
    """Prints name and version of the distribution that provides the command, and exits."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        scripts = entry_points(group="console_scripts", name=parser.prog)
        versions = [
            f"{script.dist.name} {script.dist.version}" for script in scripts if script.dist is not None
        ]
        sys.stdout.write(
            f"{versions[0] if versions else f'{parser.prog} (version unknown: not installed)'}\n"
        )
        parser.exit()
