"""A server that can be measured: its adapter and its URL."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from perf_core.adapter import Launch, Scenario, ServerAdapter, ThinkTime
from perf_core.errors import UsageError
from perf_core.server.checks import Discovery
from perf_core.server.credentials.access import OPEN, Access, bearer
from perf_core.server.credentials.masking import secrets_in_command, secrets_in_environment, secrets_in_url
from perf_core.server.credentials.url_credentials import take_credentials

_SHORTEST_INHERITED = 8
"""Characters of the shortest secret of the lab's own environment, where most variables are none of ours."""


@dataclass(frozen=True)
class DerivedAdapter:
    """An adapter assembled from parts of another, for example for the same server started differently."""

    name: str
    server_name: str | None
    launch: Launch
    scenarios: Mapping[str, Scenario]


@dataclass(frozen=True)
class Pace:
    """Pauses and time limit of drawn calls, as a file without calls states them.

    Attributes:
        request_timeout_s: Longest time that an answer may take; None for that of the scenarios.
        think_time: Pause of each user after a call.
    """

    request_timeout_s: float | None = None
    think_time: ThinkTime | None = None


NO_PACE = Pace()
"""No pauses, and the time limit of the scenarios."""


@dataclass(frozen=True)
class Subject:
    """A server that can be measured.

    Attributes:
        url: MCP endpoint of a server that is already running; None when the lab starts it.
        package: Distribution of the adapter with its version; empty for a file.
        access: How clients reach it; a server that is started with tokens of its own needs none.
        discovery: How its calls were drawn; None for an adapter, which brings its calls.
        pace: Pauses and time limit of calls that are drawn.
    """

    adapter: ServerAdapter
    url: str | None = None
    package: str = ""
    access: Access = OPEN
    discovery: Discovery | None = None
    pace: Pace = NO_PACE

    def __post_init__(self) -> None:
        """Keep the password of a URL as a header, so that the URL can be shown."""
        if self.url is not None:
            url, access = take_credentials(self.url, self.access)
            object.__setattr__(self, "url", url)
            object.__setattr__(self, "access", access)

    @property
    def name(self) -> str:
        """Name of the server on the command line."""
        return self.adapter.name

    def scenario(self, name: str) -> Scenario:
        """Return the scenario with this name.

        Raises:
            UsageError: There is none; the hint lists the scenarios.
        """
        scenarios = self.adapter.scenarios
        if name not in scenarios:
            raise UsageError(
                f"target {self.name} has no scenario {name!r}{closest_name(name, scenarios)}",
                f"It has: {', '.join(scenarios)}.",
            )
        return scenarios[name]


def access_of(launch: Launch, access: Access) -> Access:
    """Return how clients reach a server that was started, which may be with tokens of its own.

    What looks secret in its command and its environment is never shown.
    """
    reached = replace(access, identities=bearer(launch.tokens).identities) if launch.tokens else access
    in_url = secrets_in_url(launch.url) if launch.url else ()
    # A server may print the keys that it finds in the environment of the lab.
    inherited = (text for text in secrets_in_environment(os.environ) if len(text) >= _SHORTEST_INHERITED)
    hidden = (
        *secrets_in_command(launch.argv),
        *secrets_in_environment(launch.env),
        *in_url,
        *inherited,
    )
    return replace(reached, hidden=(*reached.hidden, *hidden)) if hidden else reached


def secrets_of(subject: Subject, launch: Launch) -> tuple[str, ...]:
    """Return the texts that must not be shown of a server and of its start."""
    access = access_of(launch, subject.access) if subject.url is None else subject.access
    return access.secrets()


def closest_name(name: str, candidates: Iterable[str]) -> str:
    """Return "; did you mean …?" with the candidate closest to ``name``, or an empty text."""
    close = difflib.get_close_matches(name, list(candidates), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
