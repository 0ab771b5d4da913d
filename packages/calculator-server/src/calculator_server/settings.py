"""Settings of the calculator server."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from server_core import Port, ServerSettings


class CalculatorSettings(ServerSettings):
    """Serve arithmetic to language models over MCP.

    Each setting is an option, an environment variable, or a line in a file named .env.
    """

    model_config = SettingsConfigDict(env_prefix="CALCULATOR_", cli_prog_name="calculator-server")

    port: Port = 8100
