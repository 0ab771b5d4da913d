"""Benchmarks of the steps from a tool's return value to the bytes of a JSON-RPC response.

Between these steps, the SDK checks the result against the protocol's schema. That check has no public name;
it is not part of these figures, but of those of ``bench_asgi.py``.
"""

from __future__ import annotations

import json
import time
from typing import Any

from fastmcp.tools import FunctionTool
from harness import expect, make_runner
from mcp_types import CallToolResult, JSONRPCResponse

from calculator_server import server
from server_core import PlainTool

EXPECTED: dict[str, Any] = {
    "content": [{"type": "text", "text": '{"result":1234.75}'}],
    "structuredContent": {"result": 1234.75},
    "isError": False,
}


def _result(tool: FunctionTool, value: object) -> CallToolResult:
    result = tool.convert_result(value).to_mcp_result()
    assert isinstance(result, tuple)  # content and structured content; other types are for errors and _meta
    content, structured_content = result
    return CallToolResult(content=content, structured_content=structured_content)


def _session_bytes(result: CallToolResult) -> bytes:
    dumped = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    response = JSONRPCResponse(jsonrpc="2.0", id=1, result=dumped)
    return response.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _stateless_bytes(result: CallToolResult) -> bytes:
    dumped = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    response = JSONRPCResponse(jsonrpc="2.0", id=1, result=dumped)
    body = response.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(body, separators=(",", ":")).encode()


ENCODERS = {"session": _session_bytes, "stateless": _stateless_bytes}


def _prepared() -> tuple[FunctionTool, object]:
    return PlainTool.from_function(server.add), server.Calculation(1234.75)


def _convert_wall_s(loops: int) -> float:
    tool, value = _prepared()
    expect("the structured content", EXPECTED["structuredContent"], _result(tool, value).structured_content)
    began = time.perf_counter()
    for _ in range(loops):
        _result(tool, value)
    return time.perf_counter() - began


def _encode_wall_s(loops: int, wire: str) -> float:
    result, encode = _result(*_prepared()), ENCODERS[wire]
    encoded = json.loads(encode(result))["result"]
    expect("the encoded result", EXPECTED, {key: encoded.get(key) for key in EXPECTED})
    began = time.perf_counter()
    for _ in range(loops):
        encode(result)
    return time.perf_counter() - began


def main() -> None:
    """Run the benchmarks with pyperf's command line."""
    runner = make_runner()
    runner.bench_time_func("result encoding: value to result", _convert_wall_s)
    for wire in ENCODERS:
        runner.bench_time_func(f"result encoding: result to bytes, {wire} wire", _encode_wall_s, wire)


if __name__ == "__main__":
    main()
