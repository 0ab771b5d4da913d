"""Tests of the reports of pip-audit and npm audit."""

from __future__ import annotations

import json

import pytest
from advisories import Advisory, UnreachableError, of_npm_audit, of_pip_audit


def test_a_report_of_pip_audit() -> None:
    report = {
        "dependencies": [
            {"name": "sound", "version": "1.0", "vulns": []},
            {
                "name": "old",
                "version": "2.0",
                "vulns": [
                    {"id": "PYSEC-2", "fix_versions": ["2.1", "3.0"]},
                    {"id": "PYSEC-1", "fix_versions": []},
                ],
            },
        ],
        "fixes": [],
    }
    assert of_pip_audit("constraints.txt", json.dumps(report), "") == [
        Advisory("constraints.txt", "old 2.0", "PYSEC-1", "no version is without it yet"),
        Advisory("constraints.txt", "old 2.0", "PYSEC-2", "update to 2.1, 3.0"),
    ]


def test_what_is_known_in_spite_of_skipped_packages_is_kept() -> None:
    skipped = {"name": "x", "skip_reason": "timed out"}
    vulnerable = {"name": "old", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
    with pytest.raises(UnreachableError, match="timed out") as caught:
        of_pip_audit("constraints.txt", json.dumps({"dependencies": [skipped, vulnerable]}), "")
    assert caught.value.advisories == [Advisory("constraints.txt", "old 2.0", "PYSEC-1", "update to 3")]


def test_a_report_of_npm_audit_names_the_package_that_has_the_advisory() -> None:
    report = {
        "vulnerabilities": {
            "bootstrap": {
                "via": [{"url": "https://github.example/advisories/GHSA-9", "range": "<4.3.1"}],
                "fixAvailable": {"name": "bootstrap", "version": "5.3.8"},
            },
            "parent": {"via": ["bootstrap"], "fixAvailable": True},
        }
    }
    assert of_npm_audit("package.json", json.dumps(report), "") == [
        Advisory(
            "package.json",
            "bootstrap",
            "GHSA-9",
            "affected are versions <4.3.1: update bootstrap to 5.3.8",
        )
    ]
    assert of_npm_audit("package.json", '{"vulnerabilities": {}}', "") == []


@pytest.mark.parametrize(
    ("output", "errors", "shown"),
    [
        ("", "Traceback\nrequests.ConnectionError: Name or service not known", "Name or service not known"),
        ("", "", "no output"),
        (
            '{"dependencies": [{"name": "x", "skip_reason": "403 Forbidden"}]}',
            "",
            "1 packages skipped, the first because: 403 Forbidden",
        ),
        ("<html>", "", "<html>"),
    ],
)
def test_without_a_report_of_pip_audit_nothing_is_known(output: str, errors: str, shown: str) -> None:
    with pytest.raises(UnreachableError, match="nothing is known about its advisories") as caught:
        of_pip_audit("constraints.txt", output, errors)
    assert shown in str(caught.value)
    assert "Try again where that service can be reached" in str(caught.value)


@pytest.mark.parametrize(
    ("output", "errors", "shown"),
    [
        ('{"message": "request to audit failed, reason: 404"}', "", "reason: 404"),
        ('{"error": {"code": "ENOAUDIT", "summary": ""}}', "", "ENOAUDIT"),
        ("", "npm error audit endpoint returned an error", "endpoint returned an error"),
    ],
)
def test_without_a_report_of_npm_audit_nothing_is_known(output: str, errors: str, shown: str) -> None:
    with pytest.raises(UnreachableError, match=r"npm audit has no report on package\.json") as caught:
        of_npm_audit("package.json", output, errors)
    assert shown in str(caught.value)
