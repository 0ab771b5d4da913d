"""Errors about scores, with messages that tell the sender what to change.

ScoreError
├── UnreadableScoreError   the content is broken, or not in the format it claims
├── TooMuchScoreError      the content exceeds a limit; the message names the limit and its setting
├── UnknownScoreError      no score has that name
└── StoreUnavailableError  the score store does not answer or is full; stored scores are not affected
"""

from __future__ import annotations


class ScoreError(Exception):
    """Base class; the message says what was expected, what was received, and what to do."""


class UnreadableScoreError(ScoreError):
    """The content is broken, or not in the format it claims."""


class TooMuchScoreError(ScoreError):
    """The content exceeds a limit."""


class UnknownScoreError(ScoreError):
    """No score has that name."""


class StoreUnavailableError(ScoreError):
    """The score store does not answer or is full; stored scores are not affected."""
