"""What can be wrong with a score, said so that whoever sent it can put it right.

ScoreError
├── UnreadableScoreError   the content is not what it claims to be, or is broken
├── TooMuchScoreError      it is beyond a limit; the message names the limit and its setting
├── UnknownScoreError      no score has that name
└── StoreUnavailableError  the store of scores does not answer, or cannot take more; nothing is lost by that
"""

from __future__ import annotations


class ScoreError(Exception):
    """A score cannot be served; the message says what was expected, what came, and what to do."""


class UnreadableScoreError(ScoreError):
    """The content is not what it claims to be, or is broken."""


class TooMuchScoreError(ScoreError):
    """The content is beyond a limit."""


class UnknownScoreError(ScoreError):
    """No score has that name."""


class StoreUnavailableError(ScoreError):
    """The store of scores does not answer, or cannot take more; what it holds is not touched by that."""
