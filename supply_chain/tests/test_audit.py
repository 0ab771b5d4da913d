"""Tests of the audit: its exit codes, and what it runs, with stand-ins for pip-audit and npm."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from advisories import Advisory, UnreachableError
from audit import FOUND, PINNED, ROOT, UNKNOWN, audit_node, audit_python, package_files, report

OLD = Advisory("constraints.txt", "old 2.0", "PYSEC-1", "update to 2.1")


def unreachable() -> list[Advisory]:
    raise UnreachableError("pip-audit has no report")


def half_reachable() -> list[Advisory]:
    raise UnreachableError("pip-audit has half a report", [OLD])


@pytest.mark.parametrize(
    ("audits", "code", "shown"),
    [
        ([("a", list)], 0, "0 advisories in 1 of 1 files"),
        ([("a", list), ("b", lambda: [OLD])], FOUND, "old 2.0 has PYSEC-1; update to 2.1"),
        ([("a", list), ("b", unreachable)], UNKNOWN, "could not be reached: b"),
        ([("a", lambda: [OLD]), ("b", unreachable)], FOUND, "1 advisories in 1 of 2 files"),
        ([("b", half_reachable)], FOUND, "old 2.0 has PYSEC-1"),
    ],
    ids=["sound", "an advisory", "unknown", "both", "half"],
)
def test_exit_codes(capsys: pytest.CaptureFixture[str], audits: list, code: int, shown: str) -> None:
    assert report(audits) == code
    assert shown in capsys.readouterr().out


def program(folder: Path, output: object, code: int = 0) -> str:
    """Return a program that notes how it is called, and what folder it is called in."""
    path = folder / "program"
    path.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"calls = open({str(folder / 'calls.jsonl')!r}, 'a')\n"
        "print(json.dumps([sys.argv[1:], sorted(os.listdir())]), file=calls)\n"
        f"print({json.dumps(output)!r})\nsys.exit({code})\n",
        encoding="utf-8",
    )
    path.chmod(0o755)
    return str(path)


def calls(folder: Path) -> list[tuple[list[str], list[str]]]:
    return [json.loads(line) for line in (folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.process
def test_python_packages_are_looked_up_without_installing_them(tmp_path: Path) -> None:
    found = {"dependencies": [{"name": "a", "version": "1", "vulns": []}]}
    assert audit_python(program(tmp_path, found, 1), ROOT / PINNED[0]) == []
    ((arguments, _),) = calls(tmp_path)
    assert {"--no-deps", "--disable-pip", str(ROOT / PINNED[0])} <= set(arguments)


@pytest.mark.process
def test_node_packages_are_looked_up_in_a_folder_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}", encoding="utf-8")
    assert audit_node(program(tmp_path, {"vulnerabilities": {}}), tmp_path / "package.json") == []
    (locking, seen), (auditing, _) = calls(tmp_path)
    assert {"install", "--package-lock-only", "--ignore-scripts"} <= set(locking)
    assert auditing == ["audit", "--json"]
    assert seen == ["package.json"]


@pytest.mark.process
def test_a_registry_that_cannot_be_reached_is_no_clean_audit(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UnreachableError, match="nothing is known"):
        audit_node(program(tmp_path, {}, 1), tmp_path / "package.json")


def test_every_package_file_is_audited() -> None:
    names = {str(path.relative_to(ROOT)) for path in package_files(ROOT)}
    assert {"package.json", "conformance/package.json", "benchmarks/asv/assets/package.json"} <= names
    assert not any("node_modules" in name for name in names)
