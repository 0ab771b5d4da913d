"""Tests of the catalogue: it is large enough, pinned, and says for each row what is needed to try it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from catalogue import ROWS, Row
from materials import MATERIALS
from trying import APPS, filled

PLACEHOLDERS = {"bin", "modules", "python", "apps", "work", "port", "web", "secret"}


def texts(row: Row) -> list[str]:
    return [*row.command, *row.before, *row.options, *row.environment.values()]


def test_there_are_at_least_fourteen_servers_with_names_of_their_own() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names) >= 14


def test_every_transport_and_revision_occurs() -> None:
    assert {row.transport for row in ROWS} >= {"stdio", "HTTP", "HTTP+SSE", "HTTPS"}
    revisions = {each for row in ROWS for each in row.revision.split(" and ")}
    assert revisions >= {"2025-03-26", "2025-11-25", "2026-07-28"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_version_is_pinned(row: Row) -> None:
    for requirement in row.packages.requirements:
        assert re.fullmatch(r"\S+(==|@)\d[\w.-]*", requirement), requirement


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_word_in_braces_is_filled_in(row: Row) -> None:
    names = {name for text in texts(row) for name in re.findall(r"\{(\w+)\}", text)}
    assert names <= PLACEHOLDERS
    assert ("port" in names) != row.is_stdio
    assert ("web" in names) == bool(row.web)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_files_and_data_of_each_row_exist(row: Row, tmp_path: Path) -> None:
    assert not row.web or (APPS / row.web).is_file()
    for text in texts(row):
        if text.startswith("{apps}"):
            assert Path(filled(text, {"apps": str(APPS)})).is_file()
    if row.material:
        MATERIALS[row.material](tmp_path)
        assert any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_row_needs_an_adapter_or_a_file(row: Row) -> None:
    assert not {"--target", "--server-url"} & set(row.options)
    assert not any(option.endswith(".toml") for option in row.options)


def test_braces_that_are_no_placeholder_stay() -> None:
    assert filled('{work}/a {"b": 1}', {"work": "/w"}) == '/w/a {"b": 1}'
