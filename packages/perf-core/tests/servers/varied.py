"""An MCP server with tools of many kinds, for drawn calls; it needs only the standard library.

``varied.py --ready-file PATH [--tools NAME;NAME] [--more N] [--slow-s S] [--open-s S] [--swap-every N]``.
``GET /counts`` returns the calls by tool, and under ``swapped`` how many answers were those of another
session's call: every N-th call while more than four sessions are open.
"""

import argparse
import itertools
import json
import random
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

READ_ONLY = {"readOnlyHint": True}
NODE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
    },
    "required": ["name"],
}
ENDLESS = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["next"]}
USERS = {f"u-{number}": f"User {number}" for number in (17, 23, 42)}
SESSIONS = itertools.count(1)
OPEN = set()
COUNTS = {"swapped": 0}
LOCK = threading.Lock()
REPLIES = {}
LAST = {}
OPTIONS = argparse.Namespace()
START = uuid.uuid4().hex
TOTAL = itertools.count(1)
CHANCE = random.Random()  # noqa: S311 - answers that vary, not secrets


def schema(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required)}


def tool(name, input_schema=None, hints=READ_ONLY, **more):
    described = {"name": name, "inputSchema": input_schema or schema(), **more}
    return {**described, "annotations": hints} if hints is not None else described


NUMBER, TEXT = {"type": "integer"}, {"type": "string"}
TOOLS = [
    tool("sum", schema("ab", a=NUMBER, b=NUMBER)),
    tool("greet", schema(["name"], name=TEXT)),
    tool("forecast", schema(["city"], city={"enum": ["Oslo", "Rome", "Lima"]})),
    tool("note", schema(["number"], number=NUMBER)),
    tool("line", schema(["city"], city={**TEXT, "description": "A city, e.g. 'Oslo' or 'Rome'"})),
    tool("dice"),
    tool("noise"),
    tool("whoami"),
    tool("start"),
    tool("clock"),
    tool("picture"),
    tool("grüße"),
    tool("get_user", schema(["user_id"], user_id=TEXT)),
    tool("list_users"),
    tool("fetch_page", schema(["url"], url=TEXT)),
    tool("tree", {**schema(["root"], root={"$ref": "#/$defs/node"}), "$defs": {"node": NODE}}),
    tool("endless", {**schema(["first"], first={"$ref": "#/$defs/node"}), "$defs": {"node": ENDLESS}}),
    tool("level", schema(["value"], value={"enum": ["low", "high"]})),
    tool("strict", schema(["code"], code={**TEXT, "pattern": "^[A-Z]{3}-[0-9]{2}$"})),
    tool("once"),
    tool("hang"),
    tool("asks"),
    tool("slow", schema(["n"], n=NUMBER)),
    tool("broken"),
    tool("odd_schema", {"type": 5}),
    {"name": "no_schema", "annotations": READ_ONLY},
    tool("bad,name"),
    tool("task_only", execution={"taskSupport": "required"}),
    tool("unmarked", hints=None),
    tool("write_note", hints={"readOnlyHint": False}),
    tool("almost", hints={"readOnlyHint": "true"}),
    tool("delete_all", hints={"destructiveHint": True}),
]


def text(words):
    return {"content": [{"type": "text", "text": words}]}


def structured(value):
    return {**text(json.dumps(value)), "structuredContent": value}


def error(words):
    return {**text(words), "isError": True}


def forecast(arguments, _session):
    wind = {"from": "N", "speed": CHANCE.random()}
    return structured({"city": arguments["city"], "degrees": CHANCE.random() * 30, "wind": wind})


def picture(_arguments, _session):
    image = {"type": "image", "data": "aGVsbG8=", "mimeType": "image/png"}
    return {"content": [{"type": "text", "text": "A picture"}, image]}


def get_user(arguments, _session):
    user = arguments["user_id"]
    return structured({"id": user, "name": USERS[user]}) if user in USERS else error("no such user")


def slow(arguments, _session):
    time.sleep(OPTIONS.slow_s)
    return text(f"slow {arguments['n']}")


ANSWERS = {
    "sum": lambda a, _: structured({"result": a["a"] + a["b"]}),
    "greet": lambda a, _: text(f"Hello, {a['name']}!"),
    "forecast": forecast,
    "note": lambda a, _: text(json.dumps({"number": a["number"], "seen": CHANCE.random()})),
    "line": lambda a, _: text(f"Weather of {a['city']} now: {CHANCE.random() * 30:.4f} degrees"),
    "dice": lambda *_: structured({"value": CHANCE.randint(1, 6)}),
    "noise": lambda *_: text("".join(CHANCE.choices("abcdefghijklmnopqrstuvwxyz", k=40))),
    "start": lambda *_: text(f"started as {START}"),
    "whoami": lambda _, session: text(f"you are {session}"),
    "clock": lambda *_: text(time.strftime("It is %Y-%m-%d %H:%M", time.gmtime())),
    "picture": picture,
    "list_users": lambda *_: structured({"users": [{"id": i, "name": name} for i, name in USERS.items()]}),
    "get_user": get_user,
    "fetch_page": lambda *_: text("Error: fetch failed"),
    "once": lambda *_: text("first") if COUNTS["once"] == 1 else error("only once"),
    "slow": slow,
    "broken": lambda *_: error("the disk is full"),
}


def counted_answer(name, arguments, session):
    with LOCK:
        COUNTS[name] = COUNTS.get(name, 0) + 1
    known = ANSWERS.get(name)
    right = known(arguments, session) if known else text(f"{name} {json.dumps(arguments, sort_keys=True)}")
    with LOCK:
        number = next(TOTAL)
        others = [result for (of, its), result in LAST.items() if of == name and its != session]
        LAST[name, session] = right
        is_loaded = len(OPEN) > 4
        foreign = next((each for each in others if each != right and differs(each, right)), None)
        if OPTIONS.swap_every and is_loaded and number % OPTIONS.swap_every == 0 and foreign is not None:
            COUNTS["swapped"] += 1
            return foreign
    return right


def differs(one, other):
    """Return whether two answers differ in more than what varies by chance."""

    def constant(result):
        content = result.get("structuredContent")
        return {k: v for k, v in content.items() if k not in {"degrees", "wind"}} if content else result

    return constant(one) != constant(other)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_arguments):
        pass

    def do_GET(self):
        self.send(200, COUNTS) if self.path == "/counts" else self.send(404, None)

    def do_DELETE(self):
        OPEN.discard(self.headers["Mcp-Session-Id"])
        self.send(200, None)

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        if "method" not in message:
            REPLIES[message["id"]].set()
            self.send(202, None)
            return
        if "id" not in message:
            self.send(202, None)
            return
        session = self.headers["Mcp-Session-Id"] or f"session-{next(SESSIONS)}"
        OPEN.add(session)
        params = message.get("params", {})
        if message["method"] == "tools/call" and params["name"] == "hang":
            COUNTS["hang"] = COUNTS.get("hang", 0) + 1
            self.rfile.read(1)
            return
        if message["method"] == "tools/call" and params["name"] == "asks":
            self.ask(message["id"])
            return
        result = self.result(message["method"], params, session)
        if result is None:
            failure = {"code": -32601, "message": f"no method {message['method']}"}
            self.send(200, {"jsonrpc": "2.0", "id": message["id"], "error": failure})
            return
        self.send(200, {"jsonrpc": "2.0", "id": message["id"], "result": result}, session)

    def result(self, method, params, session):
        info = {"name": "varied", "version": "1"}
        if method == "initialize":
            time.sleep(OPTIONS.open_s)
        if method == "tools/call":
            return counted_answer(params["name"], params.get("arguments", {}), session)
        version = params.get("protocolVersion")
        results = {
            "initialize": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info},
            "server/discover": {"_meta": {"io.modelcontextprotocol/serverInfo": info}},
            "ping": {},
            "tools/list": {"tools": OPTIONS.listed},
            "prompts/list": {"prompts": [{"name": "hello"}]},
        }
        return results.get(method)

    def ask(self, number):
        COUNTS["asks"] = COUNTS.get("asks", 0) + 1
        asked = f"ask-{number}"
        REPLIES[asked] = threading.Event()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        request = {"method": "elicitation/create", "params": {"message": "?"}}
        self.event({"jsonrpc": "2.0", "id": asked, **request})
        REPLIES[asked].wait(20)
        self.event({"jsonrpc": "2.0", "id": number, "result": text("thank you")})
        self.close_connection = True

    def event(self, message):
        self.wfile.write(f"event: message\r\ndata: {json.dumps(message)}\r\n\r\n".encode())
        self.wfile.flush()

    def send(self, status, document, session=""):
        body = b"" if document is None else json.dumps(document, separators=(",", ":")).encode()
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
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--tools", default="all")
    parser.add_argument("--more", type=int, default=0)
    parser.add_argument("--slow-s", type=float, default=0.0)
    parser.add_argument("--open-s", type=float, default=0.0)
    parser.add_argument("--swap-every", type=int, default=0)
    parser.parse_args(namespace=OPTIONS)
    names = OPTIONS.tools.split(";")
    OPTIONS.listed = [each for each in TOOLS if OPTIONS.tools == "all" or each["name"] in names]
    OPTIONS.listed += [tool(f"more_{number}") for number in range(OPTIONS.more)]
    server = Server(("127.0.0.1", 0), Handler)
    partial = OPTIONS.ready_file.with_suffix(".partial")
    partial.write_text(json.dumps({"url": f"http://127.0.0.1:{server.server_port}/mcp"}))
    partial.replace(OPTIONS.ready_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
