"""Hostile messages: faulty JSON-RPC, large and deep values, sessions of others."""

from __future__ import annotations

import functools
import json
import random
from typing import Any

from hostile_inputs import ANY, HostileInput, Kinds, RightAnswer, Target, status
from inputs_of_tests import faulty_calls, faulty_conversations
from messages import META, Identity, call, delete, event_stream, initialize, post, request, with_token

_PREFIX = "io.modelcontextprotocol/"


@functools.cache
def _faulty_calls(tool: str, arguments: str) -> tuple[bytes, ...]:
    return tuple(faulty_calls(tool, json.loads(arguments)))


@functools.cache
def _faulty_conversations() -> tuple[tuple[bytes, ...], ...]:
    return tuple(faulty_conversations())


def faulty_call(rng: random.Random, target: Target) -> HostileInput:
    """Draw a call with one fault, of those that FastMCP and the lane are compared on."""
    data = rng.choice(_faulty_calls(target.tool, json.dumps(dict(target.arguments))))
    return HostileInput((_own(data, rng, target),))


def faulty_conversation(rng: random.Random, target: Target) -> HostileInput:
    """Draw an opening and a message after it, one of them with a fault."""
    steps = rng.choice(_faulty_conversations())
    return HostileInput(tuple(_own(step, rng, target) for step in steps), (ANY,) * len(steps))


def _own(data: bytes, rng: random.Random, target: Target) -> bytes:
    session = rng.choice(target.own_sessions or ["none"]).encode()
    return with_token(data.replace(b"session 0", session).replace(b"session 1", session), target.token)


def wrong_arguments(rng: random.Random, target: Target) -> HostileInput:
    """Draw a call with thousands of arguments that the tool does not have; the answer has to be short."""
    name = rng.choice(["a", "b" * 50, "\ud83d\ude00", '"', "<b>", "\x1b[31m"])
    count = rng.choice([20, 500, 3_000 if len(name) < 5 else 1_000])
    arguments = {f"{name}{number}": rng.choice([1, None, "x"]) for number in range(count)}
    return HostileInput((call(target.tool, arguments, target.identity),), (RightAnswer(is_refused=True),))


def deep_or_large_value(rng: random.Random, target: Target) -> HostileInput:
    """Draw a value that is nested deeply, long, out of range, or no JSON after all."""
    value = rng.choice(
        [
            "[" * rng.choice([200, 5_000, 40_000]),
            "[" * 5_000 + "]" * 5_000,
            '{"a":' * 5_000 + "1" + "}" * 5_000,
            "1e400",
            "9" * 5_000,
            "NaN",
            "-Infinity",
            '"\\ud800"',
            '"' + "x" * 80_000 + '"',
            '"\\u0000"',
            "[" + "0," * 40_000 + "0]",
        ]
    )
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": target.tool, "arguments": "HERE", "_meta": META},
    }
    place = rng.choice(['"HERE"', '"2.0"', f'"{target.tool}"', "1,"])
    replacement = value + "," if place == "1," else value
    body = json.dumps(message).replace(place, replacement, 1).encode("utf-8", "surrogatepass")
    own = ("Mcp-Method: tools/call", f"Mcp-Name: {target.tool}")
    return HostileInput((post(body, target.identity, *own),))


def large_opening(rng: random.Random, target: Target) -> HostileInput:
    """Draw sessions whose opening, or calls whose `_meta`, has up to a megabyte for the server to keep."""
    filler = "x" * rng.choice([3_000, 5_000, 900_000])
    changes: list[dict[str, Any]] = [
        {"clientInfo": {"name": filler, "version": "1"}},
        {"capabilities": {"experimental": {filler: {}}}},
        {"_meta": {"own/key": filler}},
        {"more": filler},
        {"protocolVersion": filler},
    ]
    openings = [initialize(target.token, rng.choice(changes)) for _ in range(rng.randint(1, 8))]
    meta = {**META, f"{_PREFIX}clientInfo": {"name": filler + str(rng.random()), "version": "1"}}
    params = {"name": target.tool, "arguments": dict(target.arguments), "_meta": meta}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    named = post(message, target.identity, "Mcp-Method: tools/call", f"Mcp-Name: {target.tool}")
    return HostileInput((*openings, named), (ANY,) * (len(openings) + 1))


def empty_opening(rng: random.Random, target: Target) -> HostileInput:
    """Draw an `initialize` that opens nothing."""
    params = rng.choice([{}, None, [], 7, {"protocolVersion": "2099-01-01"}])
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    data = post(message, Identity(target.token, "x")).replace(b"Mcp-Session-Id: x\r\n", b"")
    return HostileInput((data,))


def foreign_session(rng: random.Random, target: Target) -> HostileInput:
    """Draw a request in a session of a good client, or in one that nobody has opened; it is 404."""
    invented = ["0.abc", "1.abc", "7.abc", "abc", "0.", ".", "99999999999.abc", "x" * 3_000, "\u00ff"]
    session = rng.choice([*invented, *target.good_sessions, *target.good_sessions])
    identity = Identity(target.token, session)
    data = rng.choice(
        [
            call(target.tool, target.arguments, identity),
            request("tools/list", {}, identity),
            request("ping", {}, identity),
            delete(identity),
            event_stream(identity),
        ]
    )
    return HostileInput((data,), (status(400, 404),))


def claimed_session(rng: random.Random, target: Target) -> HostileInput:
    """Draw a stateless call that claims a session of a good client; it sees nothing of it."""
    session = rng.choice([*target.good_sessions, "invented"])
    data = target.good_call(f"Mcp-Session-Id: {session}")
    return HostileInput((data,))


def foreign_cancellation(rng: random.Random, target: Target) -> HostileInput:
    """Draw cancellations of calls that others may be making."""
    identity = Identity(target.token, rng.choice([*target.own_sessions, *target.good_sessions, "none"]))
    messages = [
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}
        for number in (1, 2, rng.randrange(1_000), "1", None, [])
    ]
    return HostileInput(tuple(post(message, identity) for message in messages), (ANY,) * len(messages))


def repeated_id(rng: random.Random, target: Target) -> HostileInput:
    """Draw the same request of a session several times at once, all with one id."""
    identity = Identity(target.token, rng.choice(target.own_sessions or ["none"]))
    method, params = rng.choice(
        [("prompts/get", {"name": "none"}), ("resources/read", {"uri": "none://x"}), ("tools/list", {})]
    )
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return HostileInput((post(message, identity),), connections=rng.randint(2, 6))


def other_method(rng: random.Random, target: Target) -> HostileInput:
    """Draw a method that the server may not have, with parameters that do not fit."""
    method = rng.choice(
        [
            *("resources/read", "prompts/get", "completion/complete", "logging/setLevel", "tools/call"),
            *("resources/subscribe", "tasks/get", "server/discover", "sampling/createMessage", "no/such", ""),
        ]
    )
    params = rng.choice(
        [
            {},
            {"uri": rng.choice(["file:///etc/passwd", "http://127.0.0.1:1/", "x:" + "y" * 9_000, "\0"])},
            {"name": "no such " + "x" * rng.choice([1, 9_000])},
            {"cursor": "x"},
            {"level": "\ud83d\ude00"},
        ]
    )
    identity = Identity(target.token, rng.choice([*target.own_sessions, ""]))
    named = {name: value for name, value in params.items() if name != "name"}
    data = request(method, named, identity)
    if "name" in params:
        data = post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, identity)
    return HostileInput((data,))


MESSAGES: Kinds = {
    "call with one fault": faulty_call,
    "conversation with one fault": faulty_conversation,
    "thousands of wrong arguments": wrong_arguments,
    "deep, large or broken JSON": deep_or_large_value,
    "large opening": large_opening,
    "empty opening": empty_opening,
    "session of another": foreign_session,
    "claimed session": claimed_session,
    "cancellation of others' calls": foreign_cancellation,
    "one id for several requests": repeated_id,
    "method that does not fit": other_method,
}
