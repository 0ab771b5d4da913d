"""An MCP server on standard input and output that adds, with optional faults; standard library only.

``--style`` is how answers are written: ``python`` (id first), ``typescript`` (result first), ``blanks``.
``--fault`` selects a fault:

* ``banner``: writes lines on standard output that are no messages
* ``crash``: says why on standard error and exits with code 3 at the 3rd call
* ``crash-at-start``: exits with code 4 before it answers anything
* ``mute``: never answers a call
* ``late``: answers each call after 0.3 seconds
* ``slow-start``: needs 1.5 seconds to start
* ``stubborn``: ignores the end of its input and SIGTERM
* ``forks``: has a child that ignores the end of its input and SIGTERM; its pid is on standard error
* ``daemon``: the same, with a child that has left its process group
* ``launcher``: the process that was started ends at once, and its child remains
* ``asks``: sends four requests during each call, and puts the answers into its result
* ``progress``: sends two progress notifications before its answer
* ``long``: its answer has as many bytes as ``a`` says
* ``closes``: closes its output at the 2nd call and goes on running
* ``twice``: answers each call twice
* ``other-id``: answers each call with an id that nobody has used, and then rightly
* ``batch``: answers with a batch of a notification and the answer
* ``die``: kills itself with SIGKILL at the 20th call of its process
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

STUBBORN = "import signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN); threading.Event().wait()"


class Adder:
    def __init__(self, fault, style):
        self.fault = fault
        self.style = style
        self.calls = 0

    def write(self, message):
        self.write_text(self.text_of(message) + "\n")

    def text_of(self, message):
        if self.style == "blanks":
            return json.dumps({"id": message.get("id"), **message}, separators=(" , ", " : "))
        if self.style == "typescript" and "result" in message:
            message = {"result": message["result"], "jsonrpc": "2.0", "id": message["id"]}
        return json.dumps(message, separators=(",", ":"))

    def write_text(self, text):
        sys.stdout.write(text)
        sys.stdout.flush()

    def serve(self):
        for line in sys.stdin:
            message = json.loads(line)
            if "method" in message and "id" in message:
                result = self.result(message)
                if result is not None:
                    self.answer(message, result)
        if self.fault == "stubborn":
            threading.Event().wait()

    def answer(self, message, result):
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        if self.fault == "batch" and message["method"] == "tools/call":
            note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}
            self.write_text(json.dumps([note, answer]) + "\n")
            return
        self.write(answer)
        if self.fault == "twice" and message["method"] == "tools/call":
            self.write(answer)

    def result(self, message):
        method = message["method"]
        if method == "initialize":
            version = message["params"].get("protocolVersion", "2025-11-25")
            info = {"name": "stdio-adder", "version": "1"}
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
        if method == "server/discover":
            info = {"name": "stdio-adder", "version": "1"}
            return {"_meta": {"io.modelcontextprotocol/serverInfo": info}}
        if method == "ping":
            return {}
        if method == "tools/list":
            schema = {
                "type": "object",
                "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                "required": ["a", "b"],
            }
            hints = {"readOnlyHint": True}
            return {"tools": [{"name": "add", "inputSchema": schema, "annotations": hints}]}
        return self.add(message)

    def add(self, message):
        self.calls += 1
        arguments = message["params"]["arguments"]
        total = arguments["a"] + arguments["b"]
        text = str(total)
        if self.fault == "banner":
            self.write_text("Loading the reactor ...\n")
        elif self.fault == "crash" and self.calls == 3:
            print("the reactor is cold", file=sys.stderr, flush=True)
            os._exit(3)
        elif self.fault == "die" and self.calls == 20:
            print("out of luck", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.fault == "mute":
            return None
        elif self.fault == "late":
            time.sleep(0.3)
        elif self.fault == "asks":
            text = json.dumps(self.ask())
        elif self.fault == "progress":
            token = message["params"].get("_meta", {}).get("progressToken")
            for step in (1, 2) if token is not None else ():
                params = {"progressToken": token, "progress": step, "total": 2}
                self.write({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
        elif self.fault == "long":
            text = "x" * arguments["a"]
        elif self.fault == "closes" and self.calls == 2:
            os.close(1)
            threading.Event().wait()
        elif self.fault == "other-id":
            self.write({"jsonrpc": "2.0", "id": 999_999, "result": {}})
        return {
            "content": [{"type": "text", "text": text}],
            "structuredContent": {"result": total, "pid": os.getpid()}
            if arguments.get("b") == 1_000
            else {"result": total},
        }

    def ask(self):
        answers = []
        for method in ("elicitation/create", "sampling/createMessage", "roots/list", "ping"):
            self.write({"jsonrpc": "2.0", "id": f"s-{method}", "method": method, "params": {}})
            answer = json.loads(sys.stdin.readline())
            answers.append(answer.get("result", answer.get("error", {}).get("code")))
        return answers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", default="")
    parser.add_argument("--style", default="python")
    options, _ = parser.parse_known_args()
    if options.fault == "crash-at-start":
        print("no reactor at all", file=sys.stderr, flush=True)
        sys.exit(4)
    if options.fault == "slow-start":
        time.sleep(1.5)
    if options.fault == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if options.fault in ("forks", "daemon"):
        child = subprocess.Popen(
            [sys.executable, "-c", STUBBORN],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=options.fault == "daemon",
        )
        print(f"grandchild {child.pid}", file=sys.stderr, flush=True)
    if options.fault == "launcher":
        subprocess.Popen([sys.executable, __file__])
        sys.exit(0)
    print(f"started {os.getpid()}", file=sys.stderr, flush=True)
    Adder(options.fault, options.style).serve()


if __name__ == "__main__":
    main()
