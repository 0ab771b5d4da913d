"""Launches on stdio become launches of a bridge."""

import sys
from pathlib import Path

import pytest

from perf_core.adapter import Launch
from perf_core.errors import TargetError
from perf_core.server.bridge.child_environment import VARIABLE, variables_to_json
from perf_core.server.bridge.launching import SSE_URL_VARIABLE, bridged, is_bridge, sse_launch


def test_server_over_http_needs_no_bridge() -> None:
    launch = Launch(("server", "--port", "{port}"), url="http://127.0.0.1:{port}/mcp")
    assert bridged(launch) is launch
    assert not is_bridge(launch)


@pytest.mark.parametrize(("transport", "shared"), [("stdio", False), ("stdio-shared", True)])
def test_command_follows_the_bridge_s_own(transport: str, shared: bool) -> None:
    command = (sys.executable, "server.py", "--port", "7")
    launch = Launch(command, env={"A": "1"}, cwd=Path("/"), stop_timeout_s=1.5, transport=transport)
    wrapped = bridged(launch)
    split = wrapped.argv.index("--")
    assert wrapped.argv[split + 1 :] == command
    assert ("--shared" in wrapped.argv[:split]) is shared
    assert wrapped.argv[wrapped.argv.index("--stop-timeout") + 1] == "1.5"
    assert (wrapped.cwd, wrapped.url) == (Path("/"), None)
    assert wrapped.env == {VARIABLE: variables_to_json({"A": "1"})}, "the bridge itself runs as without them"
    assert is_bridge(wrapped)


@pytest.mark.parametrize("argv", [("no-such-program", "x"), ("./no-such-program",), ()])
def test_missing_program_is_told_before_anything_starts(argv: tuple[str, ...]) -> None:
    with pytest.raises(TargetError, match=r"expected a (program|command)") as caught:
        bridged(Launch(argv, transport="stdio"))
    assert caught.value.hint


def test_program_is_looked_for_where_the_server_is_started(tmp_path: Path) -> None:
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    with pytest.raises(TargetError):
        bridged(Launch(("./server",), transport="stdio"))
    bridged(Launch(("./server",), cwd=tmp_path, transport="stdio"))
    bridged(Launch(("server",), env={"PATH": str(tmp_path)}, transport="stdio"))


def test_address_of_a_server_elsewhere_is_not_on_the_command_line() -> None:
    launch = sse_launch("https://user:secret@host/sse", ca_file=Path("ca.pem"), insecure=True)
    assert not any("secret" in part for part in launch.argv)
    assert launch.env == {SSE_URL_VARIABLE: "https://user:secret@host/sse"}
    assert is_bridge(bridged(launch))
