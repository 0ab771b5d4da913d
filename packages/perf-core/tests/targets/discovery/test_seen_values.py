"""Values from answers, resources and commands, for the properties whose names they fit."""

from __future__ import annotations

import json
from pathlib import Path

from perf_core.targets.discovery.seen_values import SeenValues
from perf_core.targets.discovery.tools import words_of


def seen_in(tool: str, result: dict, arguments: dict | None = None) -> SeenValues:
    seen = SeenValues()
    seen.add_result(tool, arguments or {}, result)
    return seen


def text(words: str) -> dict:
    return {"content": [{"type": "text", "text": words}]}


def fitting(seen: SeenValues, name: str, tool: str = "get_thing") -> list:
    return seen.fitting(name, words_of(tool))


def test_ids_of_structured_content_fit_ids_of_the_same_kind() -> None:
    result = {"structuredContent": {"users": [{"id": "u-1", "name": "Ann"}, {"id": "u-2", "name": "Bo"}]}}
    seen = seen_in("list_users", result)
    seen.add_result("list_orders", {}, {"structuredContent": {"orders": [{"id": "o-1"}]}})
    assert fitting(seen, "user_id", "get_user")[:2] == ["u-1", "u-2"]
    assert fitting(seen, "id", "get_user")[:2] == ["u-1", "u-2"], "of the kin tool first"
    assert fitting(seen, "order_id", "get_order")[0] == "o-1"
    assert fitting(seen, "userName", "get_user")[0] == "Ann"
    assert fitting(seen, "colour") == []


def test_json_and_python_in_texts_are_read() -> None:
    for words in (json.dumps([{"name": "users"}]), "[{'name': 'users'}]"):
        assert fitting(seen_in("list_tables", text(words)), "table_name", "describe_table") == ["users"]


def test_lines_name_what_the_tool_lists() -> None:
    seen = seen_in("list_tables", text("users\norders\n- items\n"))
    assert fitting(seen, "table_name", "describe_table") == ["users", "orders", "items"]


def test_pairs_in_lines_are_keys_and_values() -> None:
    assert fitting(seen_in("status", text("Branch: main\nUser ID: 7")), "user_id") == ["7"]


def test_paths_links_and_commits_are_found_in_any_text() -> None:
    commit = "0123456789" * 4
    words = f"Allowed directories:\n/srv/data and see https://example.org/a.\ncommit {commit}"
    seen = seen_in("list_allowed_directories", text(words))
    assert fitting(seen, "path") == ["/srv/data"]
    assert fitting(seen, "url") == ["https://example.org/a"]
    assert commit in fitting(seen, "revision")


def test_names_in_a_folder_become_paths() -> None:
    seen = seen_in("list_directory", text("[FILE] a.txt\n[DIR] sub"), {"path": "/srv/data"})
    assert {"/srv/data/a.txt", "/srv/data/sub"} <= set(fitting(seen, "path", "read_file"))


def test_contents_of_a_file_are_no_paths() -> None:
    seen = seen_in("read_file", text("hello"), {"path": "/srv/data/a.txt"})
    assert fitting(seen, "path", "read_file") == []


def test_errors_name_what_is_allowed_but_not_what_exists() -> None:
    result = {**text("Access denied: /x not in /srv/data\nwrong thing"), "isError": True}
    seen = seen_in("read_file", result)
    assert "/srv/data" in fitting(seen, "path")
    assert fitting(seen, "file_name", "read_file") == ["/x", "/srv/data"]


def test_resources_fit_uris() -> None:
    seen = SeenValues()
    seen.add_resource("demo://resource/{id}", "A resource")
    assert fitting(seen, "uri") == ["demo://resource/1"]


def test_words_of_the_command_are_paths_and_links(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "b.txt").write_text("b")
    (folder / "sub").mkdir()
    seen = SeenValues()
    seen.add_command(("server", "data", "--url=https://example.org/", "{port}", "none"), tmp_path)
    assert fitting(seen, "repo_path", "status")[0] == str(folder)
    assert fitting(seen, "path", "list_directory")[0] == str(folder)
    assert fitting(seen, "path", "read_text_file")[0] == str(folder / "b.txt")
    assert fitting(seen, "url") == ["https://example.org/"]
    assert str(tmp_path) in fitting(seen, "directory")


def test_many_values_of_one_kind_leave_room_for_others(tmp_path: Path) -> None:
    seen = seen_in("search_files", text("\n".join(f"/srv/data/{number}.txt" for number in range(100))))
    seen.add_command(("server",), tmp_path)
    assert str(tmp_path) in fitting(seen, "path", "search_files")


def test_huge_and_deep_answers_are_read_in_part() -> None:
    deep: dict = {}
    for _ in range(500):
        deep = {"id": 1, "next": deep}
    seen = seen_in("list", {"structuredContent": deep, "content": "nonsense"})
    seen.add_result("list", {}, {"structuredContent": {"id": list(range(100_000))}})
    assert len(fitting(seen, "id")) <= 12


def test_names_in_a_structured_list_fit_the_kind_that_is_listed() -> None:
    tables = {"tables": [{"schema": "main", "name": "people"}], "table_count": 2}
    seen = SeenValues()
    seen.add_result("list_tables", {}, {"content": [], "structuredContent": tables})
    assert fitting(seen, "table", "list_columns")[0] == "people"
    assert fitting(seen, "schema", "list_columns")[0] == "main"
