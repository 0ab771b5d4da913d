"""Score store in Redis, shared by several servers.

All changes happen in `store.lua`, one atomic step each, by the clock of Redis. This module encodes entries,
writes messages, and caches contents, so that a cached score costs one short round trip.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final, get_args

from music21_server.cache import ByteLimitedCache
from music21_server.errors import StoreUnavailableError, UnknownScoreError
from music21_server.score.entry import DamagedEntryError, Entry
from music21_server.store.limits import (
    DAMAGED,
    DELETED,
    Eviction,
    StoredScore,
    StoreFigures,
    StoreLimits,
    check_limit,
    duration_text,
    lifetime_reason,
    room_reason,
)
from music21_server.store.names import check_name, name_from, taken_name, unknown_score
from music21_server.store.redis.connection import RedisConnection, WrongTypeError

_logger = logging.getLogger(__name__)

_VERSION: Final = 1
"""Version of the key layout; it is part of every key, so that servers of two versions do not collide."""

_READ_ATTEMPTS: Final = 5
"""Attempts to read a score that other servers replace at the same time."""

_ROW_VALUES: Final = 7
"""Values for each score in the response of `scores`."""


class RedisStore:
    """Keeps scores in Redis like `LocalStore`, for all servers with the same URL and prefix.

    While Redis cannot be reached, at the start or later, calls raise `StoreUnavailableError`.

    Args:
        limits: Limits of the store; servers that share it should have the same.
        url: Redis URL.
        prefix: Prefix of all keys.
        clock: Returns the time in seconds since the epoch; None uses the clock of Redis, which all servers
            share.
    """

    is_in_memory: Final = False

    def __init__(
        self,
        limits: StoreLimits,
        url: str,
        *,
        prefix: str = "music21",
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._prefix = f"{prefix}:{_VERSION}:"
        self._connection = RedisConnection(url)
        script = files("music21_server.store.redis").joinpath("store.lua").read_text(encoding="utf-8")
        self._script = self._connection.script(script)
        self._cache: ByteLimitedCache[tuple[str, str], Entry] = ByteLimitedCache(
            limits.max_cached_bytes, lambda entry: entry.size_bytes
        )
        self._lock = threading.Lock()
        self._evictions: Counter[Eviction] = Counter()
        self._since = b""
        self._lost_at_s: float | None = None

    def put(self, owner: str, entry: Entry, *, name: str | None = None, title: str = "") -> StoredScore:
        """Store a score; if its content is stored already, only the name is added.

        Raises:
            BadNameError: The name is invalid.
            TakenNameError: The owner has another score of that name.
            TooMuchScoreError: The store or the owner's share of it is full.
            StoreUnavailableError: Redis cannot be reached, or is full.
        """
        if name is not None:
            check_name(name)
        limits, checksum = self._limits, _checksum(entry)
        score = (name or "", name_from(title), entry.content_id, checksum, entry.kind,
                 json.dumps(dict(entry.info)), entry.size_bytes)  # fmt: skip
        bounds = (limits.score_grace_s, room_reason(limits), limits.max_scores, limits.max_scores_per_owner,
                  limits.max_stored_bytes, limits.max_stored_bytes_per_owner)  # fmt: skip
        # First without the entry, which is large: it is often stored already.
        status, *values = self._run("put", owner, *score, *bounds, b"", content=entry.content_id)
        if status == b"content":
            encoded = entry.to_bytes()
            status, *values = self._run("put", owner, *score, *bounds, encoded, content=entry.content_id)
        if status == b"taken":
            raise taken_name(name or "")
        if status == b"full":
            check_limit(values[0].decode(), int(values[1]), limits)
        self._cache.put((entry.content_id, checksum), entry)
        stored_name, created_s, used_s = values
        return StoredScore(
            stored_name.decode(),
            entry.content_id,
            entry.kind,
            dict(entry.info),
            entry.size_bytes,
            float(created_s),
            float(used_s),
        )

    def get(self, owner: str, name: str) -> Entry:
        """Return a score, which counts as a use.

        Raises:
            UnknownScoreError: The owner has no score of that name; the message gives the reason, or similar
                names.
            StoreUnavailableError: Redis cannot be reached.
        """
        for _ in range(_READ_ATTEMPTS):
            status, *values = self._run("get", owner, name, self._limits.touch_s)
            if status == b"unknown":
                raise self._unknown(name, values)
            content, checksum = (value.decode() for value in values)
            entry = self._cache.get((content, checksum)) or self._fetch(content, checksum)
            if entry is not None:
                return entry
        raise StoreUnavailableError(
            f"The score {name!r} was replaced by other clients during {_READ_ATTEMPTS} attempts to read it: "
            "try again in a few seconds."
        )

    def scores(self, owner: str) -> tuple[StoredScore, ...]:
        """Return an owner's scores, oldest first."""
        _, *values = self._run("scores", owner)
        rows = (values[at : at + _ROW_VALUES] for at in range(0, len(values), _ROW_VALUES))
        scores = filter(None, map(_stored_score, rows))
        return tuple(sorted(scores, key=lambda score: (score.created_s, score.name)))

    def delete(self, owner: str, name: str) -> None:
        """Delete a score; calls that are using it can finish.

        Raises:
            UnknownScoreError: The owner has no score of that name.
            StoreUnavailableError: Redis cannot be reached.
        """
        status, *values = self._run("delete", owner, name, DELETED)
        if status == b"unknown":
            raise self._unknown(name, values)

    def delete_all(self, owner: str) -> int:
        """Delete all scores of an owner and the records of freed ones; return the number of scores."""
        _, count = self._run("delete_all", owner)
        return int(count)

    def sweep(self) -> int:
        """Free scores not used for their lifetime and return their number."""
        count = 0
        while True:
            status, freed = self._run("sweep")
            count += int(freed)
            if status == b"clean":
                return count

    def figures(self) -> StoreFigures:
        """Return how full the store is, for all servers that share it."""
        _, *figures = self._run("figures")
        return StoreFigures(*map(int, figures))

    def evictions(self) -> Mapping[Eviction, int]:
        """Return the number of scores that this process has freed, by reason; deleted ones do not count."""
        with self._lock:
            return {reason: self._evictions[reason] for reason in get_args(Eviction)}

    def check(self) -> None:
        """Raise StoreUnavailableError if Redis does not respond."""
        self._connection.call(lambda client: client.ping())

    def close(self) -> None:
        """Close the connections; scores in Redis stay there."""
        self._connection.close()

    def _fetch(self, content: str, checksum: str) -> Entry | None:
        """Return a content from Redis, or None if it was replaced, removed or damaged meanwhile."""
        key = f"{self._prefix}content:{content}"
        values: Any = self._connection.call(lambda client: client.hmget(key, ["checksum", "entry"]))
        if values[0] != checksum.encode():
            return None
        try:
            entry = Entry.from_bytes(values[1] or b"")
        except DamagedEntryError as error:
            _logger.warning("discarding the damaged stored score %s: %s", content, error)
            self._run("discard", content, content=content)
            return None
        self._cache.put((content, checksum), entry)
        return entry

    def _unknown(self, name: str, values: Sequence[bytes]) -> UnknownScoreError:
        reason, *names = (value.decode() for value in values)
        return unknown_score(name, names, reason or None, self._loss())

    def _loss(self) -> str:
        """Return a sentence about data that Redis has lost within a score's lifetime, or ""."""
        with self._lock:
            lost_at_s = self._lost_at_s
        ago_s = None if lost_at_s is None else time.monotonic() - lost_at_s
        if ago_s is None or ago_s > self._limits.score_lifetime_s:
            return ""
        return (
            f"Redis was restarted without its data or emptied {duration_text(round(ago_s))} ago; all scores "
            "from before are gone."
        )

    def _run(self, call: str, *arguments: Any, content: str = "") -> list[Any]:
        """Call a function of the script and return its status and values.

        Args:
            call: Name of the function.
            arguments: Arguments of the function; the owner, if there is one, comes first.
            content: Id of the content that the call is about.
        """
        try:
            reply = self._evaluate(call, *arguments)
        except WrongTypeError as error:
            renamed = self._evaluate("set_aside", arguments[0] if arguments else "", content)
            keys = b", ".join(renamed).decode(errors="replace")
            _logger.warning("%s: %s renamed, with `damaged:` before the name", error, keys)
            reply = self._evaluate(call, *arguments)
        since, lifetime, room, damaged, *rest = reply
        with self._lock:
            if self._since and self._since != since:
                _logger.error("the score store has lost its data: Redis was restarted without it or emptied")
                self._lost_at_s = time.monotonic()
            self._since = since
            if damaged:
                _logger.warning(
                    "freeing the names of %d stored scores: their contents are damaged or missing", damaged
                )
            self._evictions.update(lifetime=lifetime, room=room, damaged=damaged)
        return list(rest)

    def _evaluate(self, call: str, *arguments: Any) -> list[Any]:
        limits = self._limits
        now = "" if self._clock is None else repr(self._clock())
        head = (call, self._prefix, now, limits.score_lifetime_s, lifetime_reason(limits), DAMAGED)
        reply: list[Any] = self._connection.call(
            lambda client: self._script(args=(*head, *arguments), client=client)
        )
        return reply


def _checksum(entry: Entry) -> str:
    """Return the checksum of the columns, which differs between versions of the reader."""
    return str(zlib.crc32(entry.columns))


def _stored_score(row: Sequence[bytes]) -> StoredScore | None:
    name, created_s, content, used_s, kind, info, size_bytes = (
        value.decode(errors="replace") for value in row
    )
    try:
        return StoredScore(
            name, content, kind, json.loads(info), int(size_bytes), float(created_s), float(used_s)
        )
    except ValueError as error:
        _logger.warning("omitting the score %s from a list: its record in Redis is damaged (%s)", name, error)
        return None
