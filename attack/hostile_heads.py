"""Hostile request heads: sizes, paths, hosts, origins, tokens, other protocols."""

from __future__ import annotations

import random

from hostile_inputs import ANY, HostileInput, Kinds, Target, status
from inputs_of_tests import discovery_paths, odd_requests, paths_near_the_endpoint, upgrade_wishes
from messages import Identity, call, http_request, page, post, with_token

from server_core.http.strict_protocol import MAX_FIELDS, MAX_HEAD_BYTES


def _fields(count: int) -> list[str]:
    return [f"a{number}: b" for number in range(count)]


def large_head(rng: random.Random, target: Target) -> HostileInput:
    """Draw a head beyond the limits of bytes or fields, alone or behind a good call."""
    beyond = MAX_HEAD_BYTES * rng.choice([1, 2, 10, 60])
    lines = rng.choice(
        [
            ["a: " + "b" * beyond],
            ["b" * beyond + ": a"],
            ["a: " + "b" * 9000] * (beyond // 9000 + 1),
            _fields(MAX_FIELDS + rng.randrange(5)),
            ["a:"] * rng.choice([1_000, 100_000]),
        ]
    )
    data = rng.choice(
        [page("/health", "", *lines), target.good_call(*lines), page("/health?" + "b" * beyond)]
    )
    if rng.random() < 0.5:
        return HostileInput((target.good_call() + data,), (target.right_answer, status(431)))
    return HostileInput((data,), (status(431),))


def endless_head(rng: random.Random, _target: Target) -> HostileInput:
    """Draw a head that never ends, in pieces."""
    begin = rng.choice([b"GET /health HTTP/1.1\r\na: ", b"GET /", b"GET /health HTTP/1.1\r\n", b"POST /mcp"])
    size = rng.choice([2_000, 5_000, 70_000])
    return HostileInput((begin, *[b"b" * size] * (3 * MAX_HEAD_BYTES // size + 1)), (status(431),))


def near_path(rng: random.Random, target: Target) -> HostileInput:
    """Draw a path that resembles one of the server's, or one of an authorization server."""
    path = rng.choice([*paths_near_the_endpoint(), *discovery_paths(), "*", "/./mcp", "/x/../mcp", "//evil"])
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    data = post(message, Identity(rng.choice([target.token, ""])), path=path)
    if rng.random() < 0.3:
        data = page(path, target.token)
    return HostileInput((data,), (status(307, 400, 404),))


def other_protocol(rng: random.Random, target: Target) -> HostileInput:
    """Draw a wish for another protocol, which is ignored, or the opening of one, which is refused."""
    if rng.random() < 0.3:
        data = rng.choice(
            [
                b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
                b"CONNECT /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(200),
                rng.randbytes(300),
            ]
        )
        return HostileInput((data,), (status(400),))
    wished = target.good_call(*rng.choice(upgrade_wishes()))
    cut = rng.randrange(1, len(wished))
    return HostileInput((wished[:cut], wished[cut:]), (target.right_answer,))


def foreign_host(rng: random.Random, target: Target) -> HostileInput:
    """Draw a foreign or doubled Host, or a foreign or doubled Origin."""
    good = target.good_call()
    host, origin = b"Host: 127.0.0.1", b"Origin: http://evil.example"
    data, right = rng.choice(
        [
            (good.replace(host, b"Host: evil.example"), 421),
            (good.replace(host, b"Host: 127.0.0.1.evil.example"), 421),
            (good.replace(b"POST /mcp", b"POST http://evil.example/mcp"), 421),
            (good.replace(host, host + b"\r\nHost: evil.example"), 400),
            (good.replace(host, host + b"\r\n" + origin), 403),
            (good.replace(host, host + b"\r\nOrigin: null"), 403),
            (good.replace(host, host + b"\r\n" + origin + b"\r\nOrigin: http://127.0.0.1"), 400),
            (
                http_request(
                    "OPTIONS /mcp HTTP/1.1", [origin.decode(), "Access-Control-Request-Method: POST"]
                ),
                403,
            ),
        ]
    )
    return HostileInput((data,), (status(right),))


def wrong_token(rng: random.Random, target: Target) -> HostileInput:
    """Draw a call without a token, with a wrong one, with two, or with one where it does not count."""
    token = target.token
    lines = rng.choice(
        [
            [],
            [f"Authorization: Bearer {token}x"],
            [f"Authorization: Bearer {token[:-1]}"],
            [f"Authorization: Basic {token}"],
            [f"Authorization: {token}"],
            ["Authorization: Bearer "],
            ["Authorization: Bearer \u00ff"],
            [f"Authorization: Bearer {token}", f"Authorization: Bearer {'y' * 24}"],
            [f"X-Authorization: Bearer {token}", f"Cookie: token={token}"],
        ]
    )
    data = call(target.tool, target.arguments, Identity(), 1, *lines)
    if rng.random() < 0.2:
        data = page(rng.choice(["/metrics", f"/metrics?token={token}"]), "", *lines)
    return HostileInput((data,), (status(401),))


def forged_address(rng: random.Random, target: Target) -> HostileInput:
    """Draw a call with headers of a proxy that the server has not been told to trust."""
    lines = [
        f"X-Forwarded-For: {rng.choice(['1.2.3.4', '127.0.0.1', 'x' * 300])}",
        "X-Forwarded-Host: evil.example",
        "Forwarded: for=1.2.3.4;host=evil.example",
    ]
    return HostileInput((target.good_call(*rng.sample(lines, rng.randint(1, 3))),), (target.right_answer,))


def odd_request(rng: random.Random, target: Target) -> HostileInput:
    """Draw one of the odd requests of the tests of the shortcut, whole or cut, with a token."""
    data = with_token(rng.choice(list(odd_requests().values())), target.token)
    cut = rng.randrange(1, len(data))
    pieces = (data[:cut], data[cut:]) if rng.random() < 0.5 else (data,)
    # Some end in the middle of a body: the server waits for the rest, and then answers 408.
    return HostileInput(pieces, (ANY,), "answers")


def damaged_request(rng: random.Random, target: Target) -> HostileInput:
    """Draw a good call in which some bytes are changed, lost or doubled."""
    data = bytearray(target.good_call())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                del data[at : at + rng.randint(1, 20)]
            case 2:
                data[at:at] = data[at : at + rng.randint(1, 20)]
            case _:
                data[at:at] = rng.choice([b"\r\n", b"\0", b"\r\n\r\n", b"\n", b": ", b"\xff"])
    return HostileInput((bytes(data),), (ANY,), rng.choice(["leave", "answers"]))


HEADS: Kinds = {
    "head beyond its limits": large_head,
    "head without end": endless_head,
    "path near the endpoint": near_path,
    "other protocol": other_protocol,
    "foreign host or origin": foreign_host,
    "no right token": wrong_token,
    "forged address": forged_address,
    "odd request": odd_request,
    "damaged request": damaged_request,
}
