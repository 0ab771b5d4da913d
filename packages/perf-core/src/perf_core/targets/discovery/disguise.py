"""Answers that are errors although they do not say ``isError``: a server that only ever fails looks fast."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from perf_core.server.credentials.masking import cut
from perf_core.targets.discovery.calls import texts_of
from perf_core.targets.discovery.stable import container_in

_BEGINNING = re.compile(
    r"\W{0,4}(?:(?:an?|the|fatal|internal|unexpected|unknown|server|api|network|request|tool|http|connection)\s+)"
    r"{0,3}(?:(?:error|exception)\s*(?:[:.!(-]|$|occurred\b|while\b|in\b|during\b|at\b|from\b|code\b|\w+ing\b)|"
    r"failed\b|failure\s*(?:[:.!-]|$)|cannot\b|could not\b|unable to\b)|"
    r"\w+(?:Error|Exception)\s*[:(]",
    re.IGNORECASE,
)
_STATUS = re.compile(
    r"\s*(?:HTTP(?:/\d(?:\.\d)?)?|status(?: code)?)?[\s:]*[45]\d\d[\s:,-]+"
    r"(?:internal server error|bad gateway|service unavailable|gateway time-?out|not found|unauthorized|"
    r"forbidden|bad request|too many requests)",
    re.IGNORECASE,
)
_TRACE = re.compile(
    r"Traceback \(most recent call last\)|^\s+at .+\(.+:\d+:\d+\)$|\bfetch failed\b|\bECONNREFUSED\b|"
    r"\bENOTFOUND\b|\bETIMEDOUT\b|\bgetaddrinfo\b|\bConnection refused\b|\bName or service not known\b|"
    r"\bHTTP 5\d\d\b|\bstatus code [45]\d\d\b",
    re.IGNORECASE | re.MULTILINE,
)

_LONGEST_ERROR = 2000
"""A longer text is a document, in which the words of an error are quoted."""

_FLAGS = {"success": False, "ok": False, "status": "error", "isError": True}
_SHOWN = 120


def disguised_error(result: Mapping[str, Any]) -> str:
    """Return what makes a result look like an error; empty if it looks like a useful answer.

    Example::

        disguised_error({"content": [{"type": "text", "text": "Error: fetch failed"}]})
        # "Error: fetch failed"
    """
    structured = _error_in(result.get("structuredContent"))
    if structured:
        return structured
    texts = list(texts_of(result))
    doubts = [_doubt(text) for text in texts]
    # One good text beside a bad one is an answer, and so is a picture.
    blocks = result.get("content") or []
    return doubts[0] if doubts and all(doubts) and len(texts) == len(blocks) else ""


def _doubt(text: str) -> str:
    container = container_in(text)
    if container is not None:
        return _error_in(container)
    if len(text) > _LONGEST_ERROR:
        return ""
    looks_wrong = _BEGINNING.match(text) or _STATUS.match(text) or _TRACE.search(text)
    return _shown(text) if looks_wrong else ""


def _error_in(value: Any) -> str:
    """Return the error that a JSON object states in a member of its own."""
    if not isinstance(value, Mapping):
        return ""
    if set(value) == {"result"}:  # FastMCP wraps what is no object
        inner = value["result"]
        return _doubt(inner) if isinstance(inner, str) else _error_in(inner)
    error = value.get("error") or value.get("errors")
    if error and not isinstance(error, int | float):
        return _shown(f"error: {error}")
    for name, bad in _FLAGS.items():
        # `is`: 0 and 1 are counts, not flags.
        if name in value and (value[name] is bad or (isinstance(bad, str) and value[name] == bad)):
            return _shown(f"{name}: {bad}")
    return ""


def _shown(text: str) -> str:
    return cut(" ".join(text.split()), _SHOWN)
