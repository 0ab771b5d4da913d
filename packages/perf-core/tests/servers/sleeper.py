"""An MCP server that sleeps for known times before it listens and before each kind of answer.

``sleeper.py --ready-file PATH``, ``--port N`` or ``--stdio``; ``--listen``, ``--initialize``, ``--list`` and
``--call`` are seconds. ``--times PATH`` gets a line with a name and the monotonic clock at each step, just
before it is done. Standard library only.
"""

import argparse
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

OPTIONS = argparse.Namespace()


def note(name):
    if OPTIONS.times:
        with OPTIONS.times.open("a") as file:
            file.write(f"{name} {time.monotonic()}\n")


def result_of(message):
    method = message["method"]
    if method == "initialize":
        time.sleep(OPTIONS.initialize)
        note("initialize")
        version = message["params"]["protocolVersion"]
        info = {"name": "sleeper", "version": "1"}
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        time.sleep(OPTIONS.list)
        note("tools_list")
        hints = {"readOnlyHint": True}
        return {"tools": [{"name": "nap", "inputSchema": {"type": "object"}, "annotations": hints}]}
    time.sleep(OPTIONS.call)
    note("first_call")
    return {"content": [{"type": "text", "text": "zzz"}]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_arguments):
        pass

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "id" not in message:
            self.answer(202, b"")
            return
        reply = {"jsonrpc": "2.0", "id": message["id"], "result": result_of(message)}
        self.answer(200, json.dumps(reply).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True


def serve_stdio():
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            reply = {"jsonrpc": "2.0", "id": message["id"], "result": result_of(message)}
            sys.stdout.write("not a message\n" + json.dumps(reply) + "\n")
            sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("--stdio", action="store_true")
    parser.add_argument("--times", type=Path)
    for name in ("listen", "initialize", "list", "call"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    parser.parse_args(namespace=OPTIONS)
    time.sleep(OPTIONS.listen)
    if OPTIONS.stdio:
        serve_stdio()
        return
    server = Server(("127.0.0.1", OPTIONS.port), Handler)
    note("listening")
    if OPTIONS.ready_file:
        partial = OPTIONS.ready_file.with_suffix(".partial")
        partial.write_text(json.dumps({"url": f"http://127.0.0.1:{server.server_port}/mcp"}))
        partial.replace(OPTIONS.ready_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
