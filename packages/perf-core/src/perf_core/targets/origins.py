"""Servers of which ``perf-core init`` writes files: at a URL, from a command, or configured in a client.

Each gives the server itself, with its secrets, and what a file says of it, without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from perf_core.server.credentials.access_settings import AccessSettings, access_from
from perf_core.server.credentials.masking import looks_secret, masked_command, masked_url
from perf_core.server.subject import DerivedAdapter, Subject
from perf_core.targets.bare import READY_TIMEOUT_S, bare_command, bare_url
from perf_core.targets.client_config import ConfiguredServer, as_reference, filled_in, variables
from perf_core.targets.init_file import Reach
from perf_core.targets.registry import endpoint


@dataclass(frozen=True)
class Origin:
    """A server to be asked, and how a file says to reach it.

    Attributes:
        subject: The server with its secrets, without calls.
        reach: The same without secrets.
    """

    subject: Subject
    reach: Reach


def of_url(url: str, settings: AccessSettings, environ: Mapping[str, str]) -> Origin:
    """Return a server that is already running.

    Raises:
        UsageError: The URL or the access cannot be used.
    """
    subject = bare_url(endpoint(url), access_from(settings, environ))
    remarks = []
    if urlsplit(url).username is not None:
        variable = f"{_variable(subject.name)}_BASIC"
        settings = _with_headers(settings, {"Authorization": f"Basic ${{{variable}}}"})
        remarks.append(
            f"The URL had a user and a password: set {variable} to what this prints: "
            "printf 'USER:PASSWORD' | base64"
        )
    shown = masked_url(subject.url or url)
    if shown != subject.url:
        remarks.append("The URL had a value that looks secret: put it in place of ***.")
    return Origin(subject, Reach(subject.name, url=shown, access=settings, remarks=tuple(remarks)))


def of_command(
    command: Sequence[str],
    settings: AccessSettings,
    environ: Mapping[str, str],
    *,
    url: str | None = None,
    shared: bool = False,
) -> Origin:
    """Return a server that a command starts; with a URL, it listens there.

    Raises:
        UsageError: The program does not exist, or the access cannot be used.
    """
    subject = bare_command(command, shared=shared, url=url, access=access_from(settings, environ))
    shown = tuple(masked_command(command))
    hidden = "The command had what looks like a secret: put it in place of ***."
    reach = Reach(
        subject.name,
        shown,
        url,
        transport="http" if subject.adapter.launch.transport == "http" else "stdio",
        shared=shared,
        ready_timeout_s=READY_TIMEOUT_S,
        access=settings,
        remarks=() if shown == tuple(command) else (hidden,),
    )
    return Origin(subject, reach)


def of_configured(
    server: ConfiguredServer, settings: AccessSettings, environ: Mapping[str, str], *, shared: bool = False
) -> Origin:
    """Return a server of a client's configuration, whose secrets become variables of the environment.

    Raises:
        UsageError: A variable is not set, the program does not exist, or the access cannot be used.
    """
    origin = (
        _configured_command(server, settings, environ, shared=shared)
        if server.command
        else _configured_url(server, settings, environ)
    )
    adapter = origin.subject.adapter
    named = DerivedAdapter(server.name, None, adapter.launch, {})
    return Origin(replace(origin.subject, adapter=named), replace(origin.reach, name=server.name))


def _configured_command(
    server: ConfiguredServer, settings: AccessSettings, environ: Mapping[str, str], *, shared: bool
) -> Origin:
    command = [filled_in(word, environ) for word in server.command]
    origin = of_command(command, settings, environ, shared=shared)
    env = {name: filled_in(value, environ) for name, value in server.env.items()}
    cwd = None if server.cwd is None else Path(filled_in(server.cwd, environ)).expanduser()
    launch = replace(origin.subject.adapter.launch, env=env, cwd=cwd)
    subject = replace(origin.subject, adapter=DerivedAdapter(server.name, None, launch, {}))
    shown = masked_command([as_reference(word) for word in server.command])
    in_words = [name for word in server.command for name in variables(word)]
    # Every value of env becomes a reference: nobody can tell for sure which of them are secret.
    remarks = (
        *_to_set(server.env),
        *(f"Put the value of {name} in place of ${{{name}}} in the command." for name in in_words),
        *origin.reach.remarks,
    )
    references = {name: f"${{{name}}}" for name in server.env}
    reach = replace(
        origin.reach,
        command=tuple(shown),
        env=references,
        cwd=None if cwd is None else str(cwd),
        remarks=remarks,
    )
    return Origin(subject, reach)


def _configured_url(server: ConfiguredServer, settings: AccessSettings, environ: Mapping[str, str]) -> Origin:
    headers: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, text in server.headers.items():
        if variables(text):
            headers[name] = as_reference(text)
            values |= {each: filled_in(f"${{{each}}}", environ) for each in variables(text)}
        elif looks_secret(name):
            scheme, blank, secret = text.rpartition(" ")
            variable = f"{_variable(server.name)}_{_variable(name)}"
            headers[name] = f"{scheme}{blank}${{{variable}}}"
            values[variable] = secret
        else:
            headers[name] = text.replace("$", "$$")
    origin = of_url(filled_in(server.url, environ), _with_headers(settings, headers), {**environ, **values})
    return replace(origin, reach=replace(origin.reach, remarks=(*_to_set(values), *origin.reach.remarks)))


def _with_headers(settings: AccessSettings, headers: Mapping[str, str]) -> AccessSettings:
    """Return settings with more headers; those that were there before take precedence."""
    return settings.model_copy(update={"headers": {**headers, **settings.headers}})


def _to_set(names: Iterable[str]) -> list[str]:
    listed = ", ".join(names)
    return (
        [f"Set these variables of the environment before a run; no value is copied: {listed}"]
        if listed
        else []
    )


def _variable(name: str) -> str:
    """Return a name as that of an environment variable, such as ``X_API_KEY``."""
    text = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").upper()
    return text if text[:1].isalpha() else f"SERVER_{text}"
