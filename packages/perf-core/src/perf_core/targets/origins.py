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
from perf_core.server.credentials.masking import masked_command, masked_errors, masked_url
from perf_core.server.credentials.url_credentials import filled_url
from perf_core.server.subject import DerivedAdapter, Subject
from perf_core.targets.bare import bare_command, bare_url
from perf_core.targets.client_config import (
    ConfiguredServer,
    as_reference,
    filled_in,
    values_of,
    variables,
    without_placeholders,
)
from perf_core.targets.env_file import read_env_file
from perf_core.targets.init_file import Reach
from perf_core.targets.registry import endpoint

_BASIC = "The URL had a user and a password: set {} to what this prints: printf 'USER:PASSWORD' | base64"
_MASKED_URL = "The URL had a value that looks secret: put it in place of ***."
_SCHEME = re.compile(r"(?:(?:Bearer|Basic|Token|Api-?Key|DPoP) +)?", re.IGNORECASE)
"""Schemes of credentials, which precede the secret in a header."""

_USER = re.compile(r"(?<=://)[^/?#]*@")


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
        remarks.append(_BASIC.format(variable))
    shown = masked_url(subject.url or url)
    if shown != subject.url:
        remarks.append(_MASKED_URL)
    # In a file a dollar sign begins the name of a variable.
    written = shown.replace("$", "$$")
    return Origin(subject, Reach(subject.name, url=written, access=settings, remarks=tuple(remarks)))


def of_command(
    command: Sequence[str],
    settings: AccessSettings,
    environ: Mapping[str, str],
    *,
    url: str | None = None,
    shared: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Origin:
    """Return a server that a command starts; with a URL, it listens there.

    Args:
        env: Variables of the command.
        cwd: Folder to start in; None is the lab's own.

    Raises:
        UsageError: The program does not exist, or the access cannot be used.
    """
    access = access_from(settings, environ)
    subject = bare_command(command, shared=shared, url=url, env=env, cwd=cwd, access=access)
    shown = tuple(masked_command(command))
    listening_url = subject.adapter.launch.url
    shown_url = None if listening_url is None else masked_url(listening_url)
    is_whole = (shown, shown_url) == (tuple(command), listening_url)
    hidden = "The command or its URL had what looks like a secret: put it in place of ***."
    reach = Reach(
        subject.name,
        shown,
        shown_url,
        transport="http" if subject.adapter.launch.transport == "http" else "stdio",
        shared=shared,
        env={name: f"${{{name}}}" for name in env or {}},
        ready_timeout_s=subject.adapter.launch.ready_timeout_s,
        access=settings,
        # Nobody can tell for sure which of the variables are secret.
        remarks=(*_to_set(env or {}), *(() if is_whole else (hidden,))),
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
    in_words = {name: value for word in server.command for name, value in values_of(word, environ).items()}
    in_env = {name: value for text in server.env.values() for name, value in values_of(text, environ).items()}
    cwd = None if server.cwd is None else Path(filled_in(server.cwd, environ)).expanduser().absolute()
    in_file = _variables_in_file(server, environ, cwd)
    # Whatever its name: what is not written in the configuration may be a secret.
    hidden = (*in_words.values(), *in_env.values(), *in_file.values())
    env = {**in_file, **{name: filled_in(value, environ) for name, value in server.env.items()}}
    command = [filled_in(word, environ) for word in server.command]
    with masked_errors(lambda: hidden):
        origin = of_command(command, settings, environ, shared=shared, env=env, cwd=cwd)
    access = origin.subject.access
    subject = replace(origin.subject, access=replace(access, hidden=(*access.hidden, *hidden)))
    remarks = (
        *(f"Put the value of {name} in place of ${{{name}}} in the command." for name in in_words),
        *origin.reach.remarks,
    )
    reach = replace(
        origin.reach,
        command=tuple(masked_command([as_reference(word) for word in server.command])),
        cwd=None if cwd is None else str(cwd),
        remarks=remarks,
    )
    return Origin(subject, reach)


def _variables_in_file(
    server: ConfiguredServer, environ: Mapping[str, str], cwd: Path | None
) -> dict[str, str]:
    if not server.env_file:
        return {}
    path = Path(filled_in(server.env_file, environ)).expanduser()
    return read_env_file((cwd or Path.cwd()) / path)


def _configured_url(server: ConfiguredServer, settings: AccessSettings, environ: Mapping[str, str]) -> Origin:
    headers, in_headers = _configured_headers(server, environ)
    settings = _with_headers(settings, headers)
    in_url = values_of(server.url, environ)
    written = as_reference(server.url, "$$")
    # Filled in as it will be from the file.
    url, access = filled_url(written, access_from(settings, {**environ, **in_headers}), in_url)
    parts = (value for text in server.headers.values() for value in values_of(text, environ).values())
    access = replace(access, hidden=(*access.hidden, *parts))
    with masked_errors(access.secrets):
        subject = bare_url(endpoint(url), access)
    remarks = _to_set({**in_url, **in_headers})
    user = _USER.search(server.url)
    if user is not None and without_placeholders(user[0]).strip(":@"):
        variable = f"{_variable(server.name)}_BASIC"
        settings = _with_headers(settings, {"Authorization": f"Basic ${{{variable}}}"})
        written = _USER.sub("", written)
        remarks.append(_BASIC.format(variable))
    shown = masked_url(written, has_references=True)
    if shown != written:
        remarks.append(_MASKED_URL)
    return Origin(subject, Reach(subject.name, url=shown, access=settings, remarks=tuple(remarks)))


def _configured_headers(
    server: ConfiguredServer, environ: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers with variables in place of all values, and the values of these variables.

    Nobody can tell for sure which headers are secret.
    """
    headers: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, text in server.headers.items():
        if variables(text) and _SCHEME.fullmatch(without_placeholders(text)):
            headers[name] = as_reference(text)
            values |= values_of(text, environ)
            continue
        value = filled_in(text, environ).strip()
        scheme = match[0] if (match := _SCHEME.match(value)) else ""
        variable = f"{_variable(server.name)}_{_variable(name)}"
        headers[name] = f"{scheme}${{{variable}}}" if value else ""
        values |= {variable: value.removeprefix(scheme)} if value else {}
    return headers, values


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
