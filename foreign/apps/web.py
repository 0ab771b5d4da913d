"""A web server whose answers are in a JSON file: they stand in for the services that some MCP servers ask.

    python web.py pages.json --port 8000

The file maps paths to answers: a text is served as HTML, anything else as JSON. The query string is ignored,
requests to a proxy are answered like any other, and an unknown path gets 404.
"""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class Handler(BaseHTTPRequestHandler):
    """Answers from the table of the server."""

    protocol_version = "HTTP/1.1"
    answers: dict[str, Any]

    def do_GET(self) -> None:
        """Answer with what the file says for the path."""
        path = urlsplit(self.path).path or "/"
        answer = self.answers.get(path)
        is_page = isinstance(answer, str)
        body = answer if is_page else json.dumps({"message": "not found"} if answer is None else answer)
        content = body.encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Type", "text/html" if is_page else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        """Read the request and answer as to GET."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002 - the base's
        """Print method, path and status, which show what a server asked for."""
        print(self.command, self.path, code, flush=True)


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    Handler.answers = json.loads(options.file.read_text(encoding="utf-8"))
    ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
