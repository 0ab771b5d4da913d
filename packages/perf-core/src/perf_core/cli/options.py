"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

ServerUrl = Annotated[
    str | None,
    Parameter(
        name="--server-url",
        env_var="SERVER_URL",
        help="Measure a server that is already running, such as http://127.0.0.1:8100.",
    ),
]
