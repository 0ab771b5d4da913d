"""Advisories in the reports of pip-audit and npm audit; pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class UnreachableError(Exception):
    """The advisory service did not answer for all packages; the message says which one and why.

    Attributes:
        advisories: What is known all the same.
    """

    def __init__(self, message: str, advisories: Sequence[Advisory] = ()) -> None:
        super().__init__(message)
        self.advisories = advisories


@dataclass(frozen=True, order=True)
class Advisory:
    """A known vulnerability of a package that is installed.

    Attributes:
        where: File that names the package, directly or through another one.
        package: Name and version.
        identifier: Identifier of the advisory, such as ``GHSA-…`` or ``PYSEC-…``.
        cure: Versions without it, or a sentence that there is none.
    """

    where: str
    package: str
    identifier: str
    cure: str

    def __str__(self) -> str:
        return f"{self.where}: {self.package} has {self.identifier}; {self.cure}"


def of_pip_audit(where: str, output: str, errors: str) -> list[Advisory]:
    """Return the advisories in the JSON of pip-audit.

    Args:
        where: The audited file.
        output: Standard output of pip-audit.
        errors: Its standard error.

    Raises:
        UnreachableError: There is no report.
    """
    report = _json(output)
    if not isinstance(report, dict) or "dependencies" not in report:
        raise UnreachableError(_unreachable("pip-audit", where, errors or output))
    advisories = sorted(_in_pip_report(where, report))
    skipped = [each for each in report["dependencies"] if "skip_reason" in each]
    if skipped:
        reasons = f"{len(skipped)} packages skipped, the first because: {skipped[0]['skip_reason']}"
        raise UnreachableError(_unreachable("pip-audit", where, reasons), advisories)
    return advisories


def _in_pip_report(where: str, report: Mapping[str, Any]) -> Iterator[Advisory]:
    for package in report["dependencies"]:
        for advisory in package.get("vulns", []):
            fixed = ", ".join(advisory.get("fix_versions") or [])
            cure = f"update to {fixed}" if fixed else "no version is without it yet"
            yield Advisory(where, f"{package['name']} {package['version']}", advisory["id"], cure)


def of_npm_audit(where: str, output: str, errors: str) -> list[Advisory]:
    """Return the advisories in the JSON of ``npm audit``, of packages with an advisory of their own.

    Args:
        where: The audited package.json.
        output: Standard output of npm.
        errors: Its standard error.

    Raises:
        UnreachableError: There is no report.
    """
    report = _json(output)
    if not isinstance(report, dict) or "vulnerabilities" not in report:
        detail = report.get("message") or report.get("error") if isinstance(report, dict) else ""
        raise UnreachableError(_unreachable("npm audit", where, str(detail or errors or output)))
    return sorted(_in_npm_report(where, report))


def _in_npm_report(where: str, report: Mapping[str, Any]) -> Iterator[Advisory]:
    for name, package in report["vulnerabilities"].items():
        for advisory in package["via"]:
            if isinstance(advisory, str):
                continue  # the name of the package that has the advisory, which is listed itself
            identifier = str(advisory.get("url", advisory.get("source"))).rpartition("/")[2]
            fix = package.get("fixAvailable")
            cure = f"affected are versions {advisory['range']}"
            if isinstance(fix, dict):
                cure += f": update {fix['name']} to {fix['version']}"
            yield Advisory(where, name, identifier, cure)


def _unreachable(tool: str, where: str, detail: str) -> str:
    last = (detail.strip().splitlines() or ["no output"])[-1]
    return (
        f"{tool} has no report on {where}: nothing is known about its advisories, good or bad. Expected an "
        f"answer of its advisory service, got: {last[:300]}. Try again where that service can be reached."
    )


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
