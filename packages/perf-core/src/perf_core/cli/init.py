"""``perf-core init``: ask a server what it can do, and write a target file with the calls that were drawn."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perf_core.adapter import Wire
from perf_core.cli import servers
from perf_core.cli.console import err, print_plain
from perf_core.cli.options import ACCESS, DRAWING, AccessOptions, Command, DrawingOptions, Env, Shared
from perf_core.errors import ExitCode, UsageError
from perf_core.interruption import watch_signals
from perf_core.server.credentials.access_settings import AccessSettings
from perf_core.server.credentials.masking import masked_word
from perf_core.targets.client_config import read_client_config
from perf_core.targets.init_file import target_file
from perf_core.targets.origins import Origin, of_command, of_configured, of_url
from perf_core.targets.registry import advice_for
from perf_core.targets.urls import is_url


def init(
    url: Annotated[
        list[str] | None,
        Parameter(help="URL of the server; beside a command, where its server listens.", negative=""),
    ] = None,
    /,
    *,
    config: Annotated[
        Path | None,
        Parameter(name="--from", help="Configuration of Claude, Cursor or VS Code, such as mcp.json."),
    ] = None,
    server: Annotated[str | None, Parameter(help="Name of the server in that configuration.")] = None,
    output: Annotated[
        Path | None, Parameter(help="File to write, which must not exist. Default: print the text.")
    ] = None,
    wire: Annotated[Wire | None, Parameter(help="Protocol era. Default: what the server offers.")] = None,
    shared: Shared = False,
    env: Env = (),
    drawing: DrawingOptions = DRAWING,
    access: AccessOptions = ACCESS,
    seed: Annotated[int, Parameter(help="Seed of the drawn calls.")] = 1,
    command: Command = None,
) -> ExitCode:
    """Ask a server what it can do, and write a TOML file with its calls, to be edited.

    What follows -- is a command that starts a server, over stdio unless a URL stands before it. The file has
    the names of environment variables instead of secrets.
    """
    if output is not None:
        _expect_new(output)
    variables = servers.command_variables(env, command)
    words, settings = tuple(url or ()), access.settings()
    origin = _origin(words, config, server, command, settings, shared=shared, env=variables)
    reach = origin.reach if output is None else replace(origin.reach, cwd=_folder_of(origin, output))
    with watch_signals() as interruption:
        discovered = servers.draw_calls(origin.subject, wire, drawing, seed=seed, interruption=interruption)
    reach = replace(reach, server_name=discovered.subject.adapter.server_name)
    name = "FILE.toml" if output is None else output.name
    text = target_file(reach, [call.step for call in discovered.calls], discovered.discovery, name=name)
    if output is None:
        print_plain(text.rstrip("\n"))
        return ExitCode.PASS
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {output}: {error.strerror}", "Choose another file with --output."
        ) from error
    err.print(f"Wrote {output}. Try it: perf-core check {output}", soft_wrap=True)
    return ExitCode.PASS


def _origin(
    words: tuple[str, ...],
    config: Path | None,
    server: str | None,
    command: tuple[str, ...] | None,
    settings: AccessSettings,
    *,
    shared: bool,
    env: Mapping[str, str],
) -> Origin:
    others = [word for word in words if not is_url(word)]
    if others:
        raise UsageError(f"expected a URL, got {masked_word(others[0])!r}", advice_for(others[0]))
    if len(words) > 1:
        raise UsageError(f"expected one URL, got {len(words)}", "Write one file for each server.")
    if config is not None:
        if words or command is not None:
            raise UsageError("--from: expected no URL and no command beside it", "Give one of the three.")
        return of_configured(read_client_config(config, server), settings, os.environ, shared=shared)
    if server is not None:
        raise UsageError("--server: expected --from beside it, got none", "It names a server of that file.")
    if command is not None:
        url = words[0] if words else None
        return of_command(command, settings, os.environ, url=url, shared=shared, env=env)
    if shared:
        raise UsageError("--shared: expected a command after --, got none", "It is for servers on stdio.")
    if not words:
        raise UsageError(
            "expected a URL, a command after -- or --from FILE, got none of them",
            "For example: perf-core init -- npx -y some-mcp-server.",
        )
    return of_url(words[0], settings, os.environ)


def _expect_new(output: Path) -> None:
    if output.exists():
        raise UsageError(
            f"--output: expected a file that does not exist, got {output}",
            "Choose another name, or delete it.",
        )
    if not output.parent.is_dir():
        raise UsageError(f"--output: expected an existing folder, got {output.parent}", "Create it first.")


def _folder_of(origin: Origin, output: Path) -> str | None:
    """Return the folder of the command as the file has to state it; by default it is the file's own."""
    if origin.reach.cwd is not None or not origin.reach.command:
        return origin.reach.cwd
    here, there = Path.cwd().resolve(), output.parent.resolve()
    return None if here == there else os.path.relpath(here, there)
