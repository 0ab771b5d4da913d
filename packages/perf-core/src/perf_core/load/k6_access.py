"""The environment in which k6 reaches a server: its URL, the headers of its users, certificates.

Only the user of the k6 process can read it. None of this is in arguments, in a plan or in another file.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from perf_core.errors import UsageError
from perf_core.server.credentials.access import SESSION_REVISION, Access, Identity
from perf_core.server.credentials.renewal import Renewal

_SERVER, _RIVAL = "MCP_", "MCP_RIVAL_"
_URL, _RIVAL_URL = "SERVER_URL", "RIVAL_URL"

_LONGEST_VARIABLE = 100_000
"""Characters of one variable with users: Linux refuses those of 128 kB (execve(2), MAX_ARG_STRLEN)."""


@dataclass(frozen=True)
class LoadedServer:
    """A server that k6 loads.

    Attributes:
        revision: Protocol revision that the handshake agreed on; empty for the newest.
    """

    url: str
    access: Access = field(repr=False)
    revision: str = ""


@dataclass(frozen=True)
class K6Access:
    """Variables for the environment of the k6 process."""

    env: Mapping[str, str] = field(repr=False)
    _renewal: Renewal

    @property
    def problems(self) -> tuple[str, ...]:
        """Reasons for which users did not get new headers during the load."""
        return tuple(
            f"expected a new token during the load, and calls went on with the old one: {problem}"
            for problem in self._renewal.problems
        )


@contextmanager
def k6_access(server: LoadedServer, *rivals: LoadedServer) -> Iterator[K6Access]:
    """Yield what k6 needs to reach a server, and the other servers of a comparison; serve it new headers.

    Raises:
        TargetError: A user gets no token.
        UsageError: k6 cannot use the file of certificates.
    """
    servers = {(_SERVER, _URL): server} | {
        (_numbered(_RIVAL, number), _numbered(_RIVAL_URL, number)): each
        for number, each in enumerate(rivals, 1)
    }
    users: list[Identity] = [user for each in servers.values() for user in each.access.users]
    for user in users:
        # Whether it expires is known once there is a token.
        user.headers()
    with ExitStack() as stack:
        renewal = stack.enter_context(Renewal(users))
        env = {}
        first = 0
        for (prefix, url_name), each in servers.items():
            env[url_name] = _exact(each.url)
            count = len(each.access.users)
            if count:
                documents = [renewal.document(number) for number in range(first, first + count)]
                env |= _variables(f"{prefix}IDENTITIES", documents)
            first += count
            env[f"{prefix}REVISION"] = each.revision or SESSION_REVISION
        if any(each.access.insecure for each in servers.values()):
            env["MCP_INSECURE_TLS"] = "1"
        ca_files = [each.access.ca_file for each in servers.values() if each.access.ca_file is not None]
        if ca_files:
            env["SSL_CERT_FILE"] = str(stack.enter_context(_bundle(ca_files)))
        yield K6Access(env, renewal)


def _numbered(name: str, number: int) -> str:
    """Return a variable's name for this rival: the first one has none, the second has ``_2`` after RIVAL."""
    return name if number == 1 else name.replace("RIVAL", f"RIVAL_{number}")


def _exact(url: str) -> str:
    """Return a URL with its path written out: to one without a path k6 adds ``/mcp``."""
    parts = urlsplit(url)
    return url if parts.path else urlunsplit(parts._replace(path="/"))


def _variables(name: str, documents: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return users in as many variables as they need: ``name``, then ``name`` with ``_2`` and so on."""
    texts: list[str] = []
    members: list[str] = []
    for document in map(json.dumps, documents):
        if members and sum(map(len, members)) + len(document) > _LONGEST_VARIABLE:
            texts.append(f"[{', '.join(members)}]")
            members = []
        members.append(document)
    texts.append(f"[{', '.join(members)}]")
    return {name if number == 1 else f"{name}_{number}": text for number, text in enumerate(texts, 1)}


@contextmanager
def _bundle(ca_files: Sequence[Path]) -> Iterator[Path]:
    """Yield a file with the certificates of the system and of the user; Go takes one file only."""
    if sys.platform != "linux":
        raise UsageError(
            "--ca-file: expected Linux, where k6 reads certificates from a file, got another system",
            "Add the certificate to the system's own store and leave --ca-file out, or use --insecure.",
        )
    system = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    with tempfile.TemporaryDirectory(prefix="perf-core-") as folder:
        path = Path(folder) / "certificates.pem"
        files = [*([Path(system)] if system and Path(system).is_file() else []), *ca_files]
        path.write_bytes(b"\n".join(file.read_bytes() for file in files))
        yield path
