"""An MCP server of books with tools, resources, prompts and completions; it needs only the standard library.

``library.py --ready-file PATH [--forget]``: with ``--forget`` every tenth loan has no id.
"""

import argparse
import itertools
import json
from pathlib import Path

from adder import Handler, Server

LOANS = itertools.count(2**53 + 1)
FORGETS = False


class RpcError(Exception):
    """A JSON-RPC error as the answer."""


class Library(Handler):
    def do_POST(self):
        try:
            super().do_POST()
        except RpcError as error:
            number, reason = error.args
            content = {"jsonrpc": "2.0", "id": number, "error": {"code": -32002, "message": reason}}
            self.answer(404, json.dumps(content).encode())

    def result(self, message):
        params = message.get("params", {})
        match message["method"]:
            case "tools/list":
                names = ["borrow", "give_back"]
                return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names]}
            case "tools/call":
                return self.call_tool(params["name"], params["arguments"])
            case "resources/read" if params["uri"].startswith("loan://"):
                text = json.dumps({"loan": int(params["uri"].removeprefix("loan://"))})
                return {"contents": [{"uri": params["uri"], "text": text}]}
            case "resources/read":
                raise RpcError(message["id"], f"there is no {params['uri']}")
            case "prompts/get":
                text = f"Please review {params['arguments']['title']}."
                return {"messages": [{"role": "user", "content": {"type": "text", "text": text}}]}
            case "completion/complete":
                return {"completion": {"values": [params["argument"]["value"] + "ne"]}}
        return super().result(message)

    def call_tool(self, name, arguments):
        if name == "give_back":
            picture = {"type": "image", "data": "aGk=", "mimeType": "image/png"}
            return {"content": [picture, {"type": "text", "text": f"Loan {arguments['loan']} is over."}]}
        number = next(LOANS)
        loan = {"title": arguments["title"], "days": arguments["days"]}
        if not FORGETS or number % 10:
            loan["loan"] = number
        return {"content": [{"type": "text", "text": json.dumps(loan)}]}


def main():
    global FORGETS  # noqa: PLW0603 - set once, before the server starts
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--forget", action="store_true")
    options = parser.parse_args()
    FORGETS = options.forget
    server = Server(("127.0.0.1", 0), Library)
    partial = options.ready_file.with_suffix(".partial")
    partial.write_text(json.dumps({"url": f"http://127.0.0.1:{server.server_port}/mcp"}))
    partial.replace(options.ready_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
