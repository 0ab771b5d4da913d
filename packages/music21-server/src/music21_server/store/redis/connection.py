"""Connection to Redis with short timeouts, a pause after failures, and errors without secrets.

Requires the extra `music21-server[redis]`.
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

_CONNECT_TIMEOUT_S: Final = 1.0
_RESPONSE_TIMEOUT_S: Final = 2.0
_RETRY_PAUSE_S: Final = 1.0
"""Time after a failure during which calls fail at once, so that they do not all wait for the timeout."""

_NO_EVICTION: Final = "noeviction"
"""The only policy under which a full Redis refuses new data instead of dropping scores in use."""

Result = TypeVar("Result")


class WrongTypeError(StoreUnavailableError):
    """A key of the store has the wrong type, because another program has written it."""


class RedisConnection:
    """Connections to one Redis server, opened on demand and shared by threads.

    Args:
        url: `redis://`, `rediss://` or `unix://` URL, with user, password and database if needed.

    Attributes:
        address: Address of the server for messages, without user and password.
    """

    def __init__(self, url: str) -> None:
        self.address = address(url)
        self._secrets = _secrets(url)
        self._client: redis.Redis = redis.Redis.from_url(
            url,
            socket_connect_timeout=_CONNECT_TIMEOUT_S,
            socket_timeout=_RESPONSE_TIMEOUT_S,
            # One retry, because Redis may have closed a connection while it was idle.
            retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        )
        self._lock = threading.Lock()
        self._is_up: bool | None = None
        self._refused_until_s = 0.0
        self._refusal = ""
        self._last_error = ""

    def call(self, command: Callable[[redis.Redis], Result]) -> Result:
        """Run a command and return its result.

        Raises:
            StoreUnavailableError: Redis cannot be reached or refuses the command.
            WrongTypeError: A key has the wrong type for the command.
        """
        self._raise_during_pause()
        try:
            result = command(self._client)
        except (AuthenticationError, AuthorizationError) as error:
            raise self._down(
                _credentials_refused(self._text(error))
            ) from None  # the traceback contains the URL
        except (ConnectionError, TimeoutError, OSError) as error:
            is_loading = isinstance(error, BusyLoadingError)
            problem = (
                "is still loading its data" if is_loading else f"cannot be reached ({self._text(error)})"
            )
            raise self._down(f"{problem}. No score is lost; try again in a few seconds.") from None
        except RedisError as error:
            text = self._text(error)
            if "unauthenticated" in text:  # Redis' response to a long command without a password
                raise self._down(_credentials_refused(text)) from None
            self._up()
            raise self._command_error(text) from None
        self._up()
        self._last_error = ""
        return result

    def script(self, text: str) -> Script:
        """Return a script for `call`; it is sent to Redis at its first use."""
        return self._client.register_script(text)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _command_error(self, text: str) -> StoreUnavailableError:
        """Return the exception for an error response; old versions of Redis prefix the error of a script."""
        if "WRONGTYPE" in text:
            return WrongTypeError(f"The score store ({self.address}) is damaged: {text}.")
        if "command not allowed when used memory" in text:
            return StoreUnavailableError(
                f"The score store ({self.address}) is full: Redis has reached its maxmemory. Stored scores "
                "are not affected; delete scores that are not needed (delete_score), or try again later."
            )
        if text != self._last_error:
            _logger.error("the score store (%s) responds with an error: %s", self.address, text)
            self._last_error = text
        return StoreUnavailableError(
            f"The score store ({self.address}) responds with an error: {text}. Nothing has been changed; try "
            "again later, and tell the operator of this server if the error persists."
        )

    def _text(self, error: Exception) -> str:
        """Return the text of an error without the password, which some errors repeat."""
        text = str(error)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text.rstrip(".")

    def _raise_during_pause(self) -> None:
        with self._lock:
            now_s = time.monotonic()
            if now_s < self._refused_until_s:
                raise StoreUnavailableError(self._refusal)
            if self._is_up is False:  # this call tests the connection while all others fail at once
                self._refused_until_s = now_s + _CONNECT_TIMEOUT_S + _RESPONSE_TIMEOUT_S

    def _down(self, problem: str) -> StoreUnavailableError:
        refusal = f"The score store ({self.address}) {problem}"
        with self._lock:
            if self._is_up is not False:
                _logger.error("%s", refusal)
            self._is_up = False
            self._refusal = refusal
            self._refused_until_s = time.monotonic() + _RETRY_PAUSE_S
        return StoreUnavailableError(refusal)

    def _up(self) -> None:
        if self._is_up:
            return
        with self._lock:
            was_up, self._is_up, self._refused_until_s = self._is_up, True, 0.0
        if not was_up:
            _logger.info("the score store (%s) responds", self.address)
            self._check_eviction_policy()

    def _check_eviction_policy(self) -> None:
        try:
            memory: Any = self._client.info("memory")
        except (RedisError, OSError):
            return  # the user may lack the permission for INFO
        policy = memory.get("maxmemory_policy", _NO_EVICTION)
        if memory.get("maxmemory") and policy != _NO_EVICTION:
            _logger.warning(
                "Redis (%s) has maxmemory-policy %s: when full, it drops scores that are in use; set %s to "
                "make it refuse new ones instead",
                self.address,
                policy,
                _NO_EVICTION,
            )


def _credentials_refused(text: str) -> str:
    return f"refuses this server ({text}): correct user and password (setting store_url)."


def _secrets(url: str) -> set[str]:
    """Return the password in a URL, percent-encoded and decoded."""
    password = urlsplit(url).password
    return {password, unquote(password)} if password else set()
