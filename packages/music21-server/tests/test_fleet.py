"""Several servers that share one Redis, as real processes, on both wires."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from perf_core import Launch
from perf_core.adapter import WIRES, Wire
from perf_core.server.client.connection import connect
from perf_core.server.credentials.access import bearer
from perf_core.server.process import ServerProcess

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="one process serves there"),
]

CHORALE = "bach/bwv66.6"
TOKENS = ("fleet-test-token-of-ann", "fleet-test-token-of-bob")

Serve = Callable[..., ServerProcess]


@pytest.fixture
def serve(tmp_path: Path, redis_url: str, redis_prefix: str) -> Iterator[Serve]:
    """Return a function that starts a server whose scores are in Redis."""
    with ExitStack() as running:
        logs = (tmp_path / f"log-{number}" for number in range(9))

        def start(*options: str, url: str = redis_url, tokens: tuple[str, ...] = ()) -> ServerProcess:
            command = (sys.executable, "-m", "music21_server", "--port", "0", "--ready-file", "{ready_file}")
            store = {"MUSIC21_STORE_URL": url, "MUSIC21_AUTH_TOKENS": ",".join(tokens)}
            more = ("--worker-processes", "1", "--store-prefix", redis_prefix, *options)
            launch = Launch((*command, *more), env=store, tokens=tokens)
            return running.enter_context(ServerProcess(launch, "stateless", next(logs)))

        yield start


def ask(server: ServerProcess, tool: str, wire: Wire = "stateless", **arguments: Any) -> Mapping[str, Any]:
    """Call a tool with a new client: a new connection, and a new session on the session wire."""
    with connect(server.url, wire, access=server.access) as client:
        return client.call(tool, arguments)


def ready(server: ServerProcess) -> tuple[int, str]:
    answer = httpx2.get(f"{server.url.removesuffix('/mcp')}/health/ready", trust_env=False)
    return answer.status_code, answer.json()["status"]


def metrics_of(server: ServerProcess) -> str:
    return httpx2.get(f"{server.url.removesuffix('/mcp')}/metrics", trust_env=False).text


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not become true within 30 s"


def test_servers_see_each_others_scores(serve: Serve) -> None:
    one, other = serve(), serve()
    assert not ask(one, "import_score", source=CHORALE, score_id="mine").get("isError")
    assert ask(other, "key_analysis", score_id="mine")["structuredContent"]["key"] == "F# minor"
    assert ask(other, "delete_score", score_id="mine")["structuredContent"] == {"deleted": 1}
    gone = ask(one, "key_analysis", score_id="mine")
    assert gone["isError"]
    assert "it was deleted" in gone["content"][0]["text"]


def test_a_token_has_the_same_scores_on_every_server_wire_and_session(serve: Serve) -> None:
    one, other = serve(tokens=TOKENS), serve(tokens=TOKENS)
    ask(one, "import_score", "session", source=CHORALE, score_id="mine")
    for server in (one, other):
        for wire in WIRES:
            answer = ask(server, "list_scores", wire)["structuredContent"]["scores"]
            assert [score["score_id"] for score in answer] == ["mine"]
            with connect(server.url, wire, access=bearer(TOKENS[1:2])) as bob:
                assert bob.call("list_scores", {})["structuredContent"] == {"scores": []}


@pytest.mark.parametrize("wire", WIRES)
def test_any_serving_process_can_answer_any_request_of_a_client(serve: Serve, wire: Wire) -> None:
    server = serve("--workers", "2")
    with connect(server.url, wire) as opened:
        opened._headers["Connection"] = "close"  # the kernel distributes connections over the processes
        for number in range(8):
            name = f"n{number}"
            assert not opened.call("import_score", {"source": CHORALE, "score_id": name}).get("isError")
            key = opened.call("key_analysis", {"score_id": name})
            assert key["structuredContent"]["key"] == "F# minor"
            deleted = opened.call("delete_score", {"score_id": name})
            assert deleted["structuredContent"] == {"deleted": 1}
    for line in ("music21_store_up 1.0", "music21_scores 0.0", "mcp_workers 2.0"):
        wait_until(lambda line=line: f"\n{line}\n" in metrics_of(server))  # type: ignore[misc]


def test_a_server_starts_without_redis_and_recovers(serve: Serve, start_redis: Any) -> None:
    redis = start_redis()
    redis.stop()
    server = serve(url=redis.url)
    assert ready(server) == (503, "store unavailable")
    for tool, arguments in (
        ("import_score", {"source": CHORALE}),
        ("list_scores", {}),
        ("key_analysis", {"score_id": "x"}),
        ("delete_score", {"all_scores": True}),
    ):
        refused = ask(server, tool, **arguments)
        assert refused["isError"], tool
        assert "cannot be reached" in refused["content"][0]["text"], tool
    assert "\nmusic21_store_up 0.0\n" in metrics_of(server)
    redis.start()
    wait_until(lambda: ready(server)[0] == 200)  # a second after the last failure
    assert not ask(server, "import_score", source=CHORALE, score_id="x").get("isError")
    assert ask(server, "key_analysis", score_id="x")["structuredContent"]["key"] == "F# minor"
    assert "Traceback" not in server.log_tail()
