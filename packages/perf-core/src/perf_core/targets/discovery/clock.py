"""Answers that contain the present time, which are the same only while they are compared.

Three calls within a minute get the same ``12:34`` from a clock, and a call under load gets another. So a
time in an answer that is the time of the call counts as varying.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[T ](?P<dated>\d\d:\d\d(?::\d\d)?)(?:[.,]\d+)?"
    r"|(?<![\d:.])(?P<alone>(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)(?![\d:])"
)
_EPOCH = re.compile(r"(?<![\d.])\d{10}(?:\d{3})?(?!\d)")

_QUARTER_HOUR_S = 900
"""Offsets of time zones are multiples of it, so local times differ by whole quarters of an hour."""

_HALF_DAY_S = 43_200
_TOLERANCE_S = 5
"""Time between the server's reading of its clock and the lab's."""

_NEAR_EPOCH_S = 60
_MILLISECONDS_FROM = 1e11
_LATEST_EPOCH_MS = 1e14
_ANOTHER = "(another time)"


def at_another_time(value: Any, asked_at: datetime) -> Any:
    """Return an answer as it might be at another time; unchanged if it does not contain the time of the call.

    Args:
        asked_at: Time of the call, with its zone.

    Example::

        at_another_time({"now": "2026-03-01T12:34:56Z"}, datetime(2026, 3, 1, 12, 34, 57, tzinfo=UTC))
        # {"now": "2026-03-01 (another time)Z"}
    """
    match value:
        case str():
            return _changed(value, asked_at)
        case bool():
            return value
        case int() | float():
            return value + 3600 if _is_epoch_of(value, asked_at) else value
        case Mapping():
            return {key: at_another_time(each, asked_at) for key, each in value.items()}
        case list():
            return [at_another_time(each, asked_at) for each in value]
        case _:
            return value


def _changed(text: str, asked_at: datetime) -> str:
    def time_changed(match: re.Match[str]) -> str:
        if match["date"] is None:
            zones = (asked_at, asked_at.astimezone())
            is_now = any(_is_time_of(match["alone"], each, _HALF_DAY_S) for each in zones)
            return _ANOTHER if is_now else match[0]
        days = {(asked_at + timedelta(days=shift)).date().isoformat() for shift in (-1, 0, 1)}
        is_now = match["date"] in days and _is_time_of(match["dated"], asked_at, _QUARTER_HOUR_S)
        return f"{match['date']} {_ANOTHER}" if is_now else match[0]

    text = _TIME.sub(time_changed, text)
    return _EPOCH.sub(lambda match: "?" if _is_epoch_of(float(match[0]), asked_at) else match[0], text)


def _is_time_of(time_of_day: str, asked_at: datetime, period_s: int) -> bool:
    """Return whether a time such as ``12:34`` or ``12:34:56`` is that of a call, in some zone.

    Args:
        period_s: Times that differ by multiples of it count as the same.
    """
    hour, minute, *second = map(int, time_of_day.split(":"))
    since_s = asked_at.hour * 3600 + asked_at.minute * 60 + asked_at.second
    since_s -= hour * 3600 + minute * 60 + sum(second)
    # A time without seconds stands for its whole minute.
    longest_s = _TOLERANCE_S if second else _TOLERANCE_S + 60
    return (since_s + _TOLERANCE_S) % period_s <= longest_s + _TOLERANCE_S


def _is_epoch_of(number: float, asked_at: datetime) -> bool:
    # Integers may be too large for a float.
    if not 0 < number < _LATEST_EPOCH_MS:
        return False
    seconds = number / 1000 if number > _MILLISECONDS_FROM else number
    return abs(seconds - asked_at.timestamp()) <= _NEAR_EPOCH_S
