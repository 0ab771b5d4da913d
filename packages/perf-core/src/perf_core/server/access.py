"""What clients present to a server: headers of each user, certificates to trust, and a protocol revision.

Secrets live here and in the environment of the lab's own children, never in a plan, a record or a report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

SESSION_REVISION = "2025-11-25"
STATELESS_REVISION = "2026-07-28"


class Identity(Protocol):
    """A user of a server, known by its HTTP headers."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers that are valid now; a token that is about to expire is renewed first."""
        ...

    def secrets(self) -> Sequence[str]:
        """Return the texts that must not be shown: values of headers, and what they are made of."""
        ...


@dataclass(frozen=True)
class FixedIdentity:
    """A user whose headers never change.

    Example::

        FixedIdentity({"Authorization": "Bearer …"}, ("…",))
    """

    fixed_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def headers(self) -> Mapping[str, str]:
        """Return the headers."""
        return self.fixed_headers

    def secrets(self) -> Sequence[str]:
        """Return the texts that must not be shown."""
        return self.hidden


@dataclass(frozen=True)
class Access:
    """How clients reach a server.

    Attributes:
        identities: Users; the lab's own requests come from the first, virtual users are the others in
            rotation. A single one is everybody's. Empty for a server that lets everybody in.
        ca_file: Certificates to trust besides those of the system.
        insecure: Whether any certificate is accepted.
        revision: Protocol revision that is offered in ``initialize``.
    """

    identities: tuple[Identity, ...] = field(default=(), repr=False)
    ca_file: Path | None = None
    insecure: bool = False
    revision: str = SESSION_REVISION

    @property
    def users(self) -> tuple[Identity, ...]:
        """Identities of the virtual users."""
        return self.identities[1:] or self.identities

    def own_headers(self) -> Mapping[str, str]:
        """Return the headers of the lab's own requests."""
        return self.identities[0].headers() if self.identities else {}

    def secrets(self) -> tuple[str, ...]:
        """Return every text that must not be shown."""
        return tuple(text for identity in self.identities for text in identity.secrets())


OPEN = Access()
"""Access to a server that lets everybody in."""


def bearer(tokens: Sequence[str]) -> Access:
    """Return the access with bearer tokens, one for each identity."""
    return Access(tuple(FixedIdentity({"Authorization": f"Bearer {token}"}, (token,)) for token in tokens))
