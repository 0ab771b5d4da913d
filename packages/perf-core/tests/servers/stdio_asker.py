"""A server on stdio whose only tool asks its client to fill in a form, if the client says that it can."""

import json
import sys


def send(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def tool_result(text, *, is_error=False):
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


def main():
    capabilities = {}
    asked_in = None
    for line in sys.stdin:
        message = json.loads(line)
        match message.get("method"):
            case "initialize":
                params = message["params"]
                capabilities = params["capabilities"]
                info = {"name": "asker", "version": "1"}
                result = {
                    "protocolVersion": params["protocolVersion"],
                    "capabilities": {},
                    "serverInfo": info,
                }
                send({"id": message["id"], "result": result})
            case "tools/list":
                tools = [{"name": "ask", "inputSchema": {"type": "object"}}]
                send({"id": message["id"], "result": {"tools": tools}})
            case "tools/call" if "elicitation" in capabilities:
                asked_in = message["id"]
                params = {"message": "Which city?", "requestedSchema": {"type": "object"}}
                send({"id": "question", "method": "elicitation/create", "params": params})
            case "tools/call":
                send({"id": message["id"], "result": tool_result("nobody to ask", is_error=True)})
            case None if message.get("id") == "question":
                send({"id": asked_in, "result": tool_result(json.dumps(message["result"]))})


if __name__ == "__main__":
    main()
