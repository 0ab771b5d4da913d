"""A record without the secrets that messages, commands and answers may have repeated; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from perf_core.results.record import RunRecord
from perf_core.server.credentials.masking import SHORTEST_SECRET, masked

_PARTS = (
    "reasons",
    "findings",
    "manifest",
    "metrics",
    "discovery",
    "bridge",
    "streams",
    "slow_calls",
    "token_cost",
)
"""Parts with texts of servers and users; the others have words of the lab only."""


def without_secrets(record: RunRecord, secrets: Sequence[str]) -> RunRecord:
    """Return the record with every secret in its texts replaced."""
    usable = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
    if not usable:
        return record
    return replace(record, **{part: _masked(getattr(record, part), usable) for part in _PARTS})


Part = TypeVar("Part")


def masked_parts(document: Part, secrets: Sequence[str]) -> Part:
    """Return a dataclass with every secret in its texts replaced, at any depth."""
    usable = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
    return _masked(document, usable) if usable else document


def _masked(value: Part, secrets: Sequence[str]) -> Part:
    return _masked_part(value, secrets)  # type: ignore[no-any-return] # the type stays the same


def _masked_part(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        return masked(value, secrets)
    if isinstance(value, Mapping):
        return {key: _masked_part(each, secrets) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_masked_part(each, secrets) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {each.name: _masked_part(getattr(value, each.name), secrets) for each in fields(value)}
        return replace(value, **changed)
    return value
