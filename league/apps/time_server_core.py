"""The app of time_tools on server-core, as calculator-server is; `--help` lists its options."""

from __future__ import annotations

import sys

from pydantic_settings import SettingsConfigDict
from time_tools import create_server

from server_core import ServerSettings
from server_core import main as run_server


class TimeSettings(ServerSettings):
    """Serve two tools about times over MCP."""

    model_config = SettingsConfigDict(env_prefix="TIME_TOOLS_", cli_prog_name="time-tools")


if __name__ == "__main__":
    sys.exit(run_server(create_server, TimeSettings))
