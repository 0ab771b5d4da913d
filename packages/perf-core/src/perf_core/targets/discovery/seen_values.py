"""Values that a server has named, in answers, resources and errors, or that stand in its start command.

Many tools need the id, name or path of something that another tool lists. Each value is kept with the words
of the key or tool it came with, and a property gets those whose words fit its name.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from perf_core.targets.discovery.tools import words_of

Scalar = str | int | float

_MOST_VALUES = 3000
_MOST_OF_ANSWER = 200
_MOST_CANDIDATES = 12
_MOST_OF_KIND = 5
_MOST_ACCEPTED = 20
_DEEPEST = 8
_LONGEST_VALUE = 200
_LONGEST_LITERAL = 20_000
_LONGEST_LINE_WORDS = 4
_LISTED_FILES = 5

_URI = re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s\"'<>)\]}]+", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w:/.])/(?:[\w.@+-]+/?)+")
_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_LISTED = re.compile(r"(?:[-*\u2022]|\d+[.)]|\[[A-Z]+\])?\s*(.+)")
_PAIR = re.compile(r"[-*]?\s*([A-Za-z][\w ]{0,30}):\s+(\S.{0,100})$")

_VERBS = frozenset(
    {"list", "get", "read", "show", "search", "find", "fetch", "all", "query", "describe", "result", "item"}
)
"""Words of tools and members that say nothing about the values in them."""

_LISTING = frozenset({"list", "ls", "dir", "directory", "folder", "tree"})
"""Words of tools whose answers name what is in a folder."""

_FOLDER = frozenset({"path", "directory", "dir", "folder", "repo", "repository", "root", "workspace"})
_FILE = frozenset({"path", "file", "filename", "filepath"})
_WEB = frozenset({"url", "uri", "link", "website", "resource"})
_HASH = frozenset({"commit", "revision", "sha", "hash", "ref"})
_NAMING = frozenset({"name", "id", "key", "uid", "slug"})
_ID = frozenset({"id", "uuid", "guid"})


@dataclass(frozen=True)
class _Seen:
    value: Scalar
    words: frozenset[str]
    source: frozenset[str]


class SeenValues:
    """Collects values, and returns those that fit a property; threads may share it.

    Example::

        seen = SeenValues()
        seen.add_result("list_users", {}, {"content": [], "structuredContent": {"users": [{"id": 7}]}})
        seen.fitting("user_id", frozenset({"get", "user"}))     # [7]
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[Scalar, frozenset[str]], _Seen] = {}
        self._accepted: dict[str, dict[str, JsonValue]] = {}
        self._allowed: dict[tuple[str, str], tuple[str, ...]] = {}

    def add_result(self, tool: str, arguments: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Collect the values in a tool's result, which may be an error that names what is allowed."""
        source = words_of(tool) - _VERBS
        is_error = result.get("isError") is True
        if not is_error:
            self._add_tree(result.get("structuredContent"), source, source)
        for text in _texts(result):
            self.add_text(text, source)
            if is_error:
                continue
            parsed = _parsed(text)
            if parsed is not None:
                self._add_tree(parsed, source, source)
            else:
                self._add_lines(text, source, arguments if words_of(tool) & _LISTING else {})

    def add_accepted(self, arguments: Mapping[str, JsonValue]) -> None:
        """Keep the arguments of a call that succeeded: other tools often have a property of the same name."""
        for name, value in arguments.items():
            values = self._accepted.setdefault(name, {})
            if len(values) < _MOST_ACCEPTED:
                values.setdefault(json.dumps(value, sort_keys=True), value)

    def accepted(self, name: str) -> list[JsonValue]:
        """Return values with which calls of any tool succeeded, for a property of this name."""
        return list(self._accepted.get(name, {}).values())

    def add_allowed(self, tool: str, name: str, values: Sequence[str]) -> None:
        """Keep the values that an error of a tool lists for a property."""
        self._allowed.setdefault((tool, name), tuple(values))

    def allowed(self, tool: str, name: str) -> tuple[str, ...]:
        """Return the values that an error of a tool has listed for a property."""
        return self._allowed.get((tool, name), ())

    def add_text(self, text: str, source: frozenset[str] = frozenset()) -> None:
        """Collect URIs, absolute paths, commits and UUIDs from a text."""
        for pattern, words in ((_URI, _WEB), (_PATH, _FOLDER | _FILE), (_COMMIT, _HASH), (_UUID, _ID)):
            for match in list(pattern.finditer(text[:_LONGEST_LITERAL]))[:_MOST_OF_ANSWER]:
                self._add(match[0].rstrip(".,:;"), words, source)

    def add_resource(self, uri: str, name: str = "") -> None:
        """Collect the URI and the name of a resource; placeholders of a template are filled with 1."""
        self._add(re.sub(r"\{[^{}]*\}", "1", uri), _WEB, frozenset({"resource"}))
        if name:
            self._add(name, frozenset({"name", "resource"}), frozenset({"resource"}))

    def add_command(self, argv: Sequence[str], folder: Path) -> None:
        """Collect the paths and URLs in a command, some files of its folders, and the folder it runs in."""
        for word in argv[1:]:
            value = word.partition("=")[2] if word.startswith("-") else word
            if _URI.fullmatch(value):
                self._add(value, _WEB, frozenset())
            elif value and not value.startswith("{"):
                self._add_path(folder / value, listed=True)
        self._add_path(folder, listed=False)

    def fitting(self, name: str, tool_words: frozenset[str]) -> list[Scalar]:
        """Return the values whose words fit the name of a property, the best fit first."""
        words = words_of(name)
        scored = [(_fit(words, tool_words, each), each) for each in list(self._seen.values())]
        kinds: dict[frozenset[str], int] = {}
        values: dict[Scalar, None] = {}
        for _, each in sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: -pair[0]):
            # Many files must not crowd out the one folder that a tool accepts.
            kinds[each.words] = kinds.get(each.words, 0) + 1
            if kinds[each.words] <= _MOST_OF_KIND:
                values.setdefault(each.value)
        return list(values)[:_MOST_CANDIDATES]

    def _add(self, value: object, words: frozenset[str], source: frozenset[str]) -> None:
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            return
        if isinstance(value, str) and len(value) > _LONGEST_VALUE:
            return
        if len(self._seen) < _MOST_VALUES:
            self._seen.setdefault((value, words), _Seen(value, words, source))

    def _add_path(self, path: Path, *, listed: bool) -> None:
        try:
            if path.is_dir():
                self._add(str(path.resolve()), _FOLDER, frozenset())
                files = sorted(each for each in path.iterdir() if each.is_file()) if listed else []
                for file in files[:_LISTED_FILES]:
                    self._add(str(file.resolve()), _FILE, frozenset())
            elif path.is_file():
                self._add(str(path.resolve()), _FILE, frozenset())
        except (OSError, ValueError):
            return  # a word that is no path, or one that may not be read

    def _add_tree(self, tree: Any, key_words: frozenset[str], source: frozenset[str]) -> None:
        for words, value in list(_leaves(tree, key_words))[:_MOST_OF_ANSWER]:
            self._add(value, words, source)

    def _add_lines(self, text: str, source: frozenset[str], arguments: Mapping[str, Any]) -> None:
        folders = [each for each in arguments.values() if isinstance(each, str) and each.startswith("/")]
        # Without the blanks at both ends: in patterns they would cost time that grows with their square.
        for line in map(str.strip, text.splitlines()[:_MOST_OF_ANSWER]):
            pair = _PAIR.match(line)
            if pair:
                self._add(pair[2].strip(), words_of(pair[1]), source)
                continue
            listed = _LISTED.match(line)
            if listed and len(listed[1].split()) <= _LONGEST_LINE_WORDS and not listed[1].endswith(":"):
                self._add(listed[1], source | {"name"}, source)
                for folder in folders[:1]:
                    self._add(f"{folder.rstrip('/')}/{listed[1]}", _FOLDER | _FILE, source)


def _leaves(tree: Any, words: frozenset[str], depth: int = 0) -> Iterator[tuple[frozenset[str], Scalar]]:
    """Yield the scalars of a JSON value with the words of their keys."""
    if depth > _DEEPEST:
        return
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            key_words = words_of(str(key)) - {"result", "item", "value"} or words
            yield from _leaves(value, key_words, depth + 1)
    elif isinstance(tree, list):
        for value in tree[:_MOST_OF_ANSWER]:
            yield from _leaves(value, words, depth + 1)
    elif isinstance(tree, str | int | float) and not isinstance(tree, bool):
        yield words, tree


def _fit(words: frozenset[str], tool_words: frozenset[str], seen: _Seen) -> float:
    """Return how well a value fits a property; 0 if not at all."""
    if not words or not seen.words:
        return 0.0
    shared = words & seen.words
    kinship = 0.5 if tool_words & seen.source else 0.0
    if seen.words == words:
        return 4.0 + kinship
    # The key "name" in the answer of list_tables fits table, and the key "id" in that of list_users user_id.
    is_name = seen.words <= _NAMING and words <= seen.source
    if is_name or seen.words <= words <= seen.words | seen.source:
        return 3.0 + kinship
    if shared & (_FOLDER | _FILE | _WEB | _HASH | _ID):
        return 2.0 + len(tool_words & seen.words) + kinship
    # A list of tables fits table_name.
    if words - {"name", "id", "key"} and words - {"name", "id", "key"} <= seen.words:
        return 1.5 + kinship
    return 1.0 + kinship if shared else 0.0


def _texts(result: Mapping[str, Any]) -> Iterator[str]:
    content = result.get("content")
    for block in content if isinstance(content, list) else []:
        if isinstance(block, Mapping):
            if isinstance(block.get("text"), str):
                yield block["text"]
            if isinstance(block.get("uri"), str):
                yield block["uri"]


def _parsed(text: str) -> Any:
    """Return the list or object in a text, as JSON or as Python writes it; None for others."""
    stripped = text.strip()
    if not stripped.startswith(("{", "[")) or len(stripped) > _LONGEST_LITERAL * 10:
        return None
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        pass
    if len(stripped) > _LONGEST_LITERAL:
        return None
    try:
        return ast.literal_eval(stripped)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
