"""An MCP server with tools of several kinds; it needs only the standard library.

On stdio by default; ``--ready-file PATH`` or ``--port N`` serves HTTP instead. Tools:

* ``add``, ``lookup``: say that they only read; the answer depends on the arguments alone
* ``keep``: says nothing, and writes a line into the file ``--log`` when it is called
* ``nap``: reads only, and takes ``--nap`` seconds

``--key VALUE`` answers HTTP requests without the header ``X-Key: VALUE`` with 401. With ``--needs-key`` it
does not start without ``NOTES_KEY`` in its environment.
"""

import argparse
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NUMBER = {"type": "integer", "minimum": 0, "maximum": 99}
CITIES = ["Oslo", "Bergen", "Tromso"]
READS = {"readOnlyHint": True}
TOOLS = [
    {
        "name": "add",
        "description": "Add two numbers.",
        "annotations": READS,
        "inputSchema": {
            "type": "object",
            "properties": {"a": NUMBER, "b": NUMBER},
            "required": ["a", "b"],
        },
    },
    {
        "name": "lookup",
        "description": "Return the weather of a city.",
        "annotations": READS,
        "inputSchema": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": CITIES}},
            "required": ["city"],
        },
    },
    {"name": "keep", "description": "Keep a note.", "inputSchema": {"type": "object", "properties": {}}},
]
NAP = {"name": "nap", "annotations": READS, "inputSchema": {"type": "object", "properties": {}}}


def call(options, name, arguments):
    if name == "add":
        total = arguments["a"] + arguments["b"]
        return {"content": [{"type": "text", "text": str(total)}], "structuredContent": {"result": total}}
    if name == "lookup":
        return {"content": [{"type": "text", "text": f"{arguments['city']} is cold"}]}
    if name == "nap":
        time.sleep(options.nap)
        return {"content": [{"type": "text", "text": "rested"}]}
    if name == "keep":
        with options.log.open("a") as log:
            log.write("kept\n")
        return {"content": [{"type": "text", "text": "kept"}]}
    return {"content": [{"type": "text", "text": f"no tool {name}"}], "isError": True}


def answer(options, message):
    """Return the response to a message, or None for a notification."""
    if "id" not in message:
        return None
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        result = {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "notes", "version": "1"},
        }
    elif method == "tools/list":
        result = {"tools": TOOLS + ([NAP] if options.nap else [])}
    elif method == "tools/call":
        result = call(options, params["name"], params.get("arguments", {}))
    elif method == "ping":
        result = {}
    else:
        error = {"code": -32601, "message": f"no method {method}"}
        return {"jsonrpc": "2.0", "id": message["id"], "error": error}
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    options = None

    def log_message(self, *_arguments):
        pass

    def do_GET(self):
        self.reply(404, b"")

    def do_DELETE(self):
        self.reply(405, b"")

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        if self.options.key and self.headers["X-Key"] != self.options.key:
            self.reply(401, b"")
            return
        response = answer(self.options, message)
        status = 202 if response is None else 400 if "error" in response else 200
        self.reply(status, b"" if response is None else json.dumps(response).encode())

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


def serve_http(options):
    Handler.options = options
    server = Server(("127.0.0.1", options.port), Handler)
    if options.ready_file:
        partial = options.ready_file.with_suffix(".partial")
        partial.write_text(json.dumps({"url": f"http://127.0.0.1:{server.server_port}/mcp"}))
        partial.replace(options.ready_file)
    server.serve_forever()


def serve_stdio(options):
    for line in sys.stdin:
        response = answer(options, json.loads(line))
        if response is not None:
            print(json.dumps(response), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, default=Path(os.devnull))
    parser.add_argument("--nap", type=float, default=0.0)
    parser.add_argument("--key", default="")
    parser.add_argument("--needs-key", action="store_true")
    options = parser.parse_args()
    if options.needs_key and not os.environ.get("NOTES_KEY"):
        sys.exit("expected NOTES_KEY in the environment")
    if options.ready_file or options.port:
        serve_http(options)
    else:
        serve_stdio(options)


if __name__ == "__main__":
    main()
