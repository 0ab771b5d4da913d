"""Options that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perf_core.adapter import Wire
from perf_core.errors import UsageError
from perf_core.server.credentials.access import SESSION_REVISION, SESSION_REVISIONS, Access
from perf_core.server.credentials.access_settings import (
    AccessSettings,
    OAuthSettings,
    access_from,
    parse_header,
)
from perf_core.targets.discovery.discover import DrawOptions

ServerUrl = Annotated[
    str | None,
    Parameter(
        name="--server-url",
        env_var="SERVER_URL",
        help="Measure a server that is already running, such as http://127.0.0.1:8100.",
    ),
]

ServerNames = Annotated[
    list[str] | None, Parameter(help="An installed adapter's name, a TOML file or a URL.", negative="")
]

AnyWire = Annotated[
    Wire | None,
    Parameter(help="Protocol era. Default: session, or the other if the server does not offer it."),
]

Command = Annotated[tuple[str, ...] | None, Parameter(parse=False)]
"""Words after ``--``, which start a server; None without ``--``."""

Shared = Annotated[
    bool,
    Parameter(
        name="--shared",
        negative="",
        help="One process of a server on stdio for all sessions, instead of one for each.",
    ),
]

Env = Annotated[
    tuple[str, ...],
    Parameter(
        name="--env",
        negative="",
        help="Variable for the command after --: NAME takes its value from here, NAME=VALUE states one; "
        "repeatable. A server on stdio gets these and what MCP clients pass on, such as PATH and HOME.",
    ),
]
"""Variables for the command that starts a server; see :func:`variables_of`."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def variables_of(words: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that ``--env`` gives a command.

    Raises:
        UsageError: A word has no name of a variable, or the variable is not set.

    Example::

        variables_of(["API_KEY", "UNIT=C"], {"API_KEY": "k-1"})   # {"API_KEY": "k-1", "UNIT": "C"}
    """
    variables: dict[str, str] = {}
    for word in words:
        name, is_stated, value = word.partition("=")
        if not _NAME.fullmatch(name):
            # What stands there may be a secret.
            raise UsageError(
                "--env: expected NAME or NAME=VALUE, got a word that begins with no name of a variable",
                "For example --env API_KEY, which takes the value from the environment.",
            )
        if not is_stated and name not in environ:
            raise UsageError(
                f"--env: the environment variable {name} is not set", f"Set it, such as: export {name}=…"
            )
        variables[name] = value if is_stated else environ[name]
    return variables


@Parameter(name="*")
@dataclass(frozen=True)
class DrawingOptions:
    """Options for a server that is given by its URL or its command alone."""

    allow_writes: Annotated[
        bool,
        Parameter(
            name="--allow-writes",
            negative="",
            help="Also call tools that do not say that they only read (URL or command alone).",
        ),
    ] = False
    tool: Annotated[
        tuple[str, ...],
        Parameter(
            name="--tool",
            negative="",
            help="Call this tool only, even if it does not say that it only reads; repeatable (URL or "
            "command alone).",
        ),
    ] = ()

    def options(self, seed: int) -> DrawOptions:
        """Return the options for drawing calls with a seed."""
        return DrawOptions(seed=seed, allow_writes=self.allow_writes, only=self.tool)


DRAWING = DrawingOptions()


@Parameter(name="*")
@dataclass(frozen=True)
class AccessOptions:
    """Options for a server that needs credentials, a certificate or an older protocol revision."""

    header: Annotated[
        tuple[str, ...],
        Parameter(
            name="--header",
            negative="",
            help="Header of every request, such as 'X-Key: $MY_KEY', with the value in the environment "
            "variable MY_KEY; repeatable.",
        ),
    ] = ()
    bearer_env: Annotated[
        tuple[str, ...],
        Parameter(
            name="--bearer-env",
            negative="",
            help="Name of an environment variable with a bearer token; repeatable, one for each user.",
        ),
    ] = ()
    oauth_client_id: Annotated[
        str | None,
        Parameter(name="--oauth-client-id", help="OAuth client, or $NAME: tokens by client credentials."),
    ] = None
    oauth_secret_env: Annotated[
        str | None,
        Parameter(
            name="--oauth-secret-env", help="Name of the environment variable with the client's secret."
        ),
    ] = None
    oauth_scope: Annotated[
        str, Parameter(name="--oauth-scope", help="Scopes; by default those that the server asks for.")
    ] = ""
    oauth_token_url: Annotated[
        str,
        Parameter(name="--oauth-token-url", help="Token endpoint, for a server that does not announce it."),
    ] = ""
    ca_file: Annotated[
        Path | None, Parameter(name="--ca-file", help="Certificates to trust besides the system's (PEM).")
    ] = None
    insecure: Annotated[bool, Parameter(name="--insecure", negative="", help="Accept any certificate.")] = (
        False
    )
    revision: Annotated[
        str | None,
        Parameter(
            name="--revision",
            help=f"Protocol revision to offer on the session wire: {', '.join(SESSION_REVISIONS)} (default).",
        ),
    ] = None

    @property
    def given(self) -> bool:
        """Whether there is any of these options."""
        return self != ACCESS

    @property
    def has_credentials(self) -> bool:
        """Whether there are options with secrets."""
        return bool(self.header or self.bearer_env or self.oauth_client_id)

    def settings(self) -> AccessSettings:
        """Return the options as settings.

        Raises:
            UsageError: A header has no colon, or options of OAuth are missing.
        """
        headers = [parse_header(text) for text in self.header]
        return AccessSettings(
            headers=dict(headers),
            bearer_env=self.bearer_env,
            oauth=self._oauth(),
            ca_file=self.ca_file,
            insecure=self.insecure,
            revision=self.revision or SESSION_REVISION,
        )

    def applied_to(self, access: Access) -> Access:
        """Return the access to a server with these options in place of its own.

        Raises:
            UsageError: An option cannot be used; see :func:`.access_settings.access_from`.
        """
        own = access_from(self.settings(), os.environ)
        return replace(
            access,
            identities=own.identities or access.identities,
            ca_file=own.ca_file or access.ca_file,
            insecure=own.insecure or access.insecure,
            revision=access.revision if self.revision is None else own.revision,
        )

    def _oauth(self) -> OAuthSettings | None:
        client, secret = self.oauth_client_id, self.oauth_secret_env
        if client and secret:
            return OAuthSettings(
                client_id=client,
                client_secret_env=secret,
                scope=self.oauth_scope,
                token_url=self.oauth_token_url,
            )
        if client or secret or self.oauth_scope or self.oauth_token_url:
            missing = "--oauth-secret-env" if client else "--oauth-client-id"
            raise UsageError(
                f"OAuth: expected --oauth-client-id and --oauth-secret-env, got no {missing}",
                "For example --oauth-client-id lab --oauth-secret-env LAB_SECRET.",
            )
        return None


ACCESS = AccessOptions()
