"""Words, units and rounded numbers for figures.

Figures have the names of :mod:`perf_core.analysis.catalogue`, such as ``latency_ms.add.p95`` or
``tool_calls_per_s@hold_100`` (the stage follows after ``@``). A name without a wording is shown as it is. A
number that is missing or not finite is shown as a dash.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

DASH = "\N{EN DASH}"
MICRO = "\N{MICRO SIGN}"
MINUS = "\N{MINUS SIGN}"

ERROR_CLASSES = {
    "transport": "connection failed",
    "http_status": "HTTP status other than 200",
    "jsonrpc_error": "JSON-RPC error",
    "is_error": "tool reported an error (isError)",
    "wrong_answer": "wrong answer",
    "timeout": "no answer in time",
    "rate_limited": "rate-limited (HTTP 429)",
    "unanswered": "still unanswered when the load ended",
    "session_lost": "session lost by the server",
}

_STATISTICS = {
    "min": "shortest",
    "avg": "average",
    "med": "median",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "max": "longest",
}

# Longest first: "_mb_per_h" also ends in "_per_h".
_UNIT_BY_SUFFIX = (
    ("_mb_per_h", "MB/h"),
    ("_per_h", "/h"),
    ("_per_s", "/s"),
    ("_us_per_call", f"{MICRO}s/call"),
    ("_percent", "%"),
    ("_vus", "VUs"),
    ("_mb", "MB"),
    ("_ms", "ms"),
    ("_us", f"{MICRO}s"),
    ("_s", "s"),
)

_UNPRINTABLE = re.compile(
    # Control characters could control a terminal or break XML, direction marks could reverse a line,
    # lone surrogates cannot be written as UTF-8.
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


@dataclass(frozen=True)
class Wording:
    """Words for a figure.

    Attributes:
        words: Name in words, in lower case except for proper names.
        scale: Factor from the recorded number to the shown one (100 for shares shown as percentages).
        whole: Whether the number is a count, which is shown in full.
    """

    words: str
    unit: str = ""
    scale: float = 1.0
    whole: bool = False


_WORDINGS = {
    "tool_calls": Wording("tool calls", whole=True),
    "tool_calls_per_s": Wording("tool calls per second", "/s"),
    "error_rate": Wording("error rate", "%", scale=100.0),
    "share": Wording("share", "%", scale=100.0),
    "longest_silence_s": Wording("longest silence", "s"),
    "sessions_left": Wording("sessions left open on the server", whole=True),
    "stress.vus_carried": Wording("virtual users carried within the limits", "VUs", whole=True),
    "stress.knee_vus": Wording("knee of the throughput", "VUs", whole=True),
    "stress.peak_vus": Wording("virtual users at the highest throughput", "VUs", whole=True),
    "stress.peak_calls_per_s": Wording("highest throughput", "/s"),
    "endurance.latency_drift": Wording("drift of the median latency", "%", scale=100.0),
    "server.rss_slope_mb_per_h": Wording("memory growth of the server", "MB/h"),
    "server.rss_peak_mb": Wording("peak server memory", "MB"),
    "server.cpu_us_per_call": Wording("server CPU per call", f"{MICRO}s"),
    "server.uptime_percent": Wording("uptime", "%"),
    "spike.recovery_s": Wording("recovery after a spike", "s"),
    "success_percent": Wording("calls that succeeded", "%"),
    "failed_calls": Wording("calls that failed", whole=True),
    "clients_carried": Wording("concurrent clients served acceptably", whole=True),
    "server.rss_growth_mb_per_5_min": Wording("memory growth of the server in 5 minutes", "MB"),
    "server.rss_growth_lower_mb_per_5_min": Wording("certain memory growth of the server in 5 minutes", "MB"),
    "server.fds_slope_per_h": Wording("growth of the open files", "/h"),
    "server.fds_slope_lower_per_h": Wording("certain growth of the open files", "/h"),
    "server.threads_slope_per_h": Wording("growth of the threads", "/h"),
    "server.threads_slope_lower_per_h": Wording("certain growth of the threads", "/h"),
    "server.sessions_slope_per_h": Wording("growth of the open sessions", "/h"),
    "server.sessions_slope_lower_per_h": Wording("certain growth of the open sessions", "/h"),
    "held.success_percent": Wording("calls that succeeded in the stages that hold a level", "%"),
    "held.worst_p95_ms": Wording("p95 of the calls in the slowest stage that holds a level", "ms"),
    "concurrent.worst_level_percent": Wording("calls that succeeded at the worst level", "%"),
    "pools.unreached": Wording("pools without a right answer", whole=True),
    "stability.worst_hour_percent": Wording("calls that succeeded in the worst hour", "%"),
    "recovery.slowest_s": Wording("slowest recovery of a client", "s"),
    "recovery.unrecovered": Wording("clients that did not recover", whole=True),
    "recovery.strikes": Wording("processes killed", whole=True),
    "rate_limit.burst_off_by": Wording("messages by which a burst is off"),
    "rate_limit.rate_off_by_percent": Wording("deviation of the sustained rate", "%"),
    "rate_limit.replenished_off_by": Wording("messages by which replenishment is off"),
    "rate_limit.retry_after_broken": Wording("refusals after Retry-After had passed", whole=True),
    "rate_limit.clients": Wording("clients held to their limits", whole=True),
    "cleanup.rss_growth_mb": Wording("memory left behind", "MB"),
    "cleanup.fds": Wording("open files left behind", whole=True),
    "cleanup.threads": Wording("threads left behind", whole=True),
    "cleanup.processes": Wording("processes left behind", whole=True),
    "cleanup.temporary_files": Wording("temporary files left behind", whole=True),
    "cleanup.held": Wording("objects that the server still holds beyond those before", whole=True),
}


def plain(text: str) -> str:
    """Return ``text`` on one line, with characters that could control a terminal or a parser replaced."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", re.sub(r"[\t\r\n]+", " ", text)).strip()


def plain_lines(text: str) -> str:
    """Return ``text`` like :func:`plain`, but with its lines and their indentation."""
    lines = text.replace("\t", "    ").splitlines()
    return "\n".join(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", line).rstrip() for line in lines).strip(
        "\n"
    )


def printable(text: str) -> str:
    """Return ``text`` with its lines and blanks, but without characters that could control a terminal."""
    return _UNPRINTABLE.sub(lambda m: m[0] if m[0] in "\n\t" else "\N{REPLACEMENT CHARACTER}", text)


def escaped(text: str) -> str:
    """Return JSON or TOML with characters that could control a terminal as escapes of its strings.

    Line breaks and tabs stay; within strings they are escapes already.
    """
    return _UNPRINTABLE.sub(lambda match: match[0] if match[0] in "\n\t" else f"\\u{ord(match[0]):04x}", text)


def figure_wording(name: str) -> Wording:
    """Return the words for a figure; the name itself when it has none."""
    base, _, stage = plain(name).partition("@")
    words = _WORDINGS.get(base) or _distribution(base) or _errors(base) or Wording(base, _unit(base))
    return replace(words, words=f"{words.words} {_stage_words(stage)}") if stage else words


def error_class(name: str) -> str:
    """Return the words for a class of errors; its name when it has none."""
    return ERROR_CLASSES.get(name) or plain(name)


def value_label(name: str) -> str:
    """Return the name of a finding's value in words, without its unit, which is shown with the number."""
    wording = figure_wording(name)
    if wording.words != plain(name):
        return wording.words
    suffix = next((suffix for suffix, unit in _UNIT_BY_SUFFIX if unit == wording.unit), "")
    return wording.words.removesuffix(suffix).replace("_", " ")


def figure_value(name: str, number: float | None, levels: Iterable[float | None] = ()) -> str:
    """Return a figure's number with its unit.

    Args:
        number: Number in the unit of the figure's name; None becomes a dash.
        levels: Levels it is compared with, in the same unit. Digits are added until the rounded
            number is on the same side of each level as the exact one: 100.04 is never shown as 100
            next to "< 100: missed".
    """
    wording = figure_wording(name)
    if number is None or not math.isfinite(number):
        return DASH
    shown_levels = [level * wording.scale for level in levels if level is not None]
    shown = number * wording.scale
    if wording.unit == "%":
        # 99.97 % is never shown as 100 %, and 0.0200 % is shown as 0.02 %.
        return with_unit(trimmed(_rounded(shown, [*shown_levels, 100.0])), wording.unit)
    if wording.whole and float(shown).is_integer():
        return with_unit(count(int(shown)), wording.unit)
    return with_unit(_rounded(shown, shown_levels), wording.unit)


def figure_level(name: str, number: float) -> str:
    """Return a target's level with its unit, exactly as it was set."""
    wording = figure_wording(name)
    return with_unit(f"{number * wording.scale:,.12g}", wording.unit)


def level_unit(name: str) -> str:
    """Return the unit in which the level of a target is given, such as ``ms``, ``share`` or ``number``."""
    wording = figure_wording(name)
    return (wording.unit or "number") if wording.scale == 1 else "share"


def is_extrapolated(name: str) -> bool:
    """Return whether a figure states for minutes or hours what was seen in the time of the run."""
    base = name.partition("@")[0]
    return base.endswith(("_per_h", "_per_5_min"))


def with_unit(number: str, unit: str) -> str:
    """Return the number with its unit: ``12/s`` but ``12 ms``."""
    return f"{number}{unit}" if unit.startswith("/") else f"{number} {unit}".rstrip()


def significant(number: float | None, digits: int = 3) -> str:
    """Return ``number`` rounded to ``digits`` significant digits; a dash when there is none."""
    if number is None or not math.isfinite(number):
        return DASH
    if number == 0:
        return "0"
    rounded = float(f"{number:.{digits - 1}e}")
    magnitude = math.floor(math.log10(abs(rounded)))
    if magnitude < -6:
        return f"{rounded:.{digits - 1}e}"
    return f"{rounded:,.{max(0, digits - 1 - magnitude)}f}"


def trimmed(number: str) -> str:
    """Return ``number`` without zeros at the end of its decimals."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def count(number: int) -> str:
    """Return a count with thousands separators."""
    return f"{number:,}"


def duration(seconds: float) -> str:
    """Return a length of time such as ``30 s``, ``5 min 3 s`` or ``2 h 10 min``."""
    if not math.isfinite(seconds):
        return DASH
    if seconds < 60:
        return f"{trimmed(significant(seconds))} s"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, rest_min = divmod(minutes, 60)
    if hours:
        return f"{hours} h {rest_min} min" if rest_min else f"{hours} h"
    return f"{minutes} min {rest_s} s" if rest_s else f"{minutes} min"


def sentence(text: str) -> str:
    """Return ``text`` with a capital first letter, unless its first word is a name such as ``p95``."""
    first = text.partition(" ")[0].rstrip(",.:;")
    return text[:1].upper() + text[1:] if first.isalpha() else text


def _rounded(number: float, levels: list[float]) -> str:
    """Round to three significant digits, or more if needed to stay on the same side of each level."""
    text = ""
    for digits in range(3, 16):
        text = significant(number, digits)
        shown = float(text.replace(",", ""))
        if all(
            (shown < level) == (number < level) and (shown > level) == (number > level) for level in levels
        ):
            break
    return text


def _distribution(base: str) -> Wording | None:
    quantity, _, rest = base.partition(".")
    subject, _, statistic = rest.rpartition(".")
    statistic_word = _STATISTICS.get(statistic)
    if statistic_word is None:
        return None
    phrase = ""
    match quantity:
        case "latency_ms" if subject == "all":
            phrase = "latency, all tools"
        case "latency_ms" | "protocol_ms" if subject:
            phrase = f"latency of {subject}"
        case "session_creation_ms" if not subject:
            phrase = "session creation"
        case "journey_ms" if subject:
            phrase = f"duration of journey {subject}"
        case "kinds_ms" if "." in subject:
            tool, _, kind = subject.rpartition(".")
            phrase = f"latency of {tool}, {kind} arguments"
    return Wording(f"{statistic_word} {phrase}", "ms") if phrase else None


def _errors(base: str) -> Wording | None:
    quantity, _, name = base.partition(".")
    if quantity != "errors" or not name:
        return None
    return Wording(f"errors: {error_class(name)}", whole=True)


def _unit(base: str) -> str:
    return next((unit for suffix, unit in _UNIT_BY_SUFFIX if base.endswith(suffix)), "")


def _stage_words(stage: str) -> str:
    held = re.fullmatch(r"hold_(\d+)", stage)
    return f"at {held[1]} VUs" if held else f"in stage {stage}"
