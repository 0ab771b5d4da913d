"""The environment of a server on stdio: as short as MCP clients make it.

Clients pass on a handful of variables and what their configuration has in ``env``. So does the lab: a server
that needs more fails here as it would there, and one that shows its environment shows nothing of the user's.

Source: ``get_default_environment`` of the official SDKs (``mcp/client/stdio`` in Python,
``client/stdio.ts`` in TypeScript).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

VARIABLE = "PERF_CORE_BRIDGE_CHILD_ENVIRONMENT"
"""Environment variable of the bridge with the variables of its children, as a JSON object: they may be
secret, and must not change how the bridge itself runs."""

_ON_POSIX = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER")
_ON_WINDOWS = (
    "APPDATA",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "USERNAME",
    "USERPROFILE",
)

INHERITED = _ON_WINDOWS if sys.platform == "win32" else _ON_POSIX
"""Variables that servers on stdio inherit, those that clients pass on by default."""

TEMPORARY = ("TMPDIR", "TEMP", "TMP")
"""Variables with the folder for temporary files, which the lab sets for each server that it starts."""

_FUNCTION = "()"
"""Beginning of a variable that is a function of an old shell, which clients leave out."""


def variables_to_json(variables: Mapping[str, str]) -> str:
    """Return variables as text for :data:`VARIABLE`."""
    return json.dumps(dict(variables))


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a child, from that of the bridge.

    Example::

        child_environment({"PATH": "/bin", "EDITOR": "vi", VARIABLE: '{"UNIT": "C"}'})
        # {"PATH": "/bin", "UNIT": "C"}
    """
    inherited = {
        name: environ[name]
        for name in (*INHERITED, *TEMPORARY)
        if name in environ and not environ[name].startswith(_FUNCTION)
    }
    return {**inherited, **json.loads(environ.get(VARIABLE, "{}"))}
