"""From what people type after ``--target`` to a server that can be measured."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from perf_core.adapter import ENTRY_POINT_GROUP, Scenario, ServerAdapter
from perf_core.errors import UsageError
from perf_core.target_file import read_target_file


@dataclass(frozen=True)
class Subject:
    """A server that can be measured.

    Attributes:
        adapter: What it tells about itself.
        url: MCP endpoint of the server when it runs already; None when the lab starts it.
        package: Distribution that brought the adapter, with its version; empty for a file.
    """

    adapter: ServerAdapter
    url: str | None = None
    package: str = ""

    @property
    def name(self) -> str:
        """What people type."""
        return self.adapter.name

    def scenario(self, name: str) -> Scenario:
        """Return one of its scenarios.

        Raises:
            UsageError: It has none of that name; the hint has those that it has.
        """
        found = self.adapter.scenarios.get(name)
        if found is None:
            known = self.adapter.scenarios
            raise UsageError(
                f"target {self.name} has no scenario {name!r}{_closest(name, known)}",
                f"It has: {', '.join(known)}.",
            )
        return found


def installed_adapters() -> dict[str, Subject]:
    """Return the installed adapters by name.

    Raises:
        UsageError: An installed adapter does not load; names its package.
    """
    subjects = {}
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda e: e.name):
        subjects[entry.name] = _load(entry)
    return subjects


def _load(entry: EntryPoint) -> Subject:
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""
    try:
        adapter = entry.load()
    except Exception as error:
        raise UsageError(
            f"the adapter {entry.name!r} of {package or entry.value} does not load: {error!r}",
            "Install the package with its extra [perf], or uninstall it.",
        ) from error
    if not isinstance(adapter, ServerAdapter):
        raise UsageError(
            f"{entry.value} should be a ServerAdapter with name, server_name, launch and scenarios; "
            f"{type(adapter).__name__} came",
            "See docs/adapters.md.",
        )
    return Subject(adapter, package=package)


def find_subjects(names: Iterable[str], scenarios: Iterable[str], server_url: str | None) -> list[Subject]:
    """Return the servers to measure.

    Args:
        names: Names of installed adapters or paths of TOML files; empty for every installed adapter
            that has all the scenarios.
        scenarios: The scenarios that will run.
        server_url: A server that runs already, to be measured with the one named adapter.

    Raises:
        UsageError: A name is unknown, or the URL fits no single adapter.
    """
    wanted = list(names)
    installed = installed_adapters()
    if wanted:
        subjects = [_resolve(name, installed) for name in wanted]
    else:
        subjects = [s for s in installed.values() if all(n in s.adapter.scenarios for n in scenarios)]
        if not subjects:
            raise UsageError(
                f"no installed target has the scenarios {', '.join(scenarios)}",
                f"Installed: {_listed(installed)}. Name one with --target, or a TOML file.",
            )
    if server_url is None:
        return subjects
    if len(subjects) != 1:
        raise UsageError(
            f"--server-url needs one adapter that knows what to call there; {len(subjects)} fit: "
            f"{', '.join(s.name for s in subjects)}",
            "Name it with --target.",
        )
    return [Subject(subjects[0].adapter, endpoint(server_url), subjects[0].package)]


def endpoint(url: str) -> str:
    """Return the MCP endpoint of a server's URL: ``/mcp`` when the URL has no path.

    Raises:
        UsageError: It is not an http or https URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"a URL such as http://127.0.0.1:8100 was expected, {url!r} came")
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") or "/mcp"))


def _resolve(name: str, installed: Mapping[str, Subject]) -> Subject:
    if name in installed:
        return installed[name]
    if name.endswith(".toml"):
        adapter = read_target_file(Path(name))
        url = endpoint(adapter.running_url) if adapter.running_url else None
        return Subject(adapter, url)
    if name.startswith(("http://", "https://")):
        raise UsageError(
            f"{name} is a URL: the lab needs to know what to call there",
            f"Use --server-url {name} with --target NAME, or a TOML file with its calls. "
            f"Installed: {_listed(installed)}.",
        )
    raise UsageError(
        f"there is no target {name!r}{_closest(name, installed)}",
        f"Installed: {_listed(installed)}. A path that ends in .toml describes any other server.",
    )


def _listed(installed: Mapping[str, Subject]) -> str:
    return ", ".join(installed) or "none (install a server with its extra [perf])"


def _closest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
