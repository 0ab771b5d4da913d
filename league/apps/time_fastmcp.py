"""The app of time_tools on plain FastMCP: over HTTP with --port, else over stdio.

Over HTTP it is served as an installation of FastMCP alone serves it: by h11 on asyncio.
"""

from __future__ import annotations

import argparse

from time_tools import create_server


def main() -> None:
    """Serve until a signal arrives or the input ends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, help="port on loopback; without one, stdio")
    options = parser.parse_args()
    mcp = create_server()
    if options.port is None:
        mcp.run(show_banner=False)
    else:
        mcp.run(
            transport="http",
            host="127.0.0.1",
            port=options.port,
            uvicorn_config={"http": "h11", "loop": "asyncio"},
            show_banner=False,
        )


if __name__ == "__main__":
    main()
