"""The target file that ``perf-core init`` writes: how to reach a server, and its drawn calls; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import JsonValue

from perf_core.adapter import Expectation, Step
from perf_core.load.placeholders import filled
from perf_core.server.checks import Discovery, LeftOut, ToolCheck
from perf_core.server.credentials.access import SESSION_REVISION
from perf_core.server.credentials.access_settings import AccessSettings
from perf_core.targets.toml_text import NotTomlError, toml_comment, toml_value

_LONGEST_COMMENT = 160

_PARTS = frozenset({"members", "json", "paths", "contains", "regex", "shape"})
"""Expectations of parts of an answer, which check nothing if they are empty."""

_MEANINGS = {
    "exact": "the whole answer is checked",
    "members": "the parts of the answer that stayed the same are checked",
    "schema": "the types of the answer are checked",
    "no error": "any answer that is no error counts as right",
}


@dataclass(frozen=True)
class Reach:
    """The address or the start of a server as a file has it, without secrets.

    Attributes:
        name: Name of the target.
        server_name: Name that the server must report; None accepts any.
        command: Program and arguments; empty for a server that is already running.
        url: Its endpoint; None for a server on stdio, or one with a ready file.
        transport: How a command's server talks.
        shared: Whether all sessions of a server on stdio share one process.
        env: Variables of the command; ``$NAME`` takes a value from the environment of the lab.
        cwd: Folder of the command; None is that of the file.
        ready_timeout_s: Longest time until it answers.
        remarks: What a reader of the file has to do or know.
    """

    name: str
    command: tuple[str, ...] = ()
    url: str | None = None
    server_name: str | None = None
    transport: Literal["http", "stdio"] = "http"
    shared: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    ready_timeout_s: float | None = None
    access: AccessSettings = field(default_factory=AccessSettings)
    remarks: tuple[str, ...] = ()


def target_file(reach: Reach, steps: Sequence[Step], discovery: Discovery, *, name: str = "FILE.toml") -> str:
    """Return the text of a TOML file with one ``[[calls]]`` for each drawn call.

    Args:
        name: Name of the file, for the commands in its comments.
    """
    parts = [
        "\n".join(_head(reach, discovery, name)),
        *_access(reach.access),
        *_calls(steps, discovery.checks),
        *_left_out(discovery.left_out),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(reach: Reach, discovery: Discovery, name: str) -> Iterator[str]:
    called, total = len(discovery.checks), len(discovery.checks) + len(discovery.left_out)
    yield toml_comment(
        f"A target of perf-core, written by perf-core init: {called} of {total} tools are called.\n"
        f"Try it:    perf-core check {name}\n"
        f"Measure:   perf-core run quick {name}\n"
        "Fields:    docs/adapters.md, or perf-core schema for editors"
    )
    for remark in (*reach.remarks, *discovery.warnings):
        yield "#\n" + toml_comment(remark)
    yield ""
    yield f"name = {toml_value(reach.name)}"
    if reach.server_name:
        yield f"server_name = {toml_value(reach.server_name)}"
    if reach.command:
        yield f"command = {toml_value(list(reach.command))}"
    if reach.url is not None:
        yield f"url = {toml_value(reach.url)}"
    if reach.command and reach.transport == "stdio":
        yield 'transport = "stdio"'
    if reach.shared:
        yield "shared = true"
    if reach.env:
        yield f"env = {toml_value(dict(reach.env))}"
    if reach.cwd is not None:
        yield f"cwd = {toml_value(reach.cwd)}"
    if reach.ready_timeout_s is not None:
        yield f"ready_timeout_s = {toml_value(reach.ready_timeout_s)}"


def _access(access: AccessSettings) -> Iterator[str]:
    """Yield the table ``[access]``, which names variables and has no secrets."""
    lines = []
    if access.headers:
        lines.append(f"headers = {toml_value(dict(access.headers))}")
    if access.bearer_env:
        lines.append(f"bearer_env = {toml_value(list(access.bearer_env))}")
    if access.oauth is not None:
        stated: dict[str, JsonValue] = {
            name: value for name, value in access.oauth.model_dump().items() if value
        }
        lines.append(f"oauth = {toml_value(stated)}")
    if access.ca_file is not None:
        lines.append(f"ca_file = {toml_value(str(access.ca_file.resolve()))}")
    if access.insecure:
        lines.append("insecure = true")
    if access.revision != SESSION_REVISION:
        lines.append(f"revision = {toml_value(access.revision)}")
    if lines:
        yield "\n".join(["[access]", *lines])


def _calls(steps: Sequence[Step], checks: Sequence[ToolCheck]) -> Iterator[str]:
    by_tool: dict[str, list[Step]] = {}
    for step in steps:
        by_tool.setdefault(step.tool, []).append(step)
    most = max(map(len, by_tool.values()), default=1)
    for check in checks:
        own = by_tool.get(check.tool, [])
        # As often as the other tools, however many calls were found.
        weight = most / len(own) if own else 1.0
        yield "\n".join(_about(check))
        for step in own:
            yield _call(step, weight)


def _about(check: ToolCheck) -> Iterator[str]:
    total = sum(check.calls.values())
    counts = {strictness: count for strictness, count in check.calls.items() if count}
    how = "; ".join(
        _MEANINGS[strictness] + (f" in {count}" if len(counts) > 1 else "")
        for strictness, count in counts.items()
    )
    yield toml_comment(f"{check.tool}: {total} call{'' if total == 1 else 's'}; {how}.")
    yield toml_comment(_short(f"For example {check.arguments} gave {check.answer}"))
    if check.doubt:
        yield toml_comment(_short(f"Doubtful: {check.doubt}"))


def _call(step: Step, weight: float) -> str:
    # In a file "{unique}" would be replaced, but not within drawn values.
    draw: dict[str, JsonValue] = {
        f"literal_{name}": {"choice": [value]} for name, value in step.literals.items()
    }
    if draw:
        step = filled(replace(step, literals={name: f"{{literal_{name}}}" for name in step.literals}), {})
    try:
        lines = [
            "[[calls]]",
            f"tool = {toml_value(step.tool)}",
            f"arguments = {toml_value(dict(step.arguments))}",
        ]
    except NotTomlError as error:
        return toml_comment(
            _short(f"A call of {step.tool} is left out, since {error}: {dict(step.arguments)!r}")
        )
    if draw:
        lines.append(f"draw = {toml_value(draw)}")
    lines += _expect(step.expect)
    if weight != 1:
        lines.append(f"weight = {weight:.4g}")
    return "\n".join(lines)


def _expect(expect: Expectation) -> Iterator[str]:
    if expect.kind == "any" or (expect.kind in _PARTS and not expect.value):
        return
    value = True if expect.kind == "error" else expect.value
    try:
        yield f"expect = {toml_value({expect.kind: value})}"
    except NotTomlError as error:
        weaker = _weaker(expect)
        yield toml_comment(f"Checked less strictly than it could be, since {error}.")
        if weaker:
            yield f"expect = {toml_value(weaker)}"


def _weaker(expect: Expectation) -> dict[str, JsonValue] | None:
    """Return what of an expectation TOML can express: the members without null, by their JSON pointers."""
    value = expect.value
    if not isinstance(value, dict):
        return None
    prefix = {"result": "/structuredContent", "members": "/structuredContent", "json": "/content/0/text"}
    start = prefix.get(expect.kind, "")
    if expect.kind == "paths":
        leaves = {pointer: each for pointer, each in value.items() if _is_toml(each)}
    elif expect.kind in {*prefix, "whole"}:
        leaves = dict(_leaves(value, start))
    else:
        return None
    return {"paths": leaves} if leaves else None


def _leaves(value: JsonValue, pointer: str) -> Iterator[tuple[str, JsonValue]]:
    """Yield the largest parts of a value that TOML can express, by their JSON pointers."""
    if _is_toml(value):
        yield pointer, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _leaves(each, f"{pointer}/{index}")


def _is_toml(value: JsonValue) -> bool:
    try:
        toml_value(value)
    except NotTomlError:
        return False
    return True


def _left_out(left_out: Sequence[LeftOut]) -> Iterator[str]:
    if not left_out:
        return
    lines = ["# Tools that are not called:"]
    for each in left_out:
        tried = f" (tried {each.arguments})" if each.arguments else ""
        lines.append(toml_comment(_short(f"  {each.tool}: {each.reason}{tried}")))
        if each.advice:
            lines.append(toml_comment(f"    {each.advice}"))
    yield "\n".join(lines)


def _short(text: str) -> str:
    line = " ".join(text.split()) if not text.startswith(" ") else "  " + " ".join(text.split())
    return line if len(line) <= _LONGEST_COMMENT else f"{line[: _LONGEST_COMMENT - 1]}…"
