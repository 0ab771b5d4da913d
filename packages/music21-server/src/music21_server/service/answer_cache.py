"""Cache of answers about scores; an answer is dropped with the last entry of its score."""

from __future__ import annotations

import json
import weakref
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from music21_server.cache import ByteLimitedCache
from music21_server.score.entry import Entry

_QUESTIONS_UNTIL_TIDY: Final = 1_000
"""Questions that are remembered beyond twice the number of answers: those of answers dropped for others."""


class AnswerCache:
    """Keeps answers about scores, up to a total size.

    When the last entry of a content is garbage-collected (its scores were deleted, or not used for long), its
    answers are dropped: deleting a score deletes its answers. Not thread-safe, but entries may be collected
    in any thread.

    Args:
        max_bytes: Total size of all answers.
        size_of: Returns the size of an answer in bytes.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[Any], int]) -> None:
        self._answers: ByteLimitedCache[str, Any] = ByteLimitedCache(max_bytes, size_of)
        self._questions: defaultdict[str, set[str]] = defaultdict(set)  # by content
        self._remembered = 0  # questions of all contents
        self._contents: dict[int, str] = {}  # of live entries, by identity
        self._live_entries: Counter[str] = Counter()  # by content
        # A finalizer may run in any thread, so it only records the identity; `_tidy` does the rest.
        self._collected: deque[int] = deque()

    def __len__(self) -> int:
        self._tidy()
        return len(self._answers)

    @property
    def size_bytes(self) -> int:
        """Total size of all answers."""
        self._tidy()
        return self._answers.size_bytes

    def get(self, question: str) -> Any | None:
        """Return the answer to a question, or None if it is not cached."""
        return self._answers.get(question)

    def put(self, entry: Entry, question: str, answer: Any) -> None:
        """Keep the answer to a question about a score.

        Args:
            entry: The score.
            question: Key that includes the score's content: `answer_key`.
        """
        self._tidy()
        self._answers.put(question, answer)
        self._remember(entry.content_id, question)
        if id(entry) not in self._contents:
            self._contents[id(entry)] = entry.content_id
            self._live_entries[entry.content_id] += 1
            weakref.finalize(entry, self._collected.append, id(entry)).atexit = False

    def _remember(self, content: str, question: str) -> None:
        """Remember a question with its content, and forget those whose answers were dropped, now and then."""
        questions = self._questions[content]
        if question not in questions:
            questions.add(question)
            self._remembered += 1
        if self._remembered > 2 * len(self._answers) + _QUESTIONS_UNTIL_TIDY:
            for each in self._questions.values():
                each.intersection_update([question for question in each if question in self._answers])
            self._remembered = sum(map(len, self._questions.values()))

    def _tidy(self) -> None:
        while self._collected:
            content = self._contents.pop(self._collected.popleft())
            self._live_entries[content] -= 1
            if not self._live_entries[content]:
                del self._live_entries[content]
                questions = self._questions.pop(content, set())
                self._remembered -= len(questions)
                for question in questions:
                    self._answers.drop(question)


def answer_key(content_id: str, analysis: str, arguments: Mapping[str, Any]) -> str:
    """Return the key of an answer; equal for the same content, analysis and arguments in any order.

    Clients choose the arguments, which may be megabytes, so the key has their digest.

    Args:
        analysis: Name of the analysis.
        arguments: Everything else that the answer depends on; JSON values.
    """
    text = json.dumps(dict(arguments), sort_keys=True, separators=(",", ":"))
    return f"{content_id} {analysis} {sha256(text.encode()).hexdigest()}"
