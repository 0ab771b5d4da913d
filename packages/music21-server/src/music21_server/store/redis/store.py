"""Scores in Redis, for several servers that share them.

What the servers agree on happens in `store_redis.lua`, one step each, by the clock of Redis. Here are words,
bytes and a cache of contents, so that a score that this process knows costs one short exchange.
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
    duration_text,
    lifetime_reason,
    refuse_above,
    room_reason,
)
from music21_server.store.names import check_name, name_from, taken_name, unknown_score
from music21_server.store.redis.connection import RedisConnection, WrongTypeError

_logger = logging.getLogger(__name__)

_VERSION: Final = 1
"""Of the keys; it is in their names, so that servers of two versions do not meet."""

_LOOKS: Final = 5
"""For a score that others delete and store again, or store in another version, at the same time."""

_FACTS: Final = 7
"""Values for each score in a list."""


class RedisStore:
    """Keeps scores in Redis; does what `Store` does, for all servers with the same URL and prefix.

    Redis need not be there yet, and may be away for a while: calls raise `StoreUnavailableError` then.

    Args:
        limits: Bounds; servers that share a store should have the same.
        url: Of Redis.
        prefix: Beginning of all keys.
        clock: Seconds since the epoch; None: those of Redis, which are the same for all servers.
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
        """Store a score; one whose content is there already is only named.

        Raises:
            BadNameError: It cannot be a name.
            TakenNameError: The name stands for another score of this owner.
            TooMuchScoreError: There is no room.
            StoreUnavailableError: Redis cannot be reached, or is full.
        """
        if name is not None:
            check_name(name)
        limits, checksum = self._limits, _checksum(entry)
        of_score = (name or "", name_from(title), entry.content_id, checksum, entry.kind,
                    json.dumps(dict(entry.info)), entry.size_bytes)  # fmt: skip
        bounds = (limits.score_grace_s, room_reason(limits), limits.max_scores, limits.max_scores_per_owner,
                  limits.max_stored_bytes, limits.max_stored_bytes_per_owner)  # fmt: skip
        said, *more = self._run("put", owner, *of_score, *bounds, b"", content=entry.content_id)
        if said == b"content":
            kept = entry.to_bytes()
            said, *more = self._run("put", owner, *of_score, *bounds, kept, content=entry.content_id)
        if said == b"taken":
            raise taken_name(name or "")
        if said == b"full":
            refuse_above(more[0].decode(), int(more[1]), limits)
        self._cache.put((entry.content_id, checksum), entry)
        place, created_s, used_s = more
        return StoredScore(
            place.decode(),
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
            UnknownScoreError: The owner has none of that name; the message says what became of it, or names
                the nearest ones.
            StoreUnavailableError: Redis cannot be reached.
        """
        for _ in range(_LOOKS):
            said, *more = self._run("get", owner, name, self._limits.touch_s)
            if said == b"unknown":
                raise self._unknown(name, more)
            content, checksum = (value.decode() for value in more)
            entry = self._cache.get((content, checksum)) or self._fetched(content, checksum)
            if entry is not None:
                return entry
        raise StoreUnavailableError(
            f"The score {name!r} was changed by others whenever it was read: try again in some seconds."
        )

    def scores(self, owner: str) -> tuple[StoredScore, ...]:
        """Return an owner's scores, in the order in which they were stored."""
        _, *more = self._run("scores", owner)
        rows = (more[at : at + _FACTS] for at in range(0, len(more), _FACTS))
        found = filter(None, map(_listed, rows))
        return tuple(sorted(found, key=lambda score: (score.created_s, score.name)))

    def delete(self, owner: str, name: str) -> None:
        """Delete a score; calls that are using it go on.

        Raises:
            UnknownScoreError: The owner has none of that name.
            StoreUnavailableError: Redis cannot be reached.
        """
        said, *more = self._run("delete", owner, name, DELETED)
        if said == b"unknown":
            raise self._unknown(name, more)

    def delete_all(self, owner: str) -> int:
        """Delete all scores of an owner, and all that is known of the owner; return how many there were."""
        _, count = self._run("delete_all", owner)
        return int(count)

    def sweep(self) -> int:
        """Free what has not been used for its lifetime, and return how many this call freed."""
        count = 0
        while True:
            said, freed = self._run("sweep")
            count += int(freed)
            if said == b"clean":
                return count

    def figures(self) -> StoreFigures:
        """Return how full the store is."""
        _, *figures = self._run("figures")
        return StoreFigures(*map(int, figures))

    def evictions(self) -> Mapping[Eviction, int]:
        """Return how many scores this process has freed, by reason; deleted ones do not count."""
        with self._lock:
            return {reason: self._evictions[reason] for reason in get_args(Eviction)}

    def check(self) -> None:
        """Return if Redis answers.

        Raises:
            StoreUnavailableError: It does not.
        """
        self._connection.call(lambda client: client.ping())

    def close(self) -> None:
        """Close the connections; what is in Redis stays there."""
        self._connection.close()

    def _fetched(self, content: str, checksum: str) -> Entry | None:
        """Return a content from Redis; None when it is another or none by now, or damaged and given up."""
        key = f"{self._prefix}content:{content}"
        found: Any = self._connection.call(lambda client: client.hmget(key, ["checksum", "entry"]))
        if found[0] != checksum.encode():
            return None
        try:
            entry = Entry.from_bytes(found[1] or b"")
        except DamagedEntryError as error:
            _logger.warning("the stored score %s is given up: %s", content, error)
            self._run("give_up", content, content=content)
            return None
        self._cache.put((content, checksum), entry)
        return entry

    def _unknown(self, name: str, more: Sequence[bytes]) -> UnknownScoreError:
        reason, *names = (value.decode() for value in more)
        return unknown_score(name, names, reason or None, self._loss())

    def _loss(self) -> str:
        """Return a sentence about scores that Redis has lost since this process has known it, if it has."""
        with self._lock:
            lost_at_s = self._lost_at_s
        ago_s = None if lost_at_s is None else time.monotonic() - lost_at_s
        if ago_s is None or ago_s > self._limits.score_lifetime_s:
            return ""
        return (
            f"Since {duration_text(round(ago_s))} the store is another one: Redis was restarted without its "
            "data or emptied, and the scores from before are gone."
        )

    def _run(self, call: str, *arguments: Any, content: str = "") -> list[Any]:
        """Return what a call of the script says, without what all calls say.

        Args:
            call: Name of a function of the script.
            arguments: Its arguments; the first is an owner where it has one.
            content: Which content it is about.
        """
        try:
            said = self._evaluated(call, *arguments)
        except WrongTypeError as error:
            aside = self._evaluated("put_aside", arguments[0] if arguments else "", content)
            keys = b", ".join(aside).decode(errors="replace")
            _logger.warning("%s: %s put aside, with `damaged:` before the name", error, keys)
            said = self._evaluated(call, *arguments)
        since, lifetime, room, damaged, *rest = said
        with self._lock:
            if self._since and self._since != since:
                _logger.error("the store of scores has lost what it held: Redis was restarted without it")
                self._lost_at_s = time.monotonic()
            self._since = since
            if damaged:
                _logger.warning(
                    "the names of %d stored scores are freed: Redis has damaged or lost them", damaged
                )
            self._evictions.update(lifetime=lifetime, room=room, damaged=damaged)
        return list(rest)

    def _evaluated(self, call: str, *arguments: Any) -> list[Any]:
        limits = self._limits
        now = "" if self._clock is None else repr(self._clock())
        head = (call, self._prefix, now, limits.score_lifetime_s, lifetime_reason(limits), DAMAGED)
        said: list[Any] = self._connection.call(
            lambda client: self._script(args=(*head, *arguments), client=client)
        )
        return said


def _checksum(entry: Entry) -> str:
    """Return what tells columns of one version of the reader from those of another."""
    return str(zlib.crc32(entry.columns))


def _listed(row: Sequence[bytes]) -> StoredScore | None:
    name, created_s, content, used_s, kind, info, size_bytes = (
        value.decode(errors="replace") for value in row
    )
    try:
        return StoredScore(
            name, content, kind, json.loads(info), int(size_bytes), float(created_s), float(used_s)
        )
    except ValueError as error:
        _logger.warning(
            "the score %s is left out of a list: its record in Redis is damaged (%s)", name, error
        )
        return None
