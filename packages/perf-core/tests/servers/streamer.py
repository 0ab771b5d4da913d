"""An MCP server that streams, on both wires; it needs only the standard library.

``streamer.py --ready-file PATH [--streams held|refused|dropped|closed] [--one-at-a-time]``

Tools:

* ``quick``: answers at once, as JSON
* ``steps``: sends progress after 60, 120 and 180 ms, and its answer after 240 ms
* ``asks``: asks the client to fill in a form, and answers with the reply; ``samples`` and ``lists`` ask for
  sampling and for roots
* ``beside``: sends its progress on the held streams, and its answer 60 ms later
* ``long``: answers with 16 MB of text
* ``silent``: never answers

With ``--one-at-a-time`` a connection ends with its answer, and no other is served meanwhile.
"""

import argparse
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path

TOOLS = ("quick", "steps", "beside", "asks", "samples", "lists", "long", "silent")
REQUESTS = {
    "asks": ("elicitation/create", {"message": "Which city?", "requestedSchema": {"type": "object"}}),
    "samples": ("sampling/createMessage", {"messages": [], "maxTokens": 5}),
    "lists": ("roots/list", {}),
}
STEP_S = 0.06
LONG = "x" * 16_000_000


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_arguments):
        pass

    def end_headers(self):
        if self.server.one_at_a_time:
            self.send_header("Connection", "close")
        super().end_headers()

    def do_GET(self):
        server = self.server
        if self.path == "/counts":
            self.answer({"counts": server.counts, "open_sessions": len(server.sessions)})
            return
        server.count("GET")
        if server.streams == "refused":
            self.send_error(405)
            return
        self.begin_stream()
        if server.streams == "dropped":
            self.send_event({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
            self.wfile.write(b"ffff\r\ndata: cut")
            self.close_connection = True
            return
        if server.streams == "closed":
            self.end_stream()
            return
        self.send_event({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
        server.holders.append(self)
        self.wait_until_gone()

    def do_DELETE(self):
        self.server.count("DELETE")
        self.expect_cookie()
        self.server.sessions.discard(self.headers["Mcp-Session-Id"])
        self.answer({})

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = message.get("method")
        self.server.last_headers = self.headers
        self.expect_cookie()
        if self.server.refuses:
            self.send_error(503)
            return
        if method is None:
            self.server.replies[message["id"]] = message
            self.server.replied.set()
            self.accept()
        elif "id" not in message:
            self.accept()
        elif method == "tools/call":
            self.server.count(message["params"]["name"])
            self.server.last_arguments[message["params"]["name"]] = message["params"]["arguments"]
            self.call(message)
        else:
            self.protocol(message)

    def expect_cookie(self):
        session = self.headers["Mcp-Session-Id"]
        if session is not None and self.headers["Cookie"] != f"node={session}":
            self.server.misrouted.append(f"{session}: {self.headers['Cookie']}")

    def protocol(self, message):
        info = {"name": "streamer", "version": "1"}
        match message["method"]:
            case "initialize":
                self.server.count("initialize")
                session = f"session-{self.server.counts['initialize']}"
                self.server.sessions.add(session)
                self.server.capabilities = message["params"]["capabilities"]
                version = message["params"]["protocolVersion"]
                result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
                self.result(message, result, session)
            case "tools/list":
                tools = [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]
                self.result(message, {"tools": tools})
            case _:
                self.result(message, {"serverInfo": info})

    def call(self, message):
        name = message["params"]["name"]
        if name == "silent":
            self.wait_until_gone()
        elif name == "steps":
            self.steps(message)
        elif name == "beside":
            self.beside(message)
        elif name in REQUESTS:
            self.ask(message, *REQUESTS[name])
        else:
            self.result(message, tool_result(LONG if name == "long" else "done"))

    def beside(self, message):
        for token in (message["params"]["_meta"]["progressToken"], "another"):
            params = {"progressToken": token, "progress": 1}
            for holder in self.server.holders:
                holder.send_event({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
        self.server.stopped.wait(STEP_S)
        self.result(message, tool_result("done"))

    def steps(self, message):
        token = message["params"].get("_meta", {}).get("progressToken")
        began = time.perf_counter()
        self.begin_stream()
        for step in range(1, 4):
            self.server.stopped.wait(began + step * STEP_S - time.perf_counter())
            if token is not None:
                params = {"progressToken": token, "progress": step, "total": 3}
                self.send_event({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
        self.server.stopped.wait(began + 4 * STEP_S - time.perf_counter())
        self.send_event({"jsonrpc": "2.0", "id": message["id"], "result": tool_result("done")})
        self.end_stream()

    def ask(self, message, method, params):
        if "Mcp-Session-Id" not in self.headers:
            self.ask_on_the_stateless_wire(message, method, params)
            return
        self.server.count("questions")
        number = f"question-{self.server.counts['questions']}"
        self.begin_stream()
        self.send_event({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        while number not in self.server.replies and not self.server.stopped.is_set():
            self.server.replied.wait(0.05)
        reply = self.server.replies.get(number, {})
        text = json.dumps(reply.get("result", reply.get("error")))
        # An event of several lines, with a character that some take for the end of a line.
        result = {"jsonrpc": "2.0", "id": message["id"], "result": tool_result(f"{text}\u2028")}
        self.send_event(result)
        # Some servers keep the stream open after the answer.
        self.server.stopped.wait(0.5)
        self.end_stream()

    def ask_on_the_stateless_wire(self, message, method, params):
        replies = message["params"].get("inputResponses")
        if replies is None:
            requests = {"one": {"method": method, "params": params}}
            result = {"resultType": "input_required", "inputRequests": requests, "requestState": "state"}
        else:
            assert message["params"]["requestState"] == "state"
            result = tool_result(json.dumps(replies["one"]))
        self.result(message, result)

    def wait_until_gone(self):
        self.connection.settimeout(0.05)
        while not self.server.stopped.is_set():
            try:
                if self.connection.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.close_connection = True

    def result(self, message, result, session=""):
        self.answer({"jsonrpc": "2.0", "id": message["id"], "result": result}, session)

    def accept(self):
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, document, session=""):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if session:
            self.send_header("Mcp-Session-Id", session)
            # As a load balancer does, to find the server of the session again.
            self.send_header("Set-Cookie", f"node={session}; Path=/")
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_event(self, message):
        event = f"event: message\ndata: {json.dumps(message, ensure_ascii=False)}\n\n".encode()
        self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        self.wfile.flush()

    def end_stream(self):
        self.wfile.write(b"0\r\n\r\n")


def tool_result(text):
    return {"content": [{"type": "text", "text": text}], "isError": False}


class State:
    """Settings and counts of a server, which its handlers share."""

    daemon_threads = True
    request_queue_size = 64

    def prepare(self, streams, one_at_a_time):
        self.streams = streams
        self.one_at_a_time = one_at_a_time
        self.counts = Counter()
        self.sessions = set()
        self.capabilities = None
        self.last_arguments = {}
        self.last_headers = {}
        self.refuses = False
        self.misrouted = []
        self.replies = {}
        self.holders = []
        self.replied = threading.Event()
        self.stopped = threading.Event()
        self._lock = threading.Lock()

    def count(self, what):
        with self._lock:
            self.counts[what] += 1

    def handle_error(self, *_arguments):
        pass  # clients that go away are part of the tests


class ThreadingServer(State, ThreadingHTTPServer):
    pass


class OneAtATimeServer(State, HTTPServer):
    pass


def make_server(streams="refused", *, one_at_a_time=False):
    """Return a server on a free port that does not serve yet."""
    server = (OneAtATimeServer if one_at_a_time else ThreadingServer)(("127.0.0.1", 0), Handler)
    server.prepare(streams, one_at_a_time)
    return server


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--streams", default="refused")
    parser.add_argument("--one-at-a-time", action="store_true")
    options = parser.parse_args()
    server = make_server(options.streams, one_at_a_time=options.one_at_a_time)
    partial = options.ready_file.with_suffix(".partial")
    partial.write_text(json.dumps({"url": f"http://127.0.0.1:{server.server_port}/mcp"}))
    partial.replace(options.ready_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
