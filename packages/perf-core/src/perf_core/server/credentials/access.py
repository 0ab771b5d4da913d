"""Access to a server: the headers of each user, the certificates to trust, and the revision to offer.

Secrets live here and in the environment of the lab's own children, never in a plan, a record or a report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from perf_core.server.bridge.replies import DECLINE, Answers

SESSION_REVISION = "2025-11-25"
STATELESS_REVISION = "2026-07-28"

SESSION_REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", SESSION_REVISION)
"""Revisions of the session wire that the lab speaks, the oldest first."""


class Identity(Protocol):
    """A user of a server, known by its HTTP headers."""

    @property
    def is_renewable(self) -> bool:
        """Whether the headers change, as those with a token that expires."""
        ...

    @property
    def renew_at_s(self) -> float | None:
        """Time at which the headers are to be asked for again, in seconds since the epoch; None for never."""
        ...

    def headers(self) -> Mapping[str, str]:
        """Return the headers that are valid now; a token that is about to expire is renewed first.

        Raises:
            TargetError: A new token is needed and the authorization server gives none.
        """
        ...

    def refused(self) -> None:
        """Take note that the server refused the headers (status 401): the next ones are new, if possible."""
        ...

    def secrets(self) -> Sequence[str]:
        """Return the texts that must not be shown: values of headers, and what they are made of."""
        ...

    def at(self, url: str) -> Identity:
        """Return the same user for the server at a URL, where its authorization server is looked up."""
        ...


@dataclass(frozen=True)
class FixedIdentity:
    """A user whose headers never change.

    Example::

        FixedIdentity({"Authorization": "Bearer …"}, ("…",))
    """

    fixed_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)

    is_renewable = False
    renew_at_s = None

    def headers(self) -> Mapping[str, str]:
        """Return the headers."""
        return self.fixed_headers

    def refused(self) -> None:
        """Do nothing: there are no other headers."""

    def secrets(self) -> Sequence[str]:
        """Return the texts that must not be shown."""
        return self.hidden

    def at(self, url: str) -> FixedIdentity:  # noqa: ARG002 - the same everywhere
        """Return the same user."""
        return self


@dataclass(frozen=True)
class Access:
    """Credentials, certificates and revision with which clients reach a server.

    Attributes:
        identities: Users; the lab's own requests come from the first, virtual users are the others in
            rotation. A single one is everybody's. Empty for a server that lets everybody in.
        ca_file: Certificates to trust besides those of the system.
        insecure: Whether any certificate is accepted.
        revision: Protocol revision that is offered in ``initialize``.
        hidden: Further texts that must not be shown, such as a key in the URL or in the server's command.
        answers: Answers to requests of the server, such as elicitations.
    """

    identities: tuple[Identity, ...] = field(default=(), repr=False)
    ca_file: Path | None = None
    insecure: bool = False
    revision: str = SESSION_REVISION
    hidden: tuple[str, ...] = field(default=(), repr=False)
    answers: Answers = DECLINE

    @property
    def users(self) -> tuple[Identity, ...]:
        """Identities of the virtual users."""
        return self.identities[1:] or self.identities

    def own_headers(self) -> Mapping[str, str]:
        """Return the headers of the lab's own requests.

        Raises:
            TargetError: See :meth:`Identity.headers`.
        """
        return self.identities[0].headers() if self.identities else {}

    def secrets(self) -> tuple[str, ...]:
        """Return every text that must not be shown."""
        return (*self.hidden, *(text for identity in self.identities for text in identity.secrets()))

    def at(self, url: str) -> Access:
        """Return the same access for the server at a URL; the lab's and the users' tokens are kept."""
        identities = tuple(identity.at(url) for identity in self.identities)
        unchanged = all(new is old for new, old in zip(identities, self.identities, strict=True))
        return self if unchanged else replace(self, identities=identities)


OPEN = Access()
"""Access to a server that lets everybody in."""


def bearer(tokens: Sequence[str]) -> Access:
    """Return the access with bearer tokens, one for each identity."""
    return Access(tuple(FixedIdentity({"Authorization": f"Bearer {token}"}, (token,)) for token in tokens))
