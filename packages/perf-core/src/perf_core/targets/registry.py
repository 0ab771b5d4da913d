"""Servers to measure, found by what people type: names of adapters, TOML files, URLs, commands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from perf_core.adapter import ENTRY_POINT_GROUP, ServerAdapter
from perf_core.errors import UsageError
from perf_core.server.credentials.masking import masked_url, masked_word
from perf_core.server.credentials.url_credentials import filled_url, take_credentials
from perf_core.server.subject import DerivedAdapter, Subject, closest_name
from perf_core.targets.bare import bare_command, bare_url, launch_of
from perf_core.targets.toml_file import FileAdapter, read_target_file
from perf_core.targets.urls import is_url, with_scheme


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


def find_subjects(
    names: Iterable[str],
    scenarios: Iterable[str],
    server_url: str | None,
    *,
    command: Sequence[str] = (),
    shared: bool = False,
    env: Mapping[str, str] | None = None,
) -> list[Subject]:
    """Return the servers to measure.

    A URL or a command alone gives a bare subject, whose calls the server must be asked for.

    Args:
        names: Names of installed adapters, paths of TOML files or URLs; empty for the command or, without
            one, for every installed adapter that has all the scenarios.
        server_url: URL of a server that is already running, to be measured with the one named adapter.
        command: Command that starts the server: alone, with the one adapter or file whose calls it gets, or
            with the one URL at which it listens.
        shared: Whether all sessions of a server on stdio share one process.
        env: Variables of the command.

    Raises:
        UsageError: A name is unknown, the program does not exist, or there is a URL or a command and not
            exactly one adapter.
    """
    names, scenarios = list(names), list(scenarios)
    if shared and not command:
        raise UsageError(
            "--shared: expected a server on stdio, got none",
            "Give its command after --, such as -- ./server.",
        )
    if command:
        if server_url is not None:
            raise UsageError(
                "--server-url: expected no command beside it, got one, which starts a server of its own",
                "Leave one of them out; the environment variable SERVER_URL counts as --server-url.",
            )
        return [_started(command, names, shared=shared, env=env or {})]
    # Named adapters only: a broken adapter must not prevent measurements with the others.
    subjects = [_resolve(name, _entries()) for name in names] if names else _with_scenarios(scenarios)
    if server_url is None:
        return subjects
    if len(subjects) != 1:
        raise UsageError(
            f"--server-url: expected one adapter for the calls, got {len(subjects)}: "
            f"{', '.join(s.name for s in subjects)}",
            "Choose one with --target, or measure what the server itself offers: --target "
            f"{masked_url(server_url)}.",
        )
    url, access = take_credentials(endpoint(server_url), subjects[0].access)
    return [replace(subjects[0], url=url, access=access)]


def _started(
    command: Sequence[str], names: Sequence[str], *, shared: bool, env: Mapping[str, str]
) -> Subject:
    """Return the server that a command starts, with the calls of the adapter or file, if one is named."""
    urls = [name for name in names if is_url(name)]
    others = [name for name in names if not is_url(name)]
    if len(urls) > 1 or len(others) > 1:
        raise UsageError(
            f"expected one server beside a command, got {', '.join(map(masked_word, [*others, *urls]))}",
            "Give the command alone, or with the one target whose calls are made.",
        )
    # Not endpoint(): the port may be {port}.
    url = urls[0] if urls else None
    if not others:
        return bare_command(command, shared=shared, url=url, env=env)
    named = _resolve(others[0], _entries())
    launch = launch_of(command, shared=shared, url=url, env=env)
    # A scenario with a launch of its own would start another server than the command.
    scenarios = {name: each for name, each in named.adapter.scenarios.items() if each.launch is None}
    adapter = DerivedAdapter(named.name, named.adapter.server_name, launch, scenarios)
    return Subject(adapter, None, named.package, named.access, pace=named.pace)


def _with_scenarios(scenarios: Sequence[str]) -> list[Subject]:
    installed = installed_adapters()
    if not installed:
        raise UsageError(
            "expected a server to measure, got none",
            "Give its URL, its command after --, a TOML file with --target, or install a server with its "
            "extra [perf].",
        )
    subjects = [s for s in installed.values() if all(name in s.adapter.scenarios for name in scenarios)]
    if subjects:
        return subjects
    available = sorted({name for subject in installed.values() for name in subject.adapter.scenarios})
    unknown = [name for name in scenarios if name not in available]
    misplaced = [name for name in unknown if name in installed]
    if misplaced:
        raise UsageError(
            f"expected names of scenarios, got {misplaced[0]!r}, which is an installed target",
            f"Name it with --target {misplaced[0]}.",
        )
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
        UsageError: It is not an http or https URL, or has a fragment, which no client sends.
    """
    parts = _http_parts(url.strip())
    if parts is None or parts.fragment:
        raise UsageError(
            f"expected a URL such as http://127.0.0.1:8100, got {masked_word(url)!r}",
            "Give scheme, host, port, path and query only.",
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
        adapter, package = (file, "") if file.like is None else _like(file, file.like, installed)
        if file.running_url is None:
            # The environment may lack variables of the launch, which is to be known before anything starts.
            assert adapter.launch.argv  # noqa: S101 - a file without a command has a URL
            return Subject(adapter, None, package, file.access, pace=file.pace)
        text, access = filled_url(file.running_url, file.access, os.environ)
        url, access = take_credentials(endpoint(text), access)
        return Subject(adapter, url, package, access, pace=file.pace)
    if is_url(name):
        return bare_url(endpoint(name))
    raise UsageError(
        f"there is no target {masked_word(name)!r}{closest_name(name, installed)}",
        advice_for(name, _listed(installed)),
    )


def advice_for(name: str, available: str = "") -> str:
    """Return what to do about a word that names no server, given what it looks like.

    Args:
        available: What could have been named instead.
    """
    url = with_scheme(name)
    if url:
        return f"A URL begins with its scheme: {url}."
    path = Path(name)
    if path.suffix.lower() == ".json":
        return (
            "A configuration of a client becomes a target file with: perf-core init --from "
            f"{masked_word(name)} --output FILE.toml"
        )
    if os.path.isfile(name):  # noqa: PTH113 - any word, perhaps too long for a path
        return f"The command that starts a server follows --, such as -- {_runner(path)}{name}."
    if len(path.parts) > 1:
        return "There is no such file. Give the path of a TOML file, a URL, or a command after --."
    listed = f"Installed: {available}. " if available else ""
    return f"{listed}Any other server is measured by its URL, its command after --, or a TOML file."


_RUNNERS = {".py": "python ", ".js": "node ", ".mjs": "node ", ".jar": "java -jar ", ".ts": "npx tsx "}


def _runner(path: Path) -> str:
    return _RUNNERS.get(path.suffix.lower(), "./" if len(path.parts) == 1 else "")


def _like(file: FileAdapter, like: str, installed: Mapping[str, EntryPoint]) -> tuple[DerivedAdapter, str]:
    """Return the server that a file describes with the scenarios of an installed adapter, and its package.

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
    return DerivedAdapter(file.name, server_name, file.launch, scenarios), base.package


def _listed(installed: Mapping[str, EntryPoint]) -> str:
    return ", ".join(installed) or "none (install a server with its extra [perf])"
