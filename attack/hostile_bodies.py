"""Hostile bodies and connections: too long, too slow, never read, broken off, too many."""

from __future__ import annotations

import random

from connections import FLOODING_ADDRESS
from hostile_inputs import ANY, HostileInput, Kinds, RightAnswer, Target, status
from inputs_of_tests import surroundings_of_chunks
from messages import Identity, chunked, event_stream, initialize, page, post, with_token

MAX_BODY_BYTES = 2_000_000
"""Setting of the server under attack, so that a body beyond it is small enough to be sent often."""

MAX_CONNECTIONS = 64
"""Setting of the server under attack: connections of one address to one process."""


def large_body(rng: random.Random, target: Target) -> HostileInput:
    """Draw a body beyond the limit: announced, chunked, or to a page that takes none."""
    body = b" " * (MAX_BODY_BYTES * rng.choice([1, 2]) + 1)
    whole = post(body, target.identity)
    data, right = rng.choice(
        [
            (whole, (413,)),
            (chunked(whole, *[rng.choice([7, 1000, 60_000])] * 20), (413,)),
            (post(body, Identity()), (401,)),
            (post(body, target.identity, path="/elsewhere"), (404,)),
            (whole[:500], (413,)),
        ]
    )
    return HostileInput((data,), (status(*right),))


def endless_surroundings(rng: random.Random, target: Target) -> HostileInput:
    """Draw extensions or trailers of chunks that go on and on."""
    data = rng.choice(list(surroundings_of_chunks().values()))
    data = data[: rng.choice([200_000, len(data)])]
    if rng.random() < 0.5:
        return HostileInput((data,), (status(401, 431),))
    return HostileInput((with_token(data, target.token),), (status(431),))


def hidden_headers(rng: random.Random, target: Target) -> HostileInput:
    """Draw trailers that look like headers; they do not count."""
    method = rng.choice([b"tools/call", b"ping"])
    data = chunked(target.good_call(), rng.randint(1, 40), trailers=b"Mcp-Method: %b\r\n" % method)
    return HostileInput((data,), (target.right_answer,))


def broken_chunks(rng: random.Random, target: Target) -> HostileInput:
    """Draw a chunked body with an error in it, alone or behind good calls."""
    data = chunked(target.good_call(), 5, 5)
    place = data.index(b"\r\n\r\n") + 4 + rng.choice([0, 8])
    broken = data[:place] + rng.choice([b"no size\r\n", b"-1\r\n", b"1\rx", b"ffffffffffffffffff\r\n"])
    count = rng.randint(0, 3)
    return HostileInput(
        (target.good_call() * count + broken,), (*[target.right_answer] * count, status(400, 413))
    )


def two_lengths(rng: random.Random, target: Target) -> HostileInput:
    """Draw a call with two lengths or a malformed one, with another request hidden in its body."""
    good = target.good_call()
    inner = page("/metrics", target.token)
    data = rng.choice(
        [
            good.replace(b"Content-Length: ", b"Content-Length: 0\r\nContent-Length: ") + inner,
            good.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length") + inner,
            good.replace(b"Content-Length: ", b"Content-Length: +"),
            good.replace(b"Content-Length", b"Transfer-Encoding: identity, chunked\r\nX-Length"),
            good.replace(
                b"Content-Length", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\nX-Length"
            ),
            good.replace(b"Content-Length", b"Content-Length\x0b"),
        ]
    )
    # Whatever the server makes of the first one, it must not be an error of its own.
    return HostileInput((data,), (ANY,))


def nonsense_behind_calls(rng: random.Random, target: Target) -> HostileInput:
    """Draw good calls in one read with something that is no request at their end."""
    count = rng.randint(1, 8)
    end = rng.choice([b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"\0\0\0\0", b"POST /mcp HTTP/9.9\r\n\r\n"])
    return HostileInput(
        (target.good_call() * count + end,), (*[target.right_answer] * count, status(400, 505))
    )


def left_behind(rng: random.Random, target: Target) -> HostileInput:
    """Draw pipelined requests of a client that leaves, or resets the connection, before the answers."""
    session = Identity(target.token, rng.choice(target.own_sessions or ["none"]))
    first = rng.choice(
        [target.good_call(), target.good_call("Connection: close"), event_stream(session), b""]
    )
    data = first + target.good_call() * rng.randint(1, 20)
    return HostileInput((data[: rng.randint(1, len(data))],), (), rng.choice(["leave", "reset"]))


def many_waiting(rng: random.Random, target: Target) -> HostileInput:
    """Draw thousands of small requests in a row, of a client that reads none or few of the answers."""
    small = page("/elsewhere", target.token if rng.random() < 0.5 else "")
    data = target.good_call() * rng.randint(0, 1) + small * rng.choice([1_000, 30_000])
    return HostileInput((data,), (), rng.choice(["leave", "reset", "stall"]))


def never_read(rng: random.Random, target: Target) -> HostileInput:
    """Draw many calls of a client that reads none of the answers for a while."""
    return HostileInput((target.good_call() * rng.choice([50, 500]),), (), "stall")


def slow_request(rng: random.Random, target: Target) -> HostileInput:
    """Draw the beginning of a request whose rest never comes, or a stream that nobody reads."""
    whole = target.good_call()
    session = Identity(target.token, rng.choice(target.own_sessions or ["none"]))
    data = rng.choice(
        [b"", whole[:20], whole[: whole.index(b"\r\n\r\n") + 4], whole[:-1], event_stream(session)]
    )
    return HostileInput((data,), (), "stall", connections=rng.randint(1, 10))


def too_many_connections(rng: random.Random, target: Target) -> HostileInput:
    """Draw more connections at once than one address may have; those beyond the limit are 503."""
    allowed = RightAnswer(frozenset({200, 503}))
    return HostileInput(
        (target.good_call(),),
        (allowed,),
        connections=MAX_CONNECTIONS + rng.randint(1, 64),
        address=FLOODING_ADDRESS,
    )


def many_sessions(rng: random.Random, target: Target) -> HostileInput:
    """Draw sessions that are opened over one connection and never used."""
    count = rng.randint(5, 60)
    return HostileInput((initialize(target.token) * count,), (status(200, 429, 503),) * count)


BODIES: Kinds = {
    "body beyond its limit": large_body,
    "chunk extensions and trailers without end": endless_surroundings,
    "headers hidden in trailers": hidden_headers,
    "broken chunks": broken_chunks,
    "two lengths, hidden requests": two_lengths,
    "nonsense behind calls": nonsense_behind_calls,
    "answers left behind": left_behind,
    "many requests that wait": many_waiting,
    "answers never read": never_read,
    "slow request": slow_request,
    "too many connections": too_many_connections,
    "many sessions": many_sessions,
}
