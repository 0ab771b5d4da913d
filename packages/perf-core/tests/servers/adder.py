"""An MCP server that adds, with optional faults; it needs only the standard library.

``adder.py --port N`` or ``--ready-file PATH``; ``--fault`` selects a fault, early enough
for a busy machine with few calls per second:

* ``silent``: accepts connections and never answers
* ``exit``: prints a reason and exits with code 3
* ``off-by-one``: one answer in twenty is one too high
* ``die``: the process kills itself at the 50th call
* ``deaf``: ignores SIGTERM, and has a child that does too
* ``two-faced``: reports another version from the 10th call on
* ``wrong``: every answer is one too high
* ``moody``: every answer from the 60th to the 900th call is an error
* ``immortal``: its sessions go on after they were deleted
* ``slow``: each call takes ten milliseconds of CPU time
* ``session-only``, ``stateless-only``: refuses the handshake of the other wire

With ``ADDER_TOKEN`` in its environment it answers to this bearer token only.
"""

import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REFUSED = {"session-only": "server/discover", "stateless-only": "initialize"}
CALLS = itertools.count(1)
SESSIONS = itertools.count(1)
ENDED = set()
FAULT = ""
SEEN = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_arguments):
        pass

    def do_GET(self):
        self.answer(404, b"")

    def do_DELETE(self):
        session = self.headers["Mcp-Session-Id"]
        known = session not in ENDED
        if FAULT != "immortal":
            ENDED.add(session)
        self.answer(200 if known else 404, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        message = json.loads(body)
        token = os.environ.get("ADDER_TOKEN")
        if token and self.headers["Authorization"] != f"Bearer {token}":
            self.answer(401, b"")
            return
        if FAULT == "silent":
            self.rfile.read(1)
            return
        if self.headers["Mcp-Session-Id"] in ENDED:
            self.answer(404, b"")
            return
        if "id" not in message:
            self.answer(202, b"")
            return
        if message["method"] == REFUSED.get(FAULT):
            error = {"code": -32601, "message": f"no method {message['method']}"}
            self.answer(400, json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}).encode())
            return
        result = self.result(message)
        reply = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        content = json.dumps(reply, separators=(",", ":")).encode()
        self.answer(200, content, f"session-{next(SESSIONS)}" if message["method"] == "initialize" else "")

    def result(self, message):
        info = {"name": "adder", "version": "2" if FAULT == "two-faced" and SEEN >= 10 else "1"}
        if message["method"] == "initialize":
            version = message["params"]["protocolVersion"]
            return {
                "protocolVersion": version,
                "capabilities": {"tools": {}},
                "serverInfo": info,
                "instructions": "Adds two numbers.",
            }
        if message["method"] == "ping":
            return {}
        if message["method"] == "server/discover":
            meta = {"io.modelcontextprotocol/serverInfo": info}
            return {"_meta": meta, "instructions": "Adds two numbers."}
        if message["method"] == "tools/list":
            return {"tools": [{"name": "add", "inputSchema": {"type": "object"}}]}
        return self.add(message["params"]["arguments"])

    def add(self, arguments):
        global SEEN  # noqa: PLW0603 - the faults count calls over all connections
        SEEN = next(CALLS)
        total = arguments["a"] + arguments["b"]
        if FAULT == "off-by-one" and SEEN % 20 == 0:
            total += 1
        if FAULT == "wrong":
            total += 1
        if FAULT == "slow":
            until = time.thread_time() + 0.01
            while time.thread_time() < until:
                pass
        if FAULT == "die" and SEEN == 50:
            print("out of luck at call 50", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return {
            "content": [{"type": "text", "text": str(total)}],
            "structuredContent": {"result": total},
            "isError": FAULT == "moody" and 60 <= SEEN <= 900,
        }

    def answer(self, status, body, session=""):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if session:
            self.send_header("Mcp-Session-Id", session)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


def main():
    global FAULT  # noqa: PLW0603 - set once, before the server starts
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("--fault", default="")
    options = parser.parse_args()
    FAULT = options.fault
    if FAULT == "exit":
        print("the reactor is cold", file=sys.stderr)
        sys.exit(3)
    server = Server(("127.0.0.1", options.port), Handler)
    if FAULT == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stubborn = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); sys.stdin.read()"
        child = subprocess.Popen([sys.executable, "-c", stubborn], stdin=subprocess.PIPE)
        print(f"child {child.pid}", flush=True)
    if options.ready_file:
        partial = options.ready_file.with_suffix(".partial")
        partial.write_text(json.dumps({"url": f"http://127.0.0.1:{server.server_port}/mcp"}))
        partial.replace(options.ready_file)
    print(f"hash seed {os.environ.get('PYTHONHASHSEED')}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
