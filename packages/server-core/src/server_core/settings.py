"""Settings of a served app, read from command line, environment and `.env`, in that order of precedence."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Sequence
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
from pydantic_settings import BaseSettings, CliApp, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as MalformedSourceError

from server_core.errors import SettingsError
from server_core.layers.token_buckets import Rate

STANDARD_OTLP_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The OpenTelemetry specification's own variable; used when the server's own is not set."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]{16,}=*")
"""What a header can carry (RFC 6750, b64token) and nobody finds by trying."""


def split_on_commas(value: object) -> object:
    """Return the parts of a text between commas; anything else as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


# The same type serves a subclass that only wants another default.
Port = Annotated[
    int, Field(ge=0, le=65535, description="Port to listen on; 0 takes a free one (see the ready file).")
]
Names = Annotated[list[str], NoDecode, BeforeValidator(split_on_commas)]
Secrets = Annotated[list[SecretStr], NoDecode, BeforeValidator(split_on_commas)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ServerSettings(BaseSettings):
    """Settings that every served app has; a subclass sets `env_prefix`, `cli_prog_name` and the port."""

    model_config = SettingsConfigDict(
        env_prefix="MCP_",  # without one, `path` would be the shell's PATH
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",  # a .env file belongs to several programs
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
        description="Address to listen on. Others than loopback need --auth-tokens, and --allowed-hosts for "
        "names.",
    )
    port: Port = 8000
    path: str = Field("/mcp", description="Path of the MCP endpoint.")
    workers: int = Field(
        1, ge=1, le=64, description="Processes that serve; one that dies is replaced. Not on Windows."
    )
    node: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]{0,32}$",
        description="This machine's name in session ids, by which a proxy in front of several finds it.",
    )
    auth: bool = Field(
        True, description="Ask for tokens where other machines can connect; off: everybody may call."
    )
    auth_tokens: Secrets = Field(
        [],
        validate_default=True,
        description="Bearer tokens, of which a request must have one (401 else); comma-separated, at least "
        "16 characters each. A command line is visible to other users: use the environment.",
    )
    rate_limit_per_s: float | None = Field(
        None,
        gt=0,
        le=1e6,
        allow_inf_nan=False,
        description="Messages per second that one client (token, else address) may send in the long run "
        "(429 else). Unset: any number.",
    )
    rate_limit_burst: int | None = Field(
        None,
        ge=1,
        description="Messages that one client may send at once after a pause. Unset: those of a second.",
    )
    json_response: bool = Field(
        True,
        description="Answer calls as JSON; off: as server-sent events, which can carry progress and "
        "questions to the client (plain calls on the fast lane are JSON all the same).",
    )
    fast_lane: bool = Field(
        True, description="Answer plain tool calls without FastMCP; off: every request goes through it."
    )
    max_body_bytes: int = Field(
        4 * 1024 * 1024, ge=1, description="Largest request body in bytes; a larger one is answered 413."
    )
    request_timeout_s: Seconds = Field(
        30.0, description="Seconds a call, or the arrival of a request body, may take before it is stopped."
    )
    session_idle_timeout_s: Seconds = Field(
        1800.0, description="Seconds without a request after which a session expires (404 from then on)."
    )
    max_sessions: int = Field(
        10_000, ge=1, description="Sessions that may be open at once; one more is answered 503."
    )
    allowed_hosts: Names = Field(
        [],
        description="Host names, beside loopback and the bound address, that a request may name (421 else); "
        "comma-separated, * and ? match.",
    )
    allowed_origins: Names = Field(
        [],
        description="Browser origins, beside the server's own, that may call (403 else); comma-separated, "
        "for example https://app.example.",
    )
    drain_timeout_s: Seconds = Field(
        10.0, description="Seconds that requests in flight get to finish after SIGTERM or SIGINT."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level of the lines on stderr."
    )
    otlp_endpoint: str | None = Field(
        None,
        description="Base URL of an OpenTelemetry collector (OTLP over HTTP) for traces and metrics; also "
        f"read from {STANDARD_OTLP_VARIABLE}. Unset: nothing is exported.",
    )
    ready_file: Path | None = Field(
        None, description="File that receives the real URL and process id as JSON once the server answers."
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
    def _path_is_absolute_and_free(cls, path: str) -> str:
        if not path.startswith("/") or set(path) & set(" ?#{}"):
            raise ValueError("Input should be a path that starts with / and has no blank, ?, #, { or }")
        if path in ("/health", "/metrics") or path.startswith("/health/"):
            raise ValueError("Input should be another path: the server answers /health and /metrics itself")
        return path

    @field_validator("workers")
    @classmethod
    def _workers_are_possible(cls, workers: int, info: ValidationInfo) -> int:
        if workers > 1 and sys.platform == "win32":
            raise ValueError("Input should be 1 on Windows, which lacks what workers share a port with")
        if workers > 1 and info.data.get("transport") == "stdio":
            raise ValueError("Input should be 1 over stdio, which serves one client")
        return workers

    @field_validator("rate_limit_burst")
    @classmethod
    def _burst_has_a_rate(cls, burst: int | None, info: ValidationInfo) -> int | None:
        if burst is not None and info.data.get("rate_limit_per_s", 0.0) is None:
            raise ValueError("Input should be given with --rate-limit-per-s: a burst alone limits nothing")
        return burst

    @field_validator("auth_tokens")
    @classmethod
    def _tokens_are_strong_and_there(cls, tokens: list[SecretStr], info: ValidationInfo) -> list[SecretStr]:
        if not all(_TOKEN.fullmatch(token.get_secret_value()) for token in tokens):
            raise ValueError(
                "Input should be tokens of at least 16 letters, digits or -._~+/ each, for example what "
                "`openssl rand -hex 32` prints"
            )
        host, asks = info.data.get("host", ""), info.data.get("auth", True)
        if tokens and not asks:
            raise ValueError("Input should be none with --no-auth, or --auth: one of the two is a mistake")
        if not tokens and asks and info.data.get("transport") == "http" and not _is_loopback(host):
            raise ValueError(
                f"Input should be at least one token, because other machines can connect to {host}; "
                "--no-auth serves everybody"
            )
        return tokens

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
        """What one client may send, None when it may send anything."""
        if self.rate_limit_per_s is None:
            return None
        burst = self.rate_limit_burst
        return Rate(self.rate_limit_per_s, math.ceil(self.rate_limit_per_s) if burst is None else burst)

    @classmethod
    def environment_name(cls, field: str) -> str:
        """The environment variable of a field, for example `CALCULATOR_PORT`."""
        return f"{cls.model_config.get('env_prefix', '')}{field}".upper()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in ("localhost", "")  # empty: it is malformed, which is another problem


SettingsT = TypeVar("SettingsT", bound=ServerSettings)


def load_settings(settings_class: type[SettingsT], arguments: Sequence[str]) -> SettingsT:
    """Read settings from `arguments`, the environment and `.env`.

    Args:
        settings_class: Says which settings there are and under which names.
        arguments: Command line without the program's name; `--help` prints and raises `SystemExit(0)`.

    Raises:
        SettingsError: One line per problem: the setting, what came, what was expected.
    """
    try:
        return CliApp.run(settings_class, cli_args=list(arguments))
    except ValidationError as error:
        raise SettingsError(*(_problem(settings_class, detail) for detail in error.errors())) from error
    except MalformedSourceError as error:
        cause = str(error).removeprefix("error parsing CLI: ")
        raise SettingsError(f"{cause} (--help lists every setting)") from error


def _problem(settings_class: type[ServerSettings], detail: Any) -> str:
    name = str(detail["loc"][0]) if detail["loc"] else "settings"
    flag = "--" + name.replace("_", "-")
    expected = detail["msg"]
    for preamble in ("Value error, ", "Input should be ", "Input should "):
        expected = expected.removeprefix(preamble)
    variable = settings_class.environment_name(name)
    return f"{variable} or {flag}: got {_shown(settings_class, name, detail['input'])}, expected {expected}"


def _shown(settings_class: type[ServerSettings], name: str, came: object) -> str:
    field = settings_class.model_fields.get(name)
    if field is None or "SecretStr" not in str(field.annotation):
        return repr(came)
    return "something that is not shown" if came else "none"
