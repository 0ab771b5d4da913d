"""Data that servers work on: files, a Git repository, databases; the same content at each run."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

_PEOPLE: Final = (("Ada", "London", 36), ("Emmy", "Erlangen", 53), ("Sofja", "Stockholm", 41))

_GIT_ENVIRONMENT: Final = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.test",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.test",
    # Neither the user's own settings nor those of the machine have a part in it.
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def files(folder: Path) -> None:
    """Write text files, a picture and a folder within a folder."""
    root = folder / "files"
    (root / "letters").mkdir(parents=True)
    (root / "notes.txt").write_text("first line\nsecond line\nthird line\n", encoding="utf-8")
    (root / "people.json").write_text(json.dumps(_PEOPLE, indent=1), encoding="utf-8")
    (root / "letters" / "to-emmy.md").write_text("# Dear Emmy\n\nYours, Ada\n", encoding="utf-8")
    (root / "dot.png").write_bytes(_PNG)


def repository(folder: Path) -> None:
    """Create a Git repository with three commits, a branch, a tag, and changes that are not committed."""
    root = folder / "repository"
    root.mkdir(parents=True)
    git = ("git", "-C", str(root))
    _run(*git, "init", "--quiet", "--initial-branch", "main")
    for number, (name, city, age) in enumerate(_PEOPLE, 1):
        (root / f"{name.lower()}.txt").write_text(f"{name}, {age}, of {city}\n", encoding="utf-8")
        _run(*git, "add", ".")
        date = f"2026-01-0{number}T12:00:00Z"
        _run(
            *git,
            *("commit", "--quiet", "--message", f"Add {name}"),
            GIT_AUTHOR_DATE=date,
            GIT_COMMITTER_DATE=date,
        )
    _run(*git, "branch", "draft")
    _run(*git, "tag", "v1")
    (root / "ada.txt").write_text("Ada, 37, of London\n", encoding="utf-8")
    (root / "new.txt").write_text("new\n", encoding="utf-8")
    _run(*git, "add", "new.txt")


def database(folder: Path) -> None:
    """Create an SQLite database with two tables."""
    folder.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(folder / "people.db") as connection:
        connection.execute("CREATE TABLE people (name TEXT, city TEXT, age INTEGER)")
        connection.execute("CREATE TABLE cities (name TEXT, country TEXT)")
        connection.executemany("INSERT INTO people VALUES (?, ?, ?)", _PEOPLE)
        connection.execute("INSERT INTO cities VALUES ('London', 'England'), ('Erlangen', 'Germany')")
    connection.close()


def graph(folder: Path) -> None:
    """Write a knowledge graph as ``server-memory`` keeps it: one JSON value a line."""
    folder.mkdir(parents=True, exist_ok=True)
    entities = [
        {"type": "entity", "name": name, "entityType": "person", "observations": [f"lives in {city}"]}
        for name, city, _ in _PEOPLE
    ]
    relations = [{"type": "relation", "from": "Ada", "to": "Emmy", "relationType": "writes to"}]
    lines = [json.dumps(each) for each in (*entities, *relations)]
    (folder / "graph.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


MATERIALS: Final[Mapping[str, Callable[[Path], None]]] = {
    "files": files,
    "repository": repository,
    "database": database,
    "graph": graph,
}
"""Functions that write a row's data into its folder, by name."""


def _run(*command: str, **environment: str) -> None:
    env = {**os.environ, **_GIT_ENVIRONMENT, **environment}
    subprocess.run(command, check=True, env=env, capture_output=True, timeout=60)


_PNG: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
"""The smallest picture: one transparent pixel."""
