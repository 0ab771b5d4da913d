"""From what people type after ``--target`` to a server that can be measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from perf_core.adapter import ENTRY_POINT_GROUP, ServerAdapter
from perf_core.errors import UsageError
from perf_core.server.subject import Described, Subject, closest_name
from perf_core.targets.toml_file import FileAdapter, read_target_file


def installed_adapters() -> dict[str, Subject]:
    """Return the installed adapters by name.

    Raises:
        UsageError: An installed adapter does not load; names its package.
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
    wanted, questions = list(names), list(scenarios)
    # Only what was asked for is loaded: one broken adapter must not stand in the way of the others.
    subjects = [_resolve(name, _entries()) for name in wanted] if wanted else _with_scenarios(questions)
    if server_url is None:
        return subjects
    if len(subjects) != 1:
        raise UsageError(
            f"--server-url needs one adapter that knows what to call there; {len(subjects)} fit: "
            f"{', '.join(s.name for s in subjects)}",
            "Name it with --target.",
        )
    return [Subject(subjects[0].adapter, endpoint(server_url), subjects[0].package)]


def _with_scenarios(scenarios: Sequence[str]) -> list[Subject]:
    installed = installed_adapters()
    if not installed:
        raise UsageError(
            "no target is installed",
            "Install a server with its extra [perf], or name a TOML file with --target.",
        )
    subjects = [s for s in installed.values() if all(name in s.adapter.scenarios for name in scenarios)]
    if subjects:
        return subjects
    known = sorted({name for subject in installed.values() for name in subject.adapter.scenarios})
    unknown = [name for name in scenarios if name not in known]
    if unknown:
        what = "; ".join(f"no installed target has a scenario {n!r}{closest_name(n, known)}" for n in unknown)
        raise UsageError(what, f"Known: {', '.join(known)}. A TOML file describes any other server.")
    has = "; ".join(f"{name} has {', '.join(s.adapter.scenarios)}" for name, s in installed.items())
    raise UsageError(
        f"no installed target has all of {', '.join(scenarios)}", f"{has}. Run them one after the other."
    )


def endpoint(url: str) -> str:
    """Return the MCP endpoint of a server's URL: ``/mcp`` when the URL has no path.

    Raises:
        UsageError: It is not an http or https URL, or carries a query, which the k6 scripts do not send.
    """
    parts = _http_parts(url.strip())
    if parts is None or parts.query or parts.fragment:
        raise UsageError(f"a URL such as http://127.0.0.1:8100 was expected, {url!r} came")
    return urlunsplit(parts._replace(path="/mcp" if parts.path in {"", "/"} else parts.path))


def _http_parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is no number up to 65535
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
            f"{name} is a URL: the lab needs to know what to call there",
            f"Use --server-url {name} with --target NAME, or a TOML file with its calls. "
            f"Installed: {_listed(installed)}.",
        )
    raise UsageError(
        f"there is no target {name!r}{closest_name(name, installed)}",
        f"Installed: {_listed(installed)}. A path that ends in .toml describes any other server.",
    )


def _started_like(
    file: FileAdapter, like: str, url: str | None, installed: Mapping[str, EntryPoint]
) -> Subject:
    """Return the server that a file describes, with the scenarios of an installed adapter.

    Scenarios that start the server in a way of their own are left out: the file says how it is started.
    """
    if like not in installed:
        raise UsageError(
            f"{file.path}: there is no adapter {like!r}{closest_name(like, installed)}",
            f"Installed: {_listed(installed)}.",
        )
    of = _load(installed[like])
    scenarios = {name: each for name, each in of.adapter.scenarios.items() if each.launch is None}
    server_name = file.server_name or of.adapter.server_name
    return Subject(Described(file.name, server_name, file.launch, scenarios), url, of.package)


def _listed(installed: Mapping[str, EntryPoint]) -> str:
    return ", ".join(installed) or "none (install a server with its extra [perf])"
