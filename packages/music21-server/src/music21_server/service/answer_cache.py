"""Answers that are known, for as long as the score that they are about is at hand."""

from __future__ import annotations

import json
import weakref
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any

from music21_server.cache import ByteLimitedCache
from music21_server.score.entry import Entry


class AnswerCache:
    """Keeps answers about scores, within so many bytes.

    When the last entry of a content is gone that answers were made from (its scores were deleted, or nobody
    has asked for them for long), its answers are dropped: whoever deletes a score has its answers deleted.
    It is for one thread; entries may die in any.

    Args:
        max_bytes: Of all answers together.
        size_of: Returns the size of an answer in bytes.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[Any], int]) -> None:
        self._answers: ByteLimitedCache[str, Any] = ByteLimitedCache(max_bytes, size_of)
        self._questions: defaultdict[str, set[str]] = defaultdict(set)  # by content
        self._contents: dict[int, str] = {}  # of entries that are alive, by their identity
        self._alive: Counter[str] = Counter()  # the same entries, by content
        # An entry dies wherever the last reference to it happens to be: that is noted, and no more.
        self._dead: deque[int] = deque()

    def __len__(self) -> int:
        self._tidy()
        return len(self._answers)

    @property
    def size_bytes(self) -> int:
        """Of all answers together."""
        self._tidy()
        return self._answers.size_bytes

    def get(self, question: str) -> Any | None:
        """Return the answer to a question, None when it is not known."""
        return self._answers.get(question)

    def put(self, entry: Entry, question: str, answer: Any) -> None:
        """Keep the answer to a question about a score.

        Args:
            entry: The score.
            question: It and the score's content in one: `answer_key`.
            answer: What it is.
        """
        self._tidy()
        self._answers.put(question, answer)
        self._questions[entry.content_id].add(question)
        if id(entry) not in self._contents:
            self._contents[id(entry)] = entry.content_id
            self._alive[entry.content_id] += 1
            weakref.finalize(entry, self._dead.append, id(entry)).atexit = False

    def _tidy(self) -> None:
        while self._dead:
            content = self._contents.pop(self._dead.popleft())
            self._alive[content] -= 1
            if not self._alive[content]:
                del self._alive[content]
                for question in self._questions.pop(content):
                    self._answers.drop(question)


def answer_key(content_id: str, analysis: str, arguments: Mapping[str, Any]) -> str:
    """Return the key of an answer: equal for equal content, analysis and arguments in any order.

    Args:
        content_id: The store's id of the analysed content.
        analysis: Name of the analysis.
        arguments: Everything else that the answer depends on; JSON-able.
    """
    return json.dumps([content_id, analysis, dict(arguments)], sort_keys=True, separators=(",", ":"))
