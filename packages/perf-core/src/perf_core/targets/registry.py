"""Servers to measure, found by the argument of ``--target``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from perf_core.adapter import ENTRY_POINT_GROUP, ServerAdapter
from perf_core.errors import UsageError
from perf_core.server.subject import DerivedAdapter, Subject, closest_name
from perf_core.targets.toml_file import FileAdapter, read_target_file


def installed_adapters() -> dict[str, Subject]:
    """Return the installed adapters by name.

    Raises:
        UsageError: An installed adapter does not load; the message names its package.
    """
    return {name: _load(entry) for name, entry in _entries().items()}


def _entries() -> dict[str, EntryPoint]:
    return {e.name: e for e in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda e: e.name)}


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
            f"expected a ServerAdapter with name, server_name, launch and scenarios in {entry.value}, "
            f"got {type(adapter).__name__}",
            "See docs/adapters.md.",
        )
    return Subject(adapter, package=package)


def find_subjects(names: Iterable[str], scenarios: Iterable[str], server_url: str | None) -> list[Subject]:
    """Return the servers to measure.

    Args:
        names: Names of installed adapters or paths of TOML files; empty for every installed adapter that has
            all the scenarios.
        server_url: URL of a server that is already running, to be measured with the one named adapter.

    Raises:
        UsageError: A name is unknown, or there is a URL and not exactly one adapter.
    """
    names, scenarios = list(names), list(scenarios)
    # Named adapters only: a broken adapter must not prevent measurements with the others.
    subjects = [_resolve(name, _entries()) for name in names] if names else _with_scenarios(scenarios)
    if server_url is None:
        return subjects
    if len(subjects) != 1:
        raise UsageError(
            f"--server-url: expected one adapter for the calls, got {len(subjects)}: "
            f"{', '.join(s.name for s in subjects)}",
            "Choose one with --target.",
        )
    return [Subject(subjects[0].adapter, endpoint(server_url), subjects[0].package)]


def _with_scenarios(scenarios: Sequence[str]) -> list[Subject]:
    installed = installed_adapters()
    if not installed:
        raise UsageError(
            "expected an installed target, got none",
            "Install a server with its extra [perf], or name a TOML file with --target.",
        )
    subjects = [s for s in installed.values() if all(name in s.adapter.scenarios for name in scenarios)]
    if subjects:
        return subjects
    available = sorted({name for subject in installed.values() for name in subject.adapter.scenarios})
    unknown = [name for name in scenarios if name not in available]
    if unknown:
        problems = (f"no installed target has a scenario {n!r}{closest_name(n, available)}" for n in unknown)
        raise UsageError(
            "; ".join(problems), f"Available: {', '.join(available)}. A TOML file describes any other server."
        )
    by_target = "; ".join(f"{name} has {', '.join(s.adapter.scenarios)}" for name, s in installed.items())
    raise UsageError(
        f"no installed target has all of {', '.join(scenarios)}", f"{by_target}. Run them one by one."
    )


def endpoint(url: str) -> str:
    """Return the MCP endpoint of a server's URL: ``/mcp`` when the URL has no path.

    Raises:
        UsageError: It is not an http or https URL, or has a query, which the k6 scripts do not send.
    """
    parts = _http_parts(url.strip())
    if parts is None or parts.query or parts.fragment:
        raise UsageError(
            f"expected a URL such as http://127.0.0.1:8100, got {url!r}",
            "Give scheme, host, port and path only.",
        )
    return urlunsplit(parts._replace(path="/mcp" if parts.path in {"", "/"} else parts.path))


def _http_parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a malformed IPv6 address or port
        return None
    return parts if usable else None


def _resolve(name: str, installed: Mapping[str, EntryPoint]) -> Subject:
    if name in installed:
        return _load(installed[name])
    if name.endswith(".toml"):
        file = read_target_file(Path(name))
        url = endpoint(file.running_url) if file.running_url else None
        return Subject(file, url) if file.like is None else _started_like(file, file.like, url, installed)
    if name.startswith(("http://", "https://")):
        raise UsageError(
            f"expected an adapter's name or a TOML file, got the URL {name}, which does not say what to call",
            f"Use --server-url {name} with --target NAME, or a TOML file with its calls. "
            f"Installed: {_listed(installed)}.",
        )
    raise UsageError(
        f"there is no target {name!r}{closest_name(name, installed)}",
        f"Installed: {_listed(installed)}. A TOML file describes any other server.",
    )


def _started_like(
    file: FileAdapter, like: str, url: str | None, installed: Mapping[str, EntryPoint]
) -> Subject:
    """Return the server that a file describes, with the scenarios of an installed adapter.

    Scenarios with their own launch are left out, since the file determines how the server is started.
    """
    if like not in installed:
        raise UsageError(
            f"{file.path}: there is no adapter {like!r}{closest_name(like, installed)}",
            f"Installed: {_listed(installed)}.",
        )
    base = _load(installed[like])
    scenarios = {name: each for name, each in base.adapter.scenarios.items() if each.launch is None}
    server_name = file.server_name or base.adapter.server_name
    return Subject(DerivedAdapter(file.name, server_name, file.launch, scenarios), url, base.package)


def _listed(installed: Mapping[str, EntryPoint]) -> str:
    return ", ".join(installed) or "none (install a server with its extra [perf])"
