"""The connection to Redis: what it costs when nobody answers there, and how that is said.

Needs the extra `music21-server[redis]`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ConnectionError,
    RedisError,
    TimeoutError,
)
from redis.retry import Retry

from music21_server.errors import StoreUnavailableError
from music21_server.store.redis.url import address

_logger = logging.getLogger(__name__)

_CONNECT_S: Final = 1.0
_ANSWER_S: Final = 2.0
_PAUSE_S: Final = 1.0
"""After a failure all calls are refused for so long: many that wait would hold up everybody."""

_KEEPS_ALL: Final = "noeviction"
"""The policy under which Redis refuses what does not fit; under others it drops scores that are in use."""

Result = TypeVar("Result")


class WrongTypeError(StoreUnavailableError):
    """A key of the store's is of another type than it should be: somebody else has written it."""


class RedisConnection:
    """Connections to one Redis server, shared by threads; they are made when they are needed.

    Args:
        url: `redis://`, `rediss://` or `unix://`, with user, password and database where needed.

    Attributes:
        address: What people call the server: without user and password.
    """

    def __init__(self, url: str) -> None:
        self.address = address(url)
        self._secrets = _secrets(url)
        self._client: redis.Redis = redis.Redis.from_url(
            url,
            socket_connect_timeout=_CONNECT_S,
            socket_timeout=_ANSWER_S,
            # Once more: a connection that had been idle may have been closed at the other end.
            retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        )
        self._lock = threading.Lock()
        self._is_up: bool | None = None
        self._refused_until_s = 0.0
        self._refusal = ""
        self._last_error = ""

    def call(self, command: Callable[[redis.Redis], Result]) -> Result:
        """Return what a command returns.

        Raises:
            StoreUnavailableError: Redis cannot be reached, or cannot do it; the message says what to do.
            WrongTypeError: A key is of another type than the command is for.
        """
        self._refuse_in_a_pause()
        try:
            result = command(self._client)
        except (AuthenticationError, AuthorizationError) as error:
            raise self._down(_refused(self._said(error))) from None  # a traceback has the URL's parts in it
        except (ConnectionError, TimeoutError, OSError) as error:
            is_loading = isinstance(error, BusyLoadingError)
            what = "is still loading its data" if is_loading else f"cannot be reached ({self._said(error)})"
            raise self._down(f"{what}. No score is lost by that; try again in some seconds.") from None
        except RedisError as error:
            said = self._said(error)
            if "unauthenticated" in said:  # to a long command of somebody who has given no password
                raise self._down(_refused(said)) from None
            self._up()
            raise self._unable(said) from None
        self._up()
        self._last_error = ""
        return result

    def script(self, text: str) -> Script:
        """Return a script for `call`; Redis hears of it when it is needed."""
        return self._client.register_script(text)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _unable(self, said: str) -> StoreUnavailableError:
        """Return the error for an answer that is one; older versions of Redis put words before a script's."""
        if "WRONGTYPE" in said:
            return WrongTypeError(f"The store of scores ({self.address}) is damaged: {said}.")
        if "command not allowed when used memory" in said:
            return StoreUnavailableError(
                f"The store of scores ({self.address}) is full: Redis takes no more than its maxmemory. "
                "What is stored stays; delete scores that are not needed (delete_score), or try again later."
            )
        if said != self._last_error:
            _logger.error("the store of scores (%s) answers with an error: %s", self.address, said)
            self._last_error = said
        return StoreUnavailableError(
            f"The store of scores ({self.address}) answers with an error: {said}. Nothing has been changed; "
            "try again later, and tell whoever runs this server if it stays so."
        )

    def _said(self, error: Exception) -> str:
        """Return an error's text without the password, which some errors repeat."""
        text = str(error)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text.rstrip(".")

    def _refuse_in_a_pause(self) -> None:
        with self._lock:
            now_s = time.monotonic()
            if now_s < self._refused_until_s:
                raise StoreUnavailableError(self._refusal)
            if self._is_up is False:  # this call finds out for all others, which need not wait with it
                self._refused_until_s = now_s + _CONNECT_S + _ANSWER_S

    def _down(self, what: str) -> StoreUnavailableError:
        refusal = f"The store of scores ({self.address}) {what}"
        with self._lock:
            if self._is_up is not False:
                _logger.error("%s", refusal)
            self._is_up = False
            self._refusal = refusal
            self._refused_until_s = time.monotonic() + _PAUSE_S
        return StoreUnavailableError(refusal)

    def _up(self) -> None:
        if self._is_up:
            return
        with self._lock:
            was_up, self._is_up, self._refused_until_s = self._is_up, True, 0.0
        if not was_up:
            _logger.info("the store of scores (%s) answers", self.address)
            self._look_at_policy()

    def _look_at_policy(self) -> None:
        try:
            memory: Any = self._client.info("memory")
        except (RedisError, OSError):
            return  # not everybody may ask
        policy = memory.get("maxmemory_policy", _KEEPS_ALL)
        if memory.get("maxmemory") and policy != _KEEPS_ALL:
            _logger.warning(
                "Redis (%s) has maxmemory-policy %s: when it is full it drops scores that are in use; %s "
                "makes it refuse new ones",
                self.address,
                policy,
                _KEEPS_ALL,
            )


def _refused(said: str) -> str:
    return f"refuses this server ({said}): user and password (setting store_url) have to be put right."


def _secrets(url: str) -> set[str]:
    """Return the password in a URL, as it stands there and as it is meant."""
    password = urlsplit(url).password
    return {password, unquote(password)} if password else set()
