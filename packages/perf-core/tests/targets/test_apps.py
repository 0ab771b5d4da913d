from __future__ import annotations

from pathlib import Path

import pytest

from perf_core.errors import UsageError
from perf_core.targets.apps import AppPlace, parse_app


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "shop.py"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("shop.server:mcp", AppPlace("shop.server", None, "mcp")),
        ("shop", AppPlace("shop")),
        ("shop.server:apps.main", AppPlace("shop.server", None, "apps.main")),
        ("shop.server:create_server", AppPlace("shop.server", None, "create_server")),
    ],
)
def test_modules_are_read(text: str, place: AppPlace) -> None:
    assert parse_app(text) == place


@pytest.mark.parametrize("text", ["shop.py:mcp", "./shop.py:mcp", "shop.py"])
def test_files_are_read(text: str, file: Path) -> None:
    assert parse_app(text) == AppPlace("", file, "mcp" if ":" in text else "")


def test_a_whole_path_is_read(file: Path) -> None:
    assert parse_app(f"{file}:mcp") == AppPlace("", file, "mcp")
    assert parse_app(f"{file}:mcp").name == "shop.py:mcp"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a module or a Python file"),
        ("shop server:mcp", "expected a module or a Python file"),
        ("no-such.py:mcp", "expected a Python file, got 'no-such.py'"),
        ("folder/server", "expected a Python file"),
        ("shop:a b", "expected the name of an app after the colon, got 'a b'"),
        ("http://127.0.0.1:8000/mcp", "expected a Python file"),
    ],
)
def test_anything_else_is_an_error_with_an_example(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        parse_app(text)
    assert "server.py:mcp" in error.value.hint
